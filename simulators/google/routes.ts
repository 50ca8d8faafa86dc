import type { RouteDefinition } from '../kernel/routes.ts'
import { getAbout, listDrives } from './drive/about.ts'
import { getStartPageToken, listChanges } from './drive/changes.ts'
import { exportFile, getFile } from './drive/download.ts'
import { copyFile, createFile, deleteFile, emptyTrash, generateIds, updateFile } from './drive/files.ts'
import { listFiles } from './drive/list.ts'
import { deleteRevision, getRevision, listRevisions, updateRevision } from './drive/revisions.ts'
import type { ResumableUploads } from './drive/resumable.ts'
import { isSessionAddress } from './drive/sessions.ts'
import { upload } from './drive/upload.ts'
import { decideConsent, showConsent } from './oauth/authorize.ts'
import type { Signer } from './oauth/identity.ts'
import { discovery } from './oauth/identity.ts'
import { exchangeToken, revoke, tokenInfo, userInfo } from './oauth/token.ts'
import type { GoogleState } from './state.ts'

/** Every endpoint of the simulator. What lives on several hosts at Google is on one origin here. */
export function googleRoutes(
  state: GoogleState,
  signer: Signer,
  uploads: ResumableUploads,
): RouteDefinition[] {
  return [...oauthRoutes(state, signer), ...driveRoutes(state, uploads)]
}

// Older addresses of the same endpoints are still in use by clients, so they answer too.
function oauthRoutes(state: GoogleState, signer: Signer): RouteDefinition[] {
  const authorize = /^\/o\/oauth2\/(?:v2\/)?auth$/
  const token = /^\/(?:token|oauth2\/v4\/token|o\/oauth2\/token)$/
  const revocation = /^\/(?:revoke|o\/oauth2\/revoke)$/
  const info = /^\/(?:tokeninfo|oauth2\/v3\/tokeninfo)$/
  const user = /^\/(?:v1\/userinfo|oauth2\/v3\/userinfo)$/
  return [
    { method: 'GET', path: authorize, handler: (x) => showConsent(state, x) },
    { method: 'POST', path: authorize, handler: (x) => decideConsent(state, x) },
    { method: 'POST', path: token, handler: (x) => exchangeToken(state, signer, x) },
    { method: 'POST', path: revocation, handler: (x) => revoke(state, x) },
    { method: 'GET', path: revocation, handler: (x) => revoke(state, x) },
    { method: 'GET', path: info, handler: (x) => tokenInfo(state, signer, x) },
    { method: 'POST', path: info, handler: (x) => tokenInfo(state, signer, x) },
    { method: 'GET', path: user, handler: (x) => userInfo(state, x) },
    { method: 'POST', path: user, handler: (x) => userInfo(state, x) },
    {
      method: 'GET',
      path: '/.well-known/openid-configuration',
      handler: (x) => x.json(200, discovery(x.origin), { 'cache-control': 'public, max-age=3600' }),
    },
    {
      method: 'GET',
      path: '/oauth2/v3/certs',
      handler: async (x) =>
        x.json(200, { keys: [(await signer.key()).jwk] }, { 'cache-control': 'public, max-age=3600' }),
    },
    {
      method: 'GET',
      path: '/oauth2/v1/certs',
      async handler(x) {
        const { kid, pem } = await signer.key()
        await x.json(200, { [kid]: pem }, { 'cache-control': 'public, max-age=3600' })
      },
    },
  ]
}

function revisionRoutes(state: GoogleState): RouteDefinition[] {
  const path = '/drive/v3/files/:id/revisions/:revision'
  return [
    { method: 'GET', path: '/drive/v3/files/:id/revisions', handler: (x) => listRevisions(state, x) },
    { method: 'GET', path, handler: (x) => getRevision(state, x) },
    { method: 'PATCH', path, handler: (x) => updateRevision(state, x) },
    { method: 'DELETE', path, handler: (x) => deleteRevision(state, x) },
  ]
}

function driveRoutes(state: GoogleState, uploads: ResumableUploads): RouteDefinition[] {
  const session = /^\/(?:resumable\/)?upload\/drive\/v3\/files(?:\/(?<id>[^/]+))?$/
  return [
    { method: 'GET', path: '/drive/v3/about', handler: (x) => getAbout(state, x) },
    { method: 'GET', path: '/drive/v3/drives', handler: (x) => listDrives(state, x) },
    { method: 'GET', path: '/drive/v3/changes', handler: (x) => listChanges(state, x) },
    {
      method: 'GET',
      path: '/drive/v3/changes/startPageToken',
      handler: (x) => getStartPageToken(state, x),
    },
    { method: 'GET', path: '/drive/v3/files', handler: (x) => listFiles(state, x) },
    { method: 'POST', path: '/drive/v3/files', handler: (x) => createFile(state, x) },
    { method: 'GET', path: '/drive/v3/files/generateIds', handler: (x) => generateIds(state, x) },
    { method: 'DELETE', path: '/drive/v3/files/trash', handler: (x) => emptyTrash(state, x) },
    { method: 'GET', path: '/drive/v3/files/:id', handler: (x) => getFile(state, x) },
    { method: 'PATCH', path: '/drive/v3/files/:id', handler: (x) => updateFile(state, x) },
    { method: 'DELETE', path: '/drive/v3/files/:id', handler: (x) => deleteFile(state, x) },
    { method: 'POST', path: '/drive/v3/files/:id/copy', handler: (x) => copyFile(state, x) },
    ...revisionRoutes(state),
    { method: 'GET', path: '/drive/v3/files/:id/export', handler: (x) => exportFile(state, x) },
    {
      method: 'POST',
      path: '/upload/drive/v3/files',
      handler: (x) => (isSessionAddress(x.url) ? uploads.handle(x) : upload(state, x)),
    },
    { method: 'PATCH', path: '/upload/drive/v3/files/:id', handler: (x) => upload(state, x) },
    { method: 'PUT', path: session, handler: (x) => uploads.handle(x) },
    // Google's own Go client, and what is built on it, sends fragments by POST.
    // https://github.com/googleapis/google-api-go-client/blob/main/internal/gensupport/resumable.go
    { method: 'POST', path: session, handler: (x) => uploads.handle(x) },
    { method: 'DELETE', path: session, handler: (x) => uploads.cancel(x) },
  ]
}
