import * as z from 'zod/mini'
import { driveItem, selected } from '../drive/drive-item.ts'
import type { Item, ItemChange } from '../drive/records.ts'
import { lastChange } from '../drive/tables.ts'
import { isAlive } from '../drive/tree.ts'
import type { GraphCall } from './call.ts'
import { driveScope } from './call.ts'
import { graphError } from './errors.ts'
import { odata } from './read.ts'

const PAGE = 200

/** What a token stands for: changes behind `since`; `all`: the drive as it is, with nothing that is gone. */
const tokenSchema = z.object({ account: z.string(), since: z.number(), all: z.boolean() })
type Token = z.output<typeof tokenSchema>

/**
 * `GET /me/drive/root/delta`: the drive as it is, or what has changed since a token; each item once, as it is
 * now, with the folders above it. https://learn.microsoft.com/graph/api/driveitem-delta
 */
export async function delta(call: GraphCall): Promise<void> {
  const { context, x, address, account, token: bearer } = call
  const { tables } = context
  // The app folder's scope is not among those that may ask.
  if (driveScope(bearer, 'read') !== 'drive') throw graphError(403, 'accessDenied', 'Access denied')
  if (address.anchor?.at !== 'root' || address.path.length > 0)
    throw graphError(501, 'notSimulated', 'not simulated: delta of a folder')
  const { searchParams } = x.url
  const text = address.argument ?? searchParams.get('token')
  const newest = lastChange(tables)
  const token = text === null ? undefined : decode(text)
  if (text !== null && text !== 'latest' && token?.account !== account.email)
    throw graphError(400, 'invalidRequest', 'The provided token is not valid.')
  if (token !== undefined && token.since < Number(tables.settings.get('oldest change')?.value ?? 0))
    throw gone(call)
  const { since, all } = token ?? { since: text === 'latest' ? newest : 0, all: text === null }
  const changed = tables.changes
    .where('account', account.email)
    .filter(({ number }) => number > since)
    .toSorted((a, b) => a.number - b.number)
    .flatMap((change) => shown(call, change, all))
  const page = changed.slice(0, pageSize(searchParams.get('$top')))
  const last = page.at(-1)
  const next =
    last === undefined || page.length === changed.length
      ? { '@odata.deltaLink': link(call, { account: account.email, since: newest, all: false }) }
      : { '@odata.nextLink': link(call, { account: account.email, since: last.number, all }) }
  await x.json(200, {
    ...odata(call, 'Collection(driveItem)'),
    ...next,
    value: page.map(({ body }) => body),
  })
}

function pageSize(top: string | null): number {
  const size = top === null ? PAGE : Math.min(Number(top), PAGE)
  if (Number.isInteger(size) && size >= 1) return size
  throw graphError(400, 'invalidRequest', 'Invalid value for $top.')
}

/** A removed item has little more than its id: on work accounts not even a name. */
function shown(
  { context, account, view, x }: GraphCall,
  { id, number, gone }: ItemChange,
  all: boolean,
): { number: number; body: Record<string, unknown> }[] {
  const select = x.url.searchParams.get('$select')
  const item = context.tables.items.get(id)
  if (item !== undefined && isAlive(context.tables, item))
    return [{ number, body: driveItem(view, item, select) }]
  if (all) return []
  const { kind, parentId } = item ?? gone ?? { kind: 'file', parentId: null }
  const body = {
    id,
    ...(item !== undefined && account.kind === 'personal' ? nameOf(item) : {}),
    ...(parentId === null ? {} : { parentReference: { driveId: account.driveId, id: parentId } }),
    ...(kind === 'file' ? { file: {} } : { folder: {} }),
    deleted: { state: 'deleted' },
  }
  return [{ number, body: select === null ? body : selected(body, select) }]
}

const nameOf = ({ name, size }: Item) => ({ name, size })

function link({ x }: Pick<GraphCall, 'x'>, token?: Token): string {
  const query = new URLSearchParams(x.url.searchParams)
  query.delete('token')
  if (token !== undefined) query.set('token', Buffer.from(JSON.stringify(token)).toString('base64url'))
  const path = x.url.pathname.replace(/\(.*$/u, '')
  const text = query.toString().replaceAll('%24', '$')
  return `${x.origin}${path}${text === '' ? '' : `?${text}`}`
}

function decode(text: string): Token | undefined {
  try {
    return tokenSchema.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString())).data
  } catch {
    return undefined
  }
}

/** The changes are not known so far back: `Location` enumerates the drive anew. */
function gone(call: GraphCall): Error {
  const message = 'Resync required. Replace any local items.'
  const inner = 'resyncChangesApplyDifferences'
  return graphError(410, 'resyncRequired', message, inner, { location: link(call) })
}
