import { createHmac } from 'node:crypto'
import type { Exchange } from '../../kernel/exchange.ts'
import { Refusal } from '../../kernel/exchange.ts'
import type { AppFolder, Content, DropboxState, Entry } from '../state.ts'
import { lastingSecret, newRev, nextNumber } from '../state.ts'
import * as args from './arguments.ts'
import { openCall } from './call.ts'
import { keepPast, recount } from './commit.ts'
import { badInput, refused } from './errors.ts'
import { fileMetadata, metadataOf, timestamp } from './metadata.ts'
import { find, namesOf, placeFor } from './tree.ts'
import { WRITE } from './upload.ts'

const READ = 'files.content.read'
const METADATA = 'files.metadata.read'
/** Four hours: `files/get_temporary_link`. */
const LINK_LIFETIME = 4 * 3_600_000

/** `files/get_metadata`: by path, id or revision. */
export async function getMetadata(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg, route } = await openCall(state, x, 'rpc', METADATA, args.getMetadata)
  const found = find(state, folder, arg.path, 'path')
  if (found === 'root') throw badInput(route, 'request body: path: The root folder is unsupported.')
  const entry = found ?? (arg.include_deleted ? deletedAt(state, folder, arg.path) : undefined)
  if (entry === undefined) throw refused('path/not_found')
  await x.json(200, metadataOf(state, entry))
}

/** `files/download`: the metadata in a header, which has no letters beyond ASCII; one range of the bytes. */
export async function download(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg } = await openCall(state, x, 'download', READ, args.download)
  const { entry, content } = fileAt(state, folder, arg.path, arg.rev)
  const result = JSON.stringify(fileMetadata(state, entry, content)).replaceAll(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  await sendContent(state, x, content, { 'dropbox-api-result': result })
}

/** `files/get_temporary_link`: an address that needs no token. */
export async function temporaryLink(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg } = await openCall(state, x, 'rpc', READ, args.temporaryLink)
  const { entry, content } = fileAt(state, folder, arg.path)
  const until = state.clock.now() + LINK_LIFETIME
  const link = `${x.origin}/cd/0/get/${encodeURIComponent(entry.id)}/${until}/${signature(state, entry.id, until)}/file`
  await x.json(200, { metadata: fileMetadata(state, entry, content), link })
}

/** The address of `files/get_temporary_link`: 410 when its time is over. */
export async function followLink(state: DropboxState, x: Exchange): Promise<void> {
  const { id = '', until = '', signature: given } = x.params
  if (given !== signature(state, id, Number(until))) throw new Refusal(403, 'Forbidden')
  const entry = state.entries.get(id)
  if (state.clock.now() >= Number(until) || entry?.content === undefined || entry.deletedAt !== undefined)
    throw new Refusal(410, 'Gone')
  x.account = entry.account
  await sendContent(state, x, entry.content, {})
}

/** `files/list_revisions`: the newest first, also of a file that was deleted. */
export async function listRevisions(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg } = await openCall(state, x, 'rpc', METADATA, args.listRevisions)
  const live = find(state, folder, arg.path, 'path')
  const entry = live ?? deletedAt(state, folder, arg.path)
  if (entry === undefined) throw refused('path/not_found')
  if (entry === 'root' || entry.content === undefined) throw refused('path/not_file')
  const now = state.clock.now()
  const past = state.past.where('entry', entry.id).filter(({ until }) => until > now)
  const contents =
    entry.deletedAt === undefined
      ? [...past.map(({ content }) => content), entry.content]
      : past.map(({ content }) => content)
  const entries = contents
    .toSorted((a, b) => (a.rev < b.rev ? 1 : -1))
    .map((content) => fileMetadata(state, entry, content))
  await x.json(200, {
    is_deleted: entry.deletedAt !== undefined,
    ...(entry.deletedAt === undefined ? {} : { server_deleted: timestamp(entry.deletedAt) }),
    entries: entries.slice(0, arg.limit),
    has_more: entries.length > arg.limit,
  })
}

