import { cTagOf, driveBody, driveItem, eTagOf, selected } from '../drive/drive-item.ts'
import { graphError } from './errors.ts'
import type { GraphCall } from './call.ts'
import { driveScope, existingItem, headerOf } from './call.ts'
import { nameKey } from '../drive/names.ts'
import type { Item } from '../drive/records.ts'
import { childrenOf, subtree } from '../drive/tree.ts'

const DEFAULT_PAGE = 200
const LARGEST_PAGE = 1000

/** `GET /me/drive` and `GET /drives/{id}`. */
export async function getDrive(call: GraphCall): Promise<void> {
  const { context, account, x } = call
  if (driveScope(call.token, 'read') === 'app-folder') throw graphError(403, 'accessDenied', 'Access denied')
  const files = context.tables.items.where('account', account.email).filter((item) => item.kind === 'file')
  const body = { ...odata(call, 'drives/$entity'), ...driveBody(account, files.length) }
  const select = x.url.searchParams.get('$select')
  await x.json(200, select === null ? body : selected(body, select))
}

/** The item itself; 304 when the client has this eTag already. */
export async function getItem(call: GraphCall): Promise<void> {
  const item = existingItem(call, 'read')
  const { x } = call
  if (unchanged(call, item)) return x.send(304, { etag: eTagOf(item) })
  const body = driveItem(call.view, item, x.url.searchParams.get('$select'))
  const expand = x.url.searchParams.get('$expand')?.split('(')[0]
  const children =
    expand === 'children' && item.kind === 'folder'
      ? { children: childrenOf(call.context.tables, item.id).map((child) => driveItem(call.view, child)) }
      : {}
  await x.json(200, { ...odata(call, 'drives/$entity/items/$entity'), ...body, ...children })
}

/**
 * `/content`: 302 to a pre-authenticated URL on another host.
 * https://learn.microsoft.com/graph/api/driveitem-get-content
 */
export async function getContent(call: GraphCall): Promise<void> {
  const item = existingItem(call, 'read')
  if (item.kind === 'folder') throw graphError(400, 'invalidRequest', 'You cannot get content for a folder')
  if (unchanged(call, item)) return call.x.send(304, { etag: eTagOf(item) })
  await call.x.send(302, { location: call.view.downloadUrl(item), 'cache-control': 'no-store' })
}

function unchanged(call: GraphCall, item: Item): boolean {
  const known = headerOf(call.x, 'if-none-match')
  return known !== null && [eTagOf(item), cTagOf(item), '*'].includes(known)
}

/** `/children`: a page of the folder, with a link to the next that clients follow as it is. */
export async function listChildren(call: GraphCall): Promise<void> {
  const folder = existingItem(call, 'read')
  if (folder.kind === 'file') throw graphError(400, 'invalidRequest', 'A file has no children.')
  const items = ordered(childrenOf(call.context.tables, folder.id), call.x.url.searchParams.get('$orderby'))
  await page(call, items)
}

/**
 * `/search(q='x')`: names below the item that contain the text,
 * without regard to case. Content is not searched.
 */
export async function search(call: GraphCall): Promise<void> {
  const from = existingItem(call, 'read')
  const text = nameKey(call.address.argument ?? '')
  const found = subtree(call.context.tables, from).filter(
    (item) => item.id !== from.id && nameKey(item.name).includes(text),
  )
  await page(call, found)
}

function ordered(items: Item[], orderBy: string | null): Item[] {
  if (orderBy === null) return items
  const [field = '', direction = 'asc'] = orderBy.split(' ')
  const key = ORDER[field]
  if (key === undefined) throw graphError(400, 'invalidRequest', 'The requested order is not supported.')
  const sign = direction.toLowerCase() === 'desc' ? -1 : 1
  return items.sort((a, b) => (key(a) < key(b) ? -sign : key(a) > key(b) ? sign : 0))
}

const ORDER: Record<string, (item: Item) => string | number> = {
  name: (item) => nameKey(item.name),
  size: (item) => item.size,
  lastModifiedDateTime: (item) => item.modifiedAt,
  createdDateTime: (item) => item.createdAt,
}

/**
 * `$top` bounds a page. The skip token names the last item given, so that
 * a page does not repeat or miss one when others come and go in between.
 */
async function page(call: GraphCall, items: Item[]): Promise<void> {
  const { searchParams, pathname } = call.x.url
  const top = searchParams.get('$top') ?? searchParams.get('top')
  const size = top === null ? DEFAULT_PAGE : Math.min(Number(top), LARGEST_PAGE)
  if (!Number.isInteger(size) || size < 1) throw graphError(400, 'invalidRequest', 'Invalid value for $top.')
  const token = searchParams.get('$skiptoken')
  const start = token === null ? 0 : resumeAt(items, token)
  const shown = items.slice(start, start + size)
  const last = shown.at(-1)
  const more = last !== undefined && start + size < items.length
  const next = new URLSearchParams(searchParams)
  if (more)
    next.set('$skiptoken', Buffer.from(JSON.stringify([last.id, nameKey(last.name)])).toString('base64url'))
  const select = searchParams.get('$select')
  await call.x.json(200, {
    ...odata(call, 'drives/$entity/items'),
    ...(more
      ? { '@odata.nextLink': `${call.x.origin}${pathname}?${next.toString().replaceAll('%24', '$')}` }
      : {}),
    value: shown.map((item) => driveItem(call.view, item, select)),
  })
}

/** Behind the last item given; when that is gone, at the first name that comes after it. */
function resumeAt(items: Item[], token: string): number {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString())
    if (Array.isArray(parsed)) {
      const at = items.findIndex((item) => item.id === parsed[0])
      if (at !== -1) return at + 1
      const following = items.findIndex((item) => nameKey(item.name) > String(parsed[1]))
      return following === -1 ? items.length : following
    }
  } catch {
    // Falls through: whatever it was, this service did not make it.
  }
  throw graphError(400, 'invalidRequest', 'Invalid skip token.')
}

export function odata(call: Pick<GraphCall, 'x'>, entity: string): Record<string, string> {
  return { '@odata.context': `${call.x.origin}/v1.0/$metadata#${entity}` }
}
