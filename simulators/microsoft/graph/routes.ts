import type { Exchange } from '../../kernel/exchange.ts'
import type { RouteDefinition } from '../../kernel/routes.ts'
import { parseAddress } from './address.ts'
import { download } from './download.ts'
import { DOWNLOAD_PATH } from '../drive/links.ts'
import { driveBody } from '../drive/drive-item.ts'
import { graphError, graphErrorBody, GraphFailure, itemNotFound, storageErrorBody } from './errors.ts'
import type { GraphCall } from './call.ts'
import { authenticate, driveScope, headerOf, itemView } from './call.ts'
import { copyItem, getMonitor, MONITOR_PATH } from './copy.ts'
import { delta } from './delta.ts'
import { getVersion, getVersionContent, listVersions, restoreItem, restoreVersion } from './history.ts'
import { getContent, getDrive, getItem, listChildren, search } from './read.ts'
import { createFolder, deleteItem, permanentDelete, putContent, updateItem } from './write.ts'
import { getMe, getUserinfo } from './profile.ts'
import type { Context } from '../drive/records.ts'
import { newGuid } from '../drive/ids.ts'
import { commitFromSource, createUploadSession } from '../upload/create.ts'
import { UPLOAD_PATH, uploadHandlers } from '../upload/url.ts'

const DRIVE_PATH = /^\/v1\.0\/(?:me\/drive|drives\/[^/]+)(?:[/:].*)?$/u

type Operation = (call: GraphCall) => Promise<void>

/** Drive operations by method and action; `*` is the drive itself. */
const OPERATIONS: Record<string, Operation> = {
  'GET *': getDrive,
  'GET ': getItem,
  'GET content': getContent,
  'GET children': listChildren,
  'GET search': search,
  'GET delta': delta,
  'GET versions': listVersions,
  'GET version ': getVersion,
  'GET version content': getVersionContent,
  'POST version restoreVersion': restoreVersion,
  'POST restore': restoreItem,
  'PUT content': putContent,
  'PUT ': commitFromSource,
  'POST children': createFolder,
  'POST createUploadSession': createUploadSession,
  'POST copy': copyItem,
  'POST permanentDelete': permanentDelete,
  'PATCH ': updateItem,
  'DELETE ': deleteItem,
}

/** Everything that lives on graph.microsoft.com, and the pre-authenticated URLs of the storage behind it. */
export function graphRoutes(context: Context): RouteDefinition[] {
  const uploads = uploadHandlers(context)
  const graph = (
    method: string,
    path: string | RegExp,
    handler: (x: Exchange) => Promise<void>,
  ): RouteDefinition => ({
    method,
    path,
    handler: (x) => answering(context, x, 'graph', handler),
  })
  const storage = (method: string, path: string | RegExp, handler: (x: Exchange) => Promise<void>) => ({
    method,
    path,
    handler: (x: Exchange) => answering(context, x, 'storage', handler),
  })
  return [
    graph('GET', '/v1.0/me', (x) => getMe(context, x)),
    graph('GET', '/oidc/userinfo', (x) => getUserinfo(context, x)),
    graph('POST', '/oidc/userinfo', (x) => getUserinfo(context, x)),
    graph('GET', '/v1.0/me/drives', (x) => listDrives(context, x)),
    ...['GET', 'PUT', 'POST', 'PATCH', 'DELETE'].map((method) =>
      graph(method, DRIVE_PATH, (x) => driveOperation(context, x)),
    ),
    storage('PUT', UPLOAD_PATH, (x) => uploads.put(x)),
    storage('GET', UPLOAD_PATH, (x) => uploads.get(x)),
    storage('DELETE', UPLOAD_PATH, (x) => uploads.cancel(x)),
    storage('POST', UPLOAD_PATH, (x) => uploads.commit(x)),
    storage('GET', DOWNLOAD_PATH, (x) => download(context, x)),
    storage('GET', MONITOR_PATH, (x) => getMonitor(context, x)),
  ]
}

async function driveOperation(context: Context, x: Exchange): Promise<void> {
  const { account, token } = authenticate(context, x)
  const address = parseAddress(x.url.pathname)
  if (address === undefined) throw graphError(400, 'BadRequest', 'Resource not found for the segment.')
  if (address.driveId !== null && address.driveId.toLowerCase() !== account.driveId.toLowerCase()) {
    throw itemNotFound('The drive was not found.')
  }
  const whole = address.anchor === null && address.action === ''
  const operation = OPERATIONS[`${x.method} ${whole ? '*' : address.action}`]
  if (operation === undefined) {
    throw graphError(501, 'notSimulated', `not simulated: ${x.method} ${address.action || 'of the drive'}`)
  }
  await operation({ context, x, address, account, token, view: itemView(context, account, x.origin) })
}

async function listDrives(context: Context, x: Exchange): Promise<void> {
  const { account, token } = authenticate(context, x)
  driveScope(token, 'read')
  await x.json(200, { '@odata.context': `${x.origin}/v1.0/$metadata#drives`, value: [driveBody(account, 0)] })
}

/** Runs a handler; a failure that it throws goes out in the shape that this part of the service has. */
async function answering(
  context: Context,
  x: Exchange,
  part: 'graph' | 'storage',
  handler: (x: Exchange) => Promise<void>,
): Promise<void> {
  const requestId = newGuid(context.random)
  const clientRequestId = headerOf(x, 'client-request-id') ?? requestId
  if (part === 'graph') {
    x.res.setHeader('request-id', requestId)
    x.res.setHeader('client-request-id', clientRequestId)
  }
  try {
    await handler(x)
  } catch (error) {
    if (!(error instanceof GraphFailure)) throw error
    const body =
      part === 'graph'
        ? graphErrorBody(error, context.clock.now(), requestId, clientRequestId)
        : storageErrorBody(error)
    await x.json(error.status, body, error.headers)
  }
}
