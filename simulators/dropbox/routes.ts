import type { Exchange } from '../kernel/exchange.ts'
import type { RouteDefinition } from '../kernel/routes.ts'
import { copy, createFolder, move, permanentlyDelete, remove } from './files/changes.ts'
import { continueList, latestCursor, listFolder } from './files/list.ts'
import { download, followLink, getMetadata, listRevisions, restore, temporaryLink } from './files/read.ts'
import { appendToSession, finishSession, finishSessions, startSession } from './files/sessions.ts'
import { upload } from './files/upload.ts'
import { decideConsent, showConsent } from './oauth/authorize.ts'
import { exchangeToken } from './oauth/token.ts'
import type { DropboxState } from './state.ts'
import { currentAccount, revoke, spaceUsage } from './users.ts'

type Answer = (state: DropboxState, x: Exchange) => Promise<void>

/** Every route of version 2 that is played, by its name. */
const calls: Readonly<Record<string, Answer>> = {
  'auth/token/revoke': revoke,
  'users/get_current_account': currentAccount,
  'users/get_space_usage': spaceUsage,
  'files/upload': upload,
  'files/upload_session/start': startSession,
  'files/upload_session/append_v2': appendToSession,
  'files/upload_session/finish': finishSession,
  'files/upload_session/finish_batch_v2': finishSessions,
  'files/get_metadata': getMetadata,
  'files/download': download,
  'files/get_temporary_link': temporaryLink,
  'files/list_revisions': listRevisions,
  'files/restore': restore,
  'files/delete_v2': remove,
  'files/permanently_delete': permanentlyDelete,
  'files/move_v2': move,
  'files/copy_v2': copy,
  'files/create_folder_v2': createFolder,
  'files/list_folder': listFolder,
  'files/list_folder/continue': continueList,
  'files/list_folder/get_latest_cursor': latestCursor,
}

/** Every endpoint of the simulator. What lives on several hosts at Dropbox is on one origin here. */
export function dropboxRoutes(state: DropboxState): RouteDefinition[] {
  // The addresses of version 1 are still in use by clients, as by Go's `golang.org/x/oauth2`.
  const authorize = /^(?:\/1)?\/oauth2\/authorize$/
  const token = /^(?:\/1)?\/oauth2\/token$/
  const link = /^\/cd\/0\/get\/(?<id>[^/]+)\/(?<until>\d+)\/(?<signature>[\w-]+)\/file$/
  return [
    { method: 'GET', path: authorize, handler: (x) => showConsent(state, x) },
    { method: 'POST', path: authorize, handler: (x) => decideConsent(state, x) },
    { method: 'POST', path: token, handler: (x) => exchangeToken(state, x) },
    { method: 'GET', path: link, handler: (x) => followLink(state, x) },
    ...Object.entries(calls).map(([name, answer]) => ({
      method: 'POST',
      path: `/2/${name}`,
      handler: (x: Exchange) => answer(state, x),
    })),
  ]
}
