import { tokenId } from '../drive/ids.ts'
import type { Exchange } from '../../kernel/exchange.ts'
import { ensureAccount } from '../drive/accounts.ts'
import type { Address } from './address.ts'
import type { ItemView } from '../drive/drive-item.ts'
import { graphError, itemNotFound } from './errors.ts'
import { contentOrigin, DOWNLOAD_PATH, downloadSubject, signLink } from '../drive/links.ts'
import { assertName } from '../drive/names.ts'
import { freshAccount } from '../drive/operations.ts'
import type { AccessToken, Account, ConflictBehavior, Context, Item } from '../drive/records.ts'
import { addFolder, childNamed, descend, descendOrCreate, isAlive, itemById, lineage } from '../drive/tree.ts'

const HOUR = 3_600_000
const INVALID = 'InvalidAuthenticationToken'

/** One authenticated Graph request to a drive. */
export interface GraphCall {
  context: Context
  x: Exchange
  address: Address
  account: Account
  token: AccessToken
  view: ItemView
}

/** The account behind the bearer, or 401 with the text that Graph gives for what is wrong. */
export function authenticate(context: Context, x: Exchange): { account: Account; token: AccessToken } {
  const header = x.req.headers.authorization ?? ''
  const bearer = /^bearer\s+(\S+)$/iu.exec(header)?.[1]
  const challenge = {
    'www-authenticate': `Bearer realm="", authorization_uri="${x.origin}/common/oauth2/authorize"`,
  }
  const refuse = (message: string) => graphError(401, INVALID, message, undefined, challenge)
  if (bearer === undefined) throw refuse('Access token is empty.')
  const token = context.tables.accessTokens.get(tokenId(bearer))
  if (token === undefined) throw refuse('IDX14100: JWT is not well formed, there are no dots (.).')
  x.account = token.account
  const account = ensureAccount(context, token.account)
  if (token.expiresAt <= context.clock.now() || token.generation !== account.accessGeneration) {
    throw refuse('Lifetime validation failed, the token is expired.')
  }
  return { account, token }
}

export function itemView(context: Context, account: Account, origin: string): ItemView {
  return {
    tables: context.tables,
    account,
    origin,
    downloadUrl(item, version = null) {
      const subject = downloadSubject(item.id, version)
      const credential = signLink(context.secret, subject, context.clock.now() + HOUR)
      const query = new URLSearchParams({ UniqueId: item.id, Translate: 'false', tempauth: credential })
      if (version !== null) query.set('Version', version)
      return `${contentOrigin(origin)}${DOWNLOAD_PATH}?${query.toString()}`
    },
  }
}

/** https://learn.microsoft.com/graph/api/drive-get-specialfolder */
const OTHER_SPECIAL_FOLDERS = new Set(['cameraroll', 'desktop', 'documents', 'music', 'photos', 'videos'])

type Need = 'read' | 'write'

const WIDE: Record<Need, RegExp> = {
  read: /^(?:Files\.Read(?:Write)?(?:\.All)?|Sites\.Read(?:Write)?\.All)$/iu,
  write: /^(?:Files\.ReadWrite(?:\.All)?|Sites\.ReadWrite\.All)$/iu,
}

/** Whether the token opens the whole drive for that, or the app's folder only; 403 when neither. */
export function driveScope(token: AccessToken, need: Need): 'drive' | 'app-folder' {
  if (token.scopes.some((scope) => WIDE[need].test(scope))) return 'drive'
  if (token.scopes.some((scope) => /^Files\.ReadWrite\.AppFolder$/iu.test(scope))) return 'app-folder'
  throw graphError(403, 'accessDenied', 'Either scp or roles claim need to be present in the token.')
}

