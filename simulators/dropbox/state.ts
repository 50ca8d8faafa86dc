import { createHash } from 'node:crypto'
import type { OAuthClient } from '../kernel/control.ts'
import type { HashSpec } from '../kernel/hashes.ts'
import type { ProviderState } from '../kernel/state.ts'
import type { Collection } from '../kernel/store.ts'

/** The hashes kept for every file, one worker for both. */
export const HASHES: HashSpec[][] = [
  ['sha256', { name: 'contentHash', module: new URL('content-hash.ts', import.meta.url).href }],
]

/** A Dropbox account: it appears on its first consent. */
export interface Account {
  email: string
  /** `dbid:` and 35 characters, the same for an address at all times */
  accountId: string
  /** its domain begins with `team.`: a member of a team, which Dropbox calls Business */
  team: boolean
  limitBytes: number
}

export interface AuthorizationCode {
  clientId: string
  redirectUri: string
  account: string
  scopes: string[]
  challenge?: string
  challengeMethod?: 'S256' | 'plain'
  offline: boolean
  expiresAt: number
}

/** Times are epoch milliseconds. */
export interface Token {
  token: string
  kind: 'refresh' | 'access'
  account: string
  clientId: string
  scopes: string[]
  expiresAt?: number
  /** the refresh token behind an access token */
  refreshToken?: string
}

/** What a user has agreed to, for one app. */
export interface Grant {
  account: string
  clientId: string
  scopes: string[]
}

export interface Content {
  blob: string
  size: number
  sha256: string
  contentHash: string
  rev: string
  clientModified: number
  serverModified: number
}

/** Content that newer content has taken the place of, or that was deleted; kept for 30 days. */
export interface PastContent {
  entry: string
  content: Content
  until: number
}

/**
 * A file or a folder in an app's folder. What was deleted stays here, so that its revisions can be restored.
 */
export interface Entry {
  id: string
  account: string
  clientId: string
  name: string
  /** the folder's id, empty for the app folder itself */
  parent: string
  deletedAt?: number
  createdAt: number
  /** the number of its last change, for cursors */
  change: number
  /** absent for a folder */
  content?: Content
}

/** A path where something has been that was moved away: cursors tell of it. */
export interface Vacated {
  account: string
  clientId: string
  path: string
  change: number
}

export interface UploadSession {
  id: string
  account: string
  clientId: string
  received: number
  closed: boolean
  /** of a concurrent session: what came, in any order */
  pieces?: { offset: number; size: number; blob: string }[]
  expiresAt: number
  done: boolean
}

/** An upload session is good for a week: `files/upload_session/start`. */
export const SESSION_LIFETIME = 7 * 86_400_000
/**
 * Deleted files and old versions of a Basic or Plus account.
 * https://help.dropbox.com/delete-restore/version-history-overview
 */
export const KEPT_FOR = 30 * 86_400_000

export interface DropboxState extends ProviderState {
  accounts: Collection<Account>
  clients: Collection<OAuthClient>
  grants: Collection<Grant>
  codes: Collection<AuthorizationCode>
  tokens: Collection<Token>
  entries: Collection<Entry>
  past: Collection<PastContent>
  vacated: Collection<Vacated>
  sessions: Collection<UploadSession>
  counters: Collection<number>
  secrets: Collection<string>
}

/** What an app sees of an account: its own folder, which is the root of all its paths. */
export interface AppFolder {
  account: Account
  clientId: string
}

export const folderKey = ({ account, clientId }: { account: string; clientId: string }, parent: string) =>
  `${account} ${clientId} ${parent}`

/**
 * Dropbox does not tell `Note` from `note`.
 * https://www.dropbox.com/developers/documentation/http/documentation#case-insensitivity
 */
export const nameKey = (folder: string, name: string): string => `${folder}/${name.toLowerCase()}`

/** Adds the Dropbox collections to the opened state. */
export function dropboxState(state: ProviderState): DropboxState {
  const { store } = state
  return {
    ...state,
    accounts: store.collection<Account>('accounts'),
    clients: store.collection<OAuthClient>('clients'),
    grants: store.collection<Grant>('grants', { account: (grant) => grant.account }),
    codes: store.collection<AuthorizationCode>('codes'),
    tokens: store.collection<Token>('tokens', {
      account: (token) => token.account,
      behind: (token) => token.refreshToken,
    }),
    entries: store.collection<Entry>('entries', {
      account: (entry) => entry.account,
      folder: (entry) => folderKey(entry, entry.parent),
      name: (entry) => nameKey(folderKey(entry, entry.parent), entry.name),
      rev: (entry) => entry.content?.rev,
    }),
    past: store.collection<PastContent>('past', {
      entry: (past) => past.entry,
      rev: (past) => past.content.rev,
    }),
    vacated: store.collection<Vacated>('vacated', { folder: (place) => folderKey(place, '') }),
    sessions: store.collection<UploadSession>('sessions', { account: (session) => session.account }),
    counters: store.collection<number>('counters'),
    secrets: store.collection<string>('secrets'),
  }
}

// 2 GB, what a free account has. https://help.dropbox.com/storage-space/get-more-space
const DEFAULT_LIMIT = 2 * 1000 ** 3

/** The account, created on the spot when it is new. */
export function ensureAccount(state: DropboxState, email: string): Account {
  const known = state.accounts.get(email)
  if (known !== undefined) return known
  const account: Account = {
    email,
    accountId: `dbid:${createHash('sha256').update(email).digest('base64url').slice(0, 35)}`,
    team: email.includes('@team.'),
    limitBytes: DEFAULT_LIMIT,
  }
  state.accounts.put(email, account)
  return account
}

/** The next number of a counter that survives a restart. */
export function nextNumber(state: DropboxState, name: 'change' | 'rev'): number {
  const next = (state.counters.get(name) ?? 0) + 1
  state.counters.put(name, next)
  return next
}

/** A revision: hexadecimal, at least nine digits. */
export function newRev(state: DropboxState): string {
  const random = state.random.bytes(3).toString('hex')
  return `0${nextNumber(state, 'rev').toString(16).padStart(9, '0')}${random}`
}

/** A secret made once and kept with the state. */
export function lastingSecret(state: DropboxState, name: string): string {
  const known = state.secrets.get(name)
  if (known !== undefined) return known
  const made = state.random.text(43)
  state.secrets.put(name, made)
  return made
}
