import * as z from 'zod/mini'
import type { Exchange } from '../../kernel/exchange.ts'
import type { AppFolder, DropboxState, Entry } from '../state.ts'
import { folderKey } from '../state.ts'
import * as args from './arguments.ts'
import { openCall } from './call.ts'
import { badInput, refused } from './errors.ts'
import { metadataOf, vacatedMetadata } from './metadata.ts'
import { find, pathOf } from './tree.ts'

const METADATA = 'files.metadata.read'
const DEFAULT_LIMIT = 2000

/** What a cursor stands for: first the listing behind `after`, then the changes behind `since`. */
const cursorSchema = z.object({
  account: z.string(),
  clientId: z.string(),
  folder: z.string(),
  recursive: z.boolean(),
  deleted: z.boolean(),
  limit: z.number(),
  after: z.optional(z.string()),
  since: z.number(),
})
type Cursor = z.output<typeof cursorSchema>

/** `files/list_folder`: the first page, and a cursor. */
export async function listFolder(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg, route } = await openCall(state, x, 'rpc', METADATA, args.listFolder)
  const cursor = cursorFor(state, folder, arg, route)
  await x.json(200, page(state, folder, { ...cursor, after: '' }))
}

/** `files/list_folder/get_latest_cursor`: of what comes from now on. */
export async function latestCursor(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg, route } = await openCall(state, x, 'rpc', METADATA, args.listFolder)
  await x.json(200, { cursor: encode(cursorFor(state, folder, arg, route)) })
}

/** `files/list_folder/continue`: the next page, or what has changed since. */
export async function continueList(state: DropboxState, x: Exchange): Promise<void> {
  const { folder, arg, route } = await openCall(state, x, 'rpc', METADATA, args.listContinue)
  const cursor = decode(arg.cursor)
  const { account, clientId } = cursor ?? {}
  if (cursor === undefined || account !== folder.account.email || clientId !== folder.clientId)
    throw badInput(route, 'request body: cursor: Invalid "cursor" parameter')
  if (cursor.since < (state.counters.get('oldest') ?? 0)) throw refused('reset')
  await x.json(200, page(state, folder, cursor))
}

function cursorFor(state: DropboxState, folder: AppFolder, arg: args.ListFolder, route: string): Cursor {
  if (arg.path === '/')
    throw badInput(
      route,
      'request body: path: Specify the root folder as an empty string rather than as "/".',
    )
  const found = find(state, folder, arg.path, 'path')
  if (found === undefined) throw refused('path/not_found')
  if (found !== 'root' && found.content !== undefined) throw refused('path/not_folder')
  return {
    account: folder.account.email,
    clientId: folder.clientId,
    folder: found === 'root' ? '' : found.id,
    recursive: arg.recursive,
    deleted: arg.include_deleted,
    limit: arg.limit ?? DEFAULT_LIMIT,
    since: state.counters.get('change') ?? 0,
  }
}

/**
 * Pages are in order of paths, so that what comes and goes meanwhile puts none of the others out of place.
 */
function page(state: DropboxState, folder: AppFolder, cursor: Cursor) {
  const { after, limit, since, deleted } = cursor
  const all = entriesOf(state, folder)
    .filter((entry) => isListed(state, cursor, entry))
    .map((entry) => ({ change: entry.change, metadata: metadataOf(state, entry) }))
  if (after !== undefined) {
    const rest = all
      .filter(({ metadata }) => (deleted || metadata['.tag'] !== 'deleted') && metadata.path_lower > after)
      .toSorted((a, b) => (a.metadata.path_lower < b.metadata.path_lower ? -1 : 1))
    const shown = rest.slice(0, limit).map(({ metadata }) => metadata)
    const hasMore = rest.length > limit
    const { after: _listed, ...changes } = cursor
    const next = hasMore ? { ...cursor, after: shown.at(-1)?.path_lower ?? '' } : changes
    return { entries: shown, cursor: encode(next), has_more: hasMore }
  }
  const live = new Set(
    all.flatMap(({ metadata }) => (metadata['.tag'] === 'deleted' ? [] : metadata.path_lower)),
  )
  const vacated = state.vacated
    .where('folder', folderKey({ account: folder.account.email, clientId: folder.clientId }, ''))
    .map(({ path, change }) => ({ change, metadata: vacatedMetadata(path) }))
  const deletions = [...all, ...vacated].filter(
    ({ change, metadata: { '.tag': tag, path_lower: path } }) =>
      change > since && tag === 'deleted' && !live.has(path),
  )
  const gone = new Set(deletions.map(({ metadata }) => metadata.path_lower))
  const changed = [
    ...all.filter(({ change, metadata }) => change > since && metadata['.tag'] !== 'deleted'),
    // Of a folder that is gone the folder alone is told, not what was in it.
    ...deletions.filter(({ metadata }) => !isBelow(gone, metadata.path_lower)),
  ].toSorted((a, b) => a.change - b.change)
  const shown = changed.slice(0, limit)
  const next = { ...cursor, since: shown.at(-1)?.change ?? since }
  return {
    entries: shown.map(({ metadata }) => metadata),
    cursor: encode(next),
    has_more: changed.length > limit,
  }
}

function isBelow(folders: ReadonlySet<string>, path: string): boolean {
  const above = path.slice(0, path.lastIndexOf('/'))
  return above !== '' && (folders.has(above) || isBelow(folders, above))
}

function entriesOf(state: DropboxState, { account, clientId }: AppFolder): Entry[] {
  return state.entries.where('account', account.email).filter((entry) => entry.clientId === clientId)
}

/** Directly in the folder, or anywhere below it. */
function isListed(state: DropboxState, { folder, recursive }: Cursor, entry: Entry): boolean {
  if (entry.parent === folder) return true
  if (!recursive) return false
  if (folder === '') return true
  const root = state.entries.get(folder)
  return root !== undefined && pathOf(state, entry).startsWith(`${pathOf(state, root)}/`)
}

const encode = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url')

function decode(text: string): Cursor | undefined {
  try {
    return cursorSchema.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString())).data
  } catch {
    return undefined
  }
}