function anchorItem(call: GraphCall): Item {
  const { context, account, address, token } = call
  const anchor = address.anchor
  if (anchor === null || anchor.at === 'root') return itemById(context.tables, account, account.rootId)
  if (anchor.at === 'item') return itemById(context.tables, account, anchor.id)
  if (OTHER_SPECIAL_FOLDERS.has(anchor.name))
    throw graphError(501, 'notSimulated', `not simulated: the special folder ${anchor.name}`)
  if (anchor.name !== 'approot') throw itemNotFound('The special folder identifier is not valid.')
  return appFolder(context, account, token.clientId)
}

/**
 * `Apps/{client id}`, made on first use. It is remembered by id, so the user may rename or move it.
 * https://learn.microsoft.com/onedrive/developer/rest-api/concepts/special-folders-appfolder
 */
function appFolder(context: Context, account: Account, clientId: string): Item {
  return context.store.transaction(() => {
    const { tables } = context
    const key = `${account.email}|${clientId}`
    const known = tables.items.get(tables.appFolders.get(key)?.value ?? '')
    if (known !== undefined && isAlive(tables, known)) return known
    const root = itemById(tables, account, account.rootId)
    const apps = descendOrCreate(context, account, root, ['Apps'])
    const name = clientId.replaceAll(/["*:<>?/\\|]/gu, '_')
    const folder = childNamed(tables, apps.id, name) ?? addFolder(context, account, apps, name)
    tables.appFolders.put(key, { id: key, value: folder.id })
    tables.appFolders.put(`item:${folder.id}`, { id: folder.id, value: 'approot' })
    return folder
  })
}

/** Holds a token for the app's folder to that folder. */
export function assertInScope(call: GraphCall, item: Item, need: Need): void {
  if (driveScope(call.token, need) === 'drive') return
  const { tables } = call.context
  const own = tables.appFolders.get(`${call.account.email}|${call.token.clientId}`)?.value
  if (lineage(tables, item).some((above) => above.id === own)) return
  throw graphError(403, 'accessDenied', 'Access denied')
}

/** The item that the URL names, or 404. */
export function existingItem(call: GraphCall, need: Need): Item {
  const item = descend(call.context.tables, anchorItem(call), call.address.path)
  if (item === undefined) throw itemNotFound()
  assertInScope(call, item, need)
  return item
}

/**
 * Where the URL wants content to go: an item by id is its own parent
 * and name; a path makes the folders that are missing on its way.
 */
export function targetPlace(call: GraphCall): { parent: Item; name: string } {
  const { context, address } = call
  const anchor = anchorItem(call)
  assertInScope(call, anchor, 'write')
  if (address.path.length === 0) {
    const parent = context.tables.items.get(anchor.parentId ?? '')
    if (parent === undefined || anchor.kind === 'folder') {
      throw graphError(400, 'invalidRequest', 'A folder has no content.')
    }
    return { parent, name: anchor.name }
  }
  const name = address.path.at(-1) ?? ''
  assertName(name, call.account.kind)
  const account = freshAccount(context, call.account.email)
  const parent = context.store.transaction(() =>
    descendOrCreate(context, account, anchor, address.path.slice(0, -1)),
  )
  return { parent, name }
}

/** The conflict behaviour by name; `otherwise` when it is not given, 400 when it is none of the three. */
export function conflictBehavior(value: unknown, otherwise: ConflictBehavior): ConflictBehavior {
  if (value === undefined || value === null) return otherwise
  if (value === 'fail' || value === 'replace' || value === 'rename') return value
  throw graphError(400, 'invalidRequest', 'Invalid value for conflictBehavior.', 'invalidArgument')
}

export function queryConflict(x: Exchange, otherwise: ConflictBehavior): ConflictBehavior {
  const { searchParams } = x.url
  const value =
    searchParams.get('@microsoft.graph.conflictBehavior') ??
    searchParams.get('@name.conflictBehavior') ??
    undefined
  return conflictBehavior(value, otherwise)
}

/** `If-Match`, `If-None-Match` and other headers as one string or null. */
export function headerOf(x: Exchange, name: string): string | null {
  const value = x.req.headers[name]
  return value === undefined ? null : String(value)
}
