import type { Exchange } from '../../kernel/exchange.ts'
import type { Content, DriveFile, GoogleState } from '../state.ts'
import { folderKey, newFileId } from '../state.ts'
import type { Caller } from './access.ts'
import { authenticate, FOLDER, isVisible, resolveParent, visibleFile } from './access.ts'
import {
  emptyContent,
  insertFile,
  newBlob,
  newRevision,
  removeFiles,
  replaceFile,
  requireSpace,
} from './content.ts'
import { driveError, invalidParameter } from './errors.ts'
import { applyMask, IDS_SCHEMA, parseFields } from './fields.ts'
import type { FileBody } from './metadata.ts'
import { applyBody, newFile, parseBodyText } from './metadata.ts'
import { answerFile, isNative, requestedFields } from './resource.ts'

/** The JSON body of a metadata request. */
export async function readBody(x: Exchange): Promise<FileBody> {
  const value = await x.jsonBody().catch((error: unknown) => {
    if (error instanceof SyntaxError) throw driveError(400, 'parseError', { message: 'Parse Error' })
    throw error
  })
  return parseBodyText(JSON.stringify(value ?? {}))
}

/** `POST /drive/v3/files`: a folder, a shortcut, a document, or a file with no bytes. */
export async function createFile(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x, 'write')
  requestedFields(x.url.searchParams)
  const file = newFile(state, caller, await readBody(x), undefined)
  const content = isNative(file.mimeType) ? {} : { content: await emptyContent(state) }
  await answerFile(state, caller, x, insertFile(state, { ...file, ...content }))
}

/**
 * `PATCH /drive/v3/files/{id}`: metadata, trash and untrash, and moves by `addParents` and `removeParents`.
 */
export async function updateFile(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x, 'write')
  requestedFields(x.url.searchParams)
  const file = ownFile(state, caller, x.params['id'] ?? '')
  const body = await readBody(x)
  const changed = changedFile(state, caller, file, body, x.url.searchParams)
  await answerFile(state, caller, x, replaceFile(state, changed))
}

/** The file after an update's body and query, not stored yet. */
export function changedFile(
  state: GoogleState,
  caller: Caller,
  file: DriveFile,
  body: FileBody,
  query: URLSearchParams,
): DriveFile {
  if (body.parents) {
    const message =
      'The parents field is not directly writable in update requests. Use the addParents and removeParents parameters instead.'
    throw driveError(403, 'fieldNotWritable', { message })
  }
  const moved = move(state, caller, file, query)
  const changed = applyBody(state, caller, moved, body)
  const given = Object.entries(body).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  // Moving alone is no modification, nor is the trash.
  const untouched = given.length === 0 ? moved !== file : given.every((name) => name === 'trashed')
  return untouched ? { ...changed, modifiedTime: file.modifiedTime } : changed
}

/** `POST /drive/v3/files/{id}/copy`: the content under a new id; of folders there is no copy. */
export async function copyFile(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x, 'write')
  requestedFields(x.url.searchParams)
  const source = visibleFile(state, caller, x.params['id'] ?? '')
  if (source.mimeType === FOLDER) {
    throw driveError(403, 'cannotCopyFile', { message: 'This file cannot be copied by the user.' })
  }
  const body = await readBody(x)
  const named: FileBody = {
    ...body,
    name: body.name ?? `Copy of ${source.name}`,
    mimeType: source.mimeType,
    parents: body.parents ?? [source.parent],
    description: body.description ?? source.description,
  }
  const copy = newFile(state, caller, named, source.mimeType)
  requireSpace(state, caller, source.content?.size ?? 0, 0)
  const content = copiedContent(state, source)
  if (source.content !== undefined && content !== undefined)
    await state.blobs.copy(source.content.blob, content.blob)
  const stored = insertFile(state, {
    ...copy,
    modifiedTime: body.modifiedTime ? copy.modifiedTime : source.modifiedTime,
    properties: { ...source.properties, ...copy.properties },
    appProperties: mergeOwn(caller, source, copy),
    ...(content === undefined ? {} : { content }),
  })
  await answerFile(state, caller, x, stored)
}

