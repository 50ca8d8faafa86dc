import type { Exchange } from '../../kernel/exchange.ts'
import type { DriveFile, GoogleState } from '../state.ts'
import { folderKey } from '../state.ts'
import type { Caller } from './access.ts'
import { authenticate, FOLDER, isTrashed, isVisible, rootFolder } from './access.ts'
import { insufficientScopes, invalidParameter } from './errors.ts'
import { applyMask, LIST_DEFAULT, LIST_SCHEMA, parseFields } from './fields.ts'
import type { FileQuery } from './query.ts'
import { pageSize } from './pages.ts'
import { parseQuery } from './query.ts'
import { toResource } from './resource.ts'

type Key = string | number
type KeyOf = (file: DriveFile) => Key

const KEYS: Record<string, KeyOf> = {
  createdTime: (file) => file.createdTime,
  folder: (file) => (file.mimeType === FOLDER ? 0 : 1),
  modifiedByMeTime: (file) => file.modifiedTime,
  modifiedTime: (file) => file.modifiedTime,
  name: (file) => file.name.toLowerCase(),
  name_natural: (file) => file.name.toLowerCase().replaceAll(/\d+/g, (digits) => digits.padStart(20, '0')),
  quotaBytesUsed: (file) => file.content?.size ?? 0,
  recency: (file) => file.modifiedTime,
  sharedWithMeTime: () => 0,
  starred: (file) => (file.starred ? 0 : 1),
  viewedByMeTime: (file) => file.createdTime,
}

interface Order {
  key: KeyOf
  sign: 1 | -1
}

/** `GET /drive/v3/files`: the visible files that `q` finds, ordered, in pages. */
export async function listFiles(state: GoogleState, x: Exchange): Promise<void> {
  const caller = authenticate(state, x)
  const { searchParams: query } = x.url
  const mask = parseFields(query.get('fields') || LIST_DEFAULT, LIST_SCHEMA)
  const spaces = (query.get('spaces') || 'drive').split(',')
  if (spaces.some((space) => space !== 'drive' && space !== 'appDataFolder')) throw invalidParameter('spaces')
  if (spaces.includes('appDataFolder') && !caller.appData) throw insufficientScopes()
  const size = pageSize(query.get('pageSize'), 100)
  const q = query.get('q') ?? ''
  const orderBy = query.get('orderBy') ?? ''
  const order = parseOrder(orderBy)
  const after = parseToken(query.get('pageToken'), q + orderBy)
  const memo = new Map<string, boolean>()
  const found = search(state, caller, parseQuery(q), spaces, memo)
  const rows = found
    .map((file) => ({ file, keys: [...order.map(({ key }) => key(file)), file.id] }))
    .sort((a, b) => compare(a.keys, b.keys, order))
  const from = after === undefined ? 0 : rows.findIndex(({ keys }) => compare(keys, after, order) > 0)
  const page = from === -1 ? [] : rows.slice(from, from + size)
  const last = page.at(-1)
  const more = last !== undefined && from + size < rows.length
  const list = {
    kind: 'drive#fileList',
    ...(more ? { nextPageToken: pageToken(last.keys, q + orderBy) } : {}),
    incompleteSearch: false,
    files: page.map(({ file }) => toResource(state, caller, file, memo)),
  }
  await x.json(200, applyMask(list, mask))
}

function search(
  state: GoogleState,
  caller: Caller,
  query: FileQuery,
  spaces: string[],
  memo: Map<string, boolean>,
): DriveFile[] {
  const { email } = caller.account
  const alias = (id: string): string => rootFolder(caller, id)?.id ?? id
  const context = {
    email,
    project: caller.project,
    alias,
    trashed: (file: DriveFile) => isTrashed(state, file, memo),
    fullText: (file: DriveFile, text: string) =>
      `${file.name} ${file.description ?? ''}`.toLowerCase().includes(text.replaceAll('"', '').toLowerCase()),
  }
  return candidates(state, email, query, alias).filter(
    (file) => spaces.includes(file.space) && isVisible(caller, file) && query.test(file, context),
  )
}

// A folder or a name pinned by the expression is looked up
// directly, so that finding a file does not read the whole account.
function candidates(
  state: GoogleState,
  email: string,
  query: FileQuery,
  alias: (id: string) => string,
): DriveFile[] {
  if (query.name !== undefined) return state.files.where('name', `${email} ${query.name}`)
  if (query.folder !== undefined) return state.files.where('folder', folderKey(email, alias(query.folder)))
  return state.files.where('account', email)
}

function parseOrder(text: string): Order[] {
  if (text === '') return [{ key: (file) => file.createdTime, sign: -1 }]
  return text.split(',').map((part) => {
    const [name = '', direction, ...rest] = part.trim().split(/\s+/)
    const key = KEYS[name]
    if (key === undefined || rest.length > 0 || (direction !== undefined && direction !== 'desc')) {
      throw invalidParameter('orderBy')
    }
    return { key, sign: direction === 'desc' ? -1 : 1 }
  })
}

// The last key is the id, which decides between files that are equal in all else.
function compare(a: Key[], b: Key[], order: Order[]): number {
  for (let i = 0; i < a.length; i += 1) {
    const left = a[i] ?? ''
    const right = b[i] ?? ''
    if (left !== right) return (left < right ? -1 : 1) * (order[i]?.sign ?? 1)
  }
  return 0
}

// A page begins behind the last file of the one before, so files that come or go in between shift nothing.
function pageToken(keys: Key[], query: string): string {
  return `~!!~${Buffer.from(JSON.stringify([query, ...keys])).toString('base64url')}`
}

function parseToken(text: string | null, query: string): Key[] | undefined {
  if (text === null || text === '') return undefined
  try {
    const [forQuery, ...keys]: [string, ...Key[]] = JSON.parse(
      Buffer.from(text.slice(4), 'base64url').toString(),
    )
    if (forQuery === query) return keys
  } catch {
    // falls through to the same answer as a token of another query
  }
  throw invalidParameter('pageToken')
}
