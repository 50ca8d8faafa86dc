import { base64Hash, readDigests } from '../drive/digests.ts'
import { driveItem } from '../drive/drive-item.ts'
import { graphError, nameTaken } from './errors.ts'
import type { GraphCall } from './call.ts'
import {
  assertInScope,
  conflictBehavior,
  existingItem,
  headerOf,
  queryConflict,
  targetPlace,
} from './call.ts'
import { odata } from './read.ts'
import { assertName } from '../drive/names.ts'
import type { Change } from '../drive/operations.ts'
import {
  assertMatch,
  assertSpace,
  binItem,
  changeItem,
  commitFile,
  freshAccount,
  purgeItem,
} from '../drive/operations.ts'
import type { Item } from '../drive/records.ts'
import { newGuid } from '../drive/ids.ts'
import { addFolder, childNamed, descend, freeName, itemById, subtree } from '../drive/tree.ts'
import { endSessionsOn } from '../upload/ended.ts'
import { changeBody, newFolderBody, readBody, timesOf } from './wire.ts'

const LARGEST_PUT = 250 * 1024 * 1024

/**
 * `POST .../children`: a new folder. An existing one answers 409
 * unless the behaviour is `rename` or `replace`.
 */
export async function createFolder(call: GraphCall): Promise<void> {
  const parent = existingItem(call, 'write')
  const body = await readBody(call.x, newFolderBody)
  if (parent.kind === 'file') throw graphError(400, 'invalidRequest', 'A file has no children.')
  if (body.folder === undefined)
    throw graphError(400, 'invalidRequest', 'Only folders can be created this way.')
  assertName(body.name, call.account.kind)
  const conflict = conflictBehavior(body['@microsoft.graph.conflictBehavior'], 'fail')
  const { context } = call
  const folder = context.store.transaction(() => {
    const { tables } = context
    const account = freshAccount(context, call.account.email)
    const existing = childNamed(tables, parent.id, body.name)
    if (existing === undefined) return addFolder(context, account, parent, body.name)
    if (conflict === 'replace' && existing.kind === 'folder') return existing
    if (conflict !== 'rename') throw nameTaken()
    return addFolder(
      context,
      account,
      parent,
      freeName(tables, account, parent.id, body.name, context.clock.now()),
    )
  })
  await answerItem(call, 201, folder)
}

/**
 * `PUT .../content`: the whole file in one request; 201 for a new
 * one, 200 for a new version. Replaces by default.
 * https://learn.microsoft.com/graph/api/driveitem-put-content
 */
export async function putContent(call: GraphCall): Promise<void> {
  const { context, x } = call
  const length = x.contentLength
  if (length === undefined) throw graphError(411, 'lengthRequired', 'A Content-Length header is required.')
  if (length > LARGEST_PUT)
    throw graphError(413, 'requestEntityTooLarge', 'Use an upload session for large files.')
  const conflict = queryConflict(x, 'replace')
  const { parent, name } = targetPlace(call)
  const existing = childNamed(context.tables, parent.id, name)
  const ifMatch = headerOf(x, 'if-match')
  assertMatch(existing, ifMatch)
  assertNoneMatch(existing, headerOf(x, 'if-none-match'))
  if (existing !== undefined && conflict === 'fail') throw nameTaken()
  assertSpace(call.account, length, existing)

  const blob = newGuid(context.random)
  await context.blobs.write(blob, 0, x.body, length)
  try {
    // An upload that broke off leaves nothing behind.
    if (x.broken) throw graphError(400, 'invalidRequest', 'The request body is incomplete.')
    const size = await context.blobs.grow(blob, x.rewrites(name))
    const digests = await readDigests(context, blob)
    const stored = commitFile(context, {
      email: call.account.email,
      parentId: parent.id,
      name,
      conflict,
      ifMatch,
      blob,
      size,
      quickXorHash: base64Hash(digests),
      sha256: digests.sha256,
    })
    for (const each of stored.obsolete) await context.blobs.delete(each)
    await answerItem(call, stored.created ? 201 : 200, stored.item)
  } catch (error) {
    if (!isStored(call, blob)) await context.blobs.delete(blob)
    throw error
  }
}