/** `DELETE /drive/v3/files/{id}`: for good, past the trash; a folder takes everything in it along. */
export async function deleteFile(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x, 'write')
  const file = ownFile(state, caller, x.params['id'] ?? '')
  await removeFiles(state, descendants(state, file))
  await x.send(204, {})
}

/** `DELETE /drive/v3/files/trash`: everything that is in the trash, for good. */
export async function emptyTrash(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x, 'write')
  const trashed = state.files
    .where('account', caller.account.email)
    .filter((f) => f.trashed && isVisible(caller, f))
  await removeFiles(
    state,
    trashed.flatMap((file) => descendants(state, file)),
  )
  await x.send(204, {})
}

/** `GET /drive/v3/files/generateIds` */
export async function generateIds(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x, 'write')
  const { searchParams: query } = x.url
  const mask = parseFields(query.get('fields') || '*', IDS_SCHEMA)
  const count = Number(query.get('count') ?? 10)
  if (!Number.isInteger(count) || count < 1 || count > 1000) {
    throw invalidParameter(
      'count',
      `Invalid value '${query.get('count')}'. Values must be within the range: [1, 1000]`,
      'invalidParameter',
    )
  }
  const space = query.get('space') || 'drive'
  if (space !== 'drive' && space !== 'appDataFolder') throw invalidParameter('space')
  if (!['files', 'shortcuts'].includes(query.get('type') || 'files')) throw invalidParameter('type')
  const ids = Array.from({ length: count }, () => newFileId(state, caller.account.email))
  await x.json(200, applyMask({ kind: 'drive#generatedIds', space, ids }, mask))
}

/** A file that may be changed: visible, and not the root. */
export function ownFile(state: GoogleState, caller: Caller, id: string): DriveFile {
  const file = visibleFile(state, caller, id)
  if (file.parent === '') throw driveError(403, 'insufficientFilePermissions')
  return file
}

// Single-parent model: a file is in one folder; adding a second without removing the first is refused.
function move(state: GoogleState, caller: Caller, file: DriveFile, query: URLSearchParams): DriveFile {
  const ids = (name: string): string[] => (query.get(name) ?? '').split(',').filter((id) => id !== '')
  const resolve = (id: string): string => resolveParent(state, caller, id).id
  const added = ids('addParents').map(resolve)
  const removed = new Set(ids('removeParents').map((id) => (id === file.parent ? id : resolve(id))))
  const target = added.find((id) => id !== file.parent)
  if (target === undefined) return file
  if (added.length > 1 || !removed.has(file.parent)) {
    throw driveError(403, 'cannotAddParent', { message: 'Increasing the number of parents is not allowed' })
  }
  for (let at: string | undefined = target; at !== undefined; at = state.files.get(at)?.parent) {
    if (at === file.id) throw driveError(403, 'invalid', { message: 'A folder cannot be moved into itself.' })
  }
  return { ...file, parent: target }
}

/** The same bytes as a first revision of another file, still to be written. */
function copiedContent(state: GoogleState, { content }: DriveFile): Content | undefined {
  if (content === undefined) return undefined
  const { keepForever: _of, ...bytes } = content
  return { ...bytes, blob: newBlob(state), revision: newRevision(state) }
}

function mergeOwn(caller: Caller, source: DriveFile, copy: DriveFile): DriveFile['appProperties'] {
  const own = { ...source.appProperties[caller.project], ...copy.appProperties[caller.project] }
  return Object.keys(own).length === 0 ? {} : { [caller.project]: own }
}

function descendants(state: GoogleState, file: DriveFile): DriveFile[] {
  if (file.mimeType !== FOLDER) return [file]
  const children = state.files.where('folder', folderKey(file.account, file.id))
  return [file, ...children.flatMap((child) => descendants(state, child))]
}