/** `files/restore`: an earlier content under a new revision. */
export async function restore(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg } = await openCall(state, x, 'rpc', WRITE, args.restore)
  const past = state.past.where('rev', arg.rev).find(({ until }) => until > state.clock.now())
  const from = past && state.entries.get(past.entry)
  const isOwn = from?.account === folder.account.email && from.clientId === folder.clientId
  if (past === undefined || from === undefined || !isOwn) throw refused('invalid_revision')
  const restored = state.store.transaction(() => {
    const place = placeFor(state, folder, arg.path, 'path_write')
    if (place.entry !== undefined && place.entry.content === undefined)
      throw refused('path_write/conflict/folder')
    const before = place.entry ?? from
    if (before.content !== undefined && before.deletedAt === undefined)
      keepPast(state, before.id, before.content)
    const content = { ...past.content, rev: newRev(state), serverModified: state.clock.now() }
    const { deletedAt: _deleted, ...kept } = before
    const entry: Entry = {
      ...kept,
      parent: place.parent,
      name: place.entry?.name ?? place.name,
      content,
      change: nextNumber(state, 'change'),
    }
    state.entries.put(entry.id, entry)
    return entry
  })
  recount(state, folder.account.email)
  await x.json(200, fileMetadata(state, restored, restored.content ?? past.content))
}

function fileAt(
  state: DropboxState,
  folder: AppFolder,
  path: string,
  rev?: string,
): { entry: Entry; content: Content } {
  const wanted = rev ?? (path.startsWith('rev:') ? path.slice(4) : undefined)
  if (wanted !== undefined) {
    const past = state.past.where('rev', wanted).at(0)
    const from = past && state.entries.get(past.entry)
    const isOwn = from?.account === folder.account.email && from.clientId === folder.clientId
    if (past !== undefined && from !== undefined && isOwn) return { entry: from, content: past.content }
  }
  const entry = find(state, folder, path, 'path')
  if (entry === undefined) throw refused('path/not_found')
  if (entry === 'root' || entry.content === undefined) throw refused('path/not_file')
  return { entry, content: entry.content }
}

/** The newest entry that was deleted under a path, or the deleted entry of an id. */
function deletedAt(state: DropboxState, folder: AppFolder, path: string): Entry | undefined {
  const isOwn = (entry: Entry): boolean =>
    entry.account === folder.account.email && entry.clientId === folder.clientId
  if (path.startsWith('id:')) {
    const entry = state.entries.get(path)
    return entry !== undefined && isOwn(entry) ? entry : undefined
  }
  const names = namesOf(path)?.map((name) => name.toLowerCase())
  const wanted = names === undefined ? undefined : `/${names.join('/')}`
  return state.entries
    .where('account', folder.account.email)
    .filter((entry) => entry.deletedAt !== undefined && isOwn(entry))
    .toSorted((a, b) => b.change - a.change)
    .find((entry) => metadataOf(state, entry).path_lower === wanted)
}

function signature(state: DropboxState, id: string, until: number): string {
  return createHmac('sha256', lastingSecret(state, 'links')).update(`${id}\n${until}`).digest('base64url')
}

async function sendContent(
  state: DropboxState,
  x: Exchange,
  { blob, size, rev }: Content,
  own: Record<string, string>,
): Promise<void> {
  const headers = {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: `W/"${rev}"`,
    ...own,
  }
  const range = parseRange(x.req.headers.range, size)
  if (range === 'unsatisfiable') return x.send(416, { 'content-range': `bytes */${size}` })
  if (range === undefined) {
    const bytes = size === 0 ? Buffer.alloc(0) : state.blobs.read(blob)
    return x.send(200, { ...headers, 'content-length': String(size) }, bytes)
  }
  const { start, end } = range
  const partial = {
    ...headers,
    'content-length': String(end - start + 1),
    'content-range': `bytes ${start}-${end}/${size}`,
  }
  await x.send(206, partial, state.blobs.read(blob, range))
}

/** One byte range; what is no such thing, or several, is ignored and the whole file sent. */
function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const count = Math.min(Number(last), size)
    return count === 0 ? 'unsatisfiable' : { start: size - count, end: size - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}