function isStored(call: GraphCall, blob: string): boolean {
  return call.context.tables.items.where('blob', blob).length > 0
}

/** `If-None-Match: *` creates only; with a tag it refuses that version. */
export function assertNoneMatch(item: Item | undefined, header: string | null): void {
  if (header === null || item === undefined) return
  try {
    assertMatch(item, header)
  } catch {
    return
  }
  throw graphError(412, 'resourceModified', 'The item exists already.', 'entityTagMatches')
}

/**
 * `PATCH`: rename, move (`parentReference`), times and description.
 * https://learn.microsoft.com/graph/api/driveitem-update
 */
export async function updateItem(call: GraphCall): Promise<void> {
  const item = existingItem(call, 'write')
  const body = await readBody(call.x, changeBody)
  const change: Change = {
    conflict: conflictBehavior(body['@microsoft.graph.conflictBehavior'], queryConflict(call.x, 'fail')),
    fileSystemInfo: timesOf(body.fileSystemInfo),
  }
  if (body.name !== undefined) change.name = body.name
  if (body.description !== undefined) change.description = body.description
  const parent = referencedFolder(call, body.parentReference)
  if (parent !== undefined) change.parentId = parent.id
  const changed = changeItem(call.context, call.account.email, item.id, change, headerOf(call.x, 'if-match'))
  await answerItem(call, 200, changed)
}

/**
 * The folder that a `parentReference` means, by id or by `/drive/root:/path`; undefined when it names none.
 */
export function referencedFolder(
  call: GraphCall,
  reference:
    | {
        driveId?: string | null | undefined
        id?: string | null | undefined
        path?: string | null | undefined
      }
    | undefined,
): Item | undefined {
  const { context, account } = call
  const driveId = reference?.driveId ?? account.driveId
  if (driveId.toLowerCase() !== account.driveId.toLowerCase()) {
    throw graphError(400, 'invalidRequest', 'Items cannot go to another drive.')
  }
  let parent: Item | undefined
  if (typeof reference?.id === 'string') {
    parent = itemById(context.tables, account, reference.id === 'root' ? account.rootId : reference.id)
  } else if (typeof reference?.path === 'string') {
    const path = reference.path.replace(/^.*?root:?/u, '')
    const names = path.split('/').filter((name) => name !== '')
    parent = descend(
      context.tables,
      itemById(context.tables, account, account.rootId),
      names.map(decodeURIComponent),
    )
    if (parent === undefined) throw graphError(404, 'itemNotFound', 'The destination folder was not found.')
  }
  if (parent !== undefined) assertInScope(call, parent, 'write')
  return parent
}

/** `DELETE`: to the recycle bin. https://learn.microsoft.com/graph/api/driveitem-delete */
export async function deleteItem(call: GraphCall): Promise<void> {
  const item = existingItem(call, 'write')
  assertMatch(item, headerOf(call.x, 'if-match'))
  const { context, account } = call
  const gone = subtree(context.tables, item)
  context.store.transaction(() => binItem(context, account, item, context.clock.now()))
  await endSessionsOn(context, gone)
  await call.x.send(204, {})
}

/** `POST .../permanentDelete`: past the recycle bin. Work accounts only. */
export async function permanentDelete(call: GraphCall): Promise<void> {
  const item = existingItem(call, 'write')
  if (call.account.kind === 'personal') {
    throw graphError(501, 'notSupported', 'The request is not supported by the system.')
  }
  const gone = subtree(call.context.tables, item)
  const blobs = purgeItem(call.context, call.account.email, item)
  for (const blob of blobs) await call.context.blobs.delete(blob)
  await endSessionsOn(call.context, gone)
  await call.x.send(204, {})
}

export async function answerItem(call: GraphCall, status: number, item: Item): Promise<void> {
  const select = call.x.url.searchParams.get('$select')
  await call.x.json(status, {
    ...odata(call, 'drives/$entity/items/$entity'),
    ...driveItem(call.view, item, select),
  })
}
