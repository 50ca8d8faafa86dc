import { createHash } from 'node:crypto'
import type { Account, AccountKind, Context, Item } from './records.ts'
import { newGuid } from './ids.ts'

/** The tenant that every personal account lives in. */
export const PERSONAL_TENANT = '9188040d-6c67-4c5b-b112-36a304b66dad'

const PERSONAL_DOMAINS = new Set(['outlook.com', 'hotmail.com', 'live.com'])
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const GIB = 1024 ** 3
const DEFAULT_LIMIT: Record<AccountKind, number> = { personal: 5 * GIB, business: 1024 * GIB }

/** E-mail addresses are compared without regard to case. */
export function accountKey(email: string): string {
  return email.trim().toLowerCase()
}

/**
 * outlook.com, hotmail.com and live.com are personal Microsoft
 * accounts; every other domain is a work account.
 */
export function accountKind(email: string): AccountKind {
  return PERSONAL_DOMAINS.has(accountKey(email).split('@').at(-1) ?? '') ? 'personal' : 'business'
}

/** A GUID that is always the same for the same text, so that accounts keep their ids across cleared state. */
function stableGuid(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`
}

/** The home tenant: the common one for personal accounts, one per e-mail domain for work accounts. */
export function tenantOf(email: string): string {
  if (accountKind(email) === 'personal') return PERSONAL_TENANT
  return stableGuid(`tenant:${accountKey(email).split('@').at(-1) ?? ''}`)
}

function newAccount(email: string, now: number): Account {
  const key = accountKey(email)
  const kind = accountKind(key)
  const digest = createHash('sha256').update(`drive:${key}`).digest()
  const cid = digest.subarray(0, 8).toString('hex').toUpperCase()
  const local = key.split('@')[0] ?? key
  return {
    email: key,
    kind,
    displayName: local.charAt(0).toUpperCase() + local.slice(1),
    // A personal account's object id is its CID, padded to look like a GUID.
    oid:
      kind === 'personal'
        ? `00000000-0000-0000-${cid.slice(0, 4)}-${cid.slice(4)}`.toLowerCase()
        : stableGuid(`oid:${key}`),
    tid: tenantOf(key),
    driveId: kind === 'personal' ? cid : `b!${createHash('sha384').update(key).digest('base64url')}`,
    rootId: kind === 'personal' ? `${cid}!101` : businessItemId(digest.subarray(8, 28)),
    limitBytes: DEFAULT_LIMIT[kind],
    usedBytes: 0,
    deletedBytes: 0,
    nextItemNumber: 102,
    refreshGeneration: 0,
    accessGeneration: 0,
    createdAt: now,
  }
}

function businessItemId(random: Buffer): string {
  let id = '01'
  for (let i = 0; i < 32; i++) id += BASE32.charAt(((random[i % random.length] ?? 0) + i * 7) & 31)
  return id
}

/** The account, made with an empty drive on first use. */
export function ensureAccount(context: Context, email: string): Account {
  const { tables } = context
  const existing = tables.accounts.get(accountKey(email))
  if (existing !== undefined) return existing
  const account = newAccount(email, context.clock.now())
  tables.accounts.put(account.email, account)
  tables.items.put(account.rootId, {
    ...newItem(context, account, null, 'root', 'folder'),
    id: account.rootId,
  })
  return account
}

/**
 * An item that is not stored yet. Takes the account's next number for personal ids (`CID!123`),
 * so the account must be stored together with the item; work accounts have random ids.
 */
export function newItem(
  context: Context,
  account: Account,
  parentId: string | null,
  name: string,
  kind: Item['kind'],
): Item {
  const now = context.clock.now()
  return {
    id: parentId === null ? account.rootId : nextItemId(context, account),
    account: account.email,
    parentId,
    name,
    kind,
    size: 0,
    childCount: 0,
    mimeType: '',
    blob: null,
    quickXorHash: null,
    sha256: null,
    guid: newGuid(context.random).toUpperCase(),
    eVersion: 1,
    cVersion: 1,
    createdAt: now,
    modifiedAt: now,
    fsCreatedAt: now,
    fsModifiedAt: now,
    description: null,
    deletedAt: null,
  }
}

function nextItemId(context: Context, account: Account): string {
  if (account.kind === 'business') return businessItemId(context.random.bytes(32))
  const id = `${account.driveId}!${account.nextItemNumber}`
  account.nextItemNumber += 1
  return id
}
