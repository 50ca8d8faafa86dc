import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { OAuthClient } from '../kernel/control.ts'
import type { ProviderState } from '../kernel/state.ts'
import type { Collection } from '../kernel/store.ts'

/** A Google account: it appears on its first consent. */
export interface Account {
  email: string
  /** the stable id in id tokens, 21 digits */
  sub: string
  /** the same person as Drive names him */
  permissionId: string
  displayName: string
  rootId: string
  limitBytes: number
}

/** What a user gave an OAuth project (all its client ids together). */
export interface Grant {
  account: string
  project: string
  scopes: string[]
}

export interface AuthorizationCode {
  clientId: string
  redirectUri: string
  account: string
  scopes: string[]
  challenge?: string
  challengeMethod?: 'S256' | 'plain'
  nonce?: string
  refresh: boolean
  combined: boolean
  expiresAt: number
}

/** A refresh or access token. Times are epoch milliseconds. */
export interface Token {
  token: string
  kind: 'refresh' | 'access'
  account: string
  clientId: string
  project: string
  scopes: string[]
  /** issued with include_granted_scopes: revoking it revokes the whole grant */
  combined: boolean
  issuedAt: number
  usedAt: number
  expiresAt?: number
  /** the refresh token behind an access token */
  refreshToken?: string
}

/** Finished binary content of a file. */
export interface Content {
  blob: string
  size: number
  md5: string
  sha1: string
  sha256: string
  revision: string
  /** not purged when newer content is 30 days old; counts against the quota beside that */
  keepForever?: boolean
}

/** Content that newer content has taken the place of. */
export interface PastRevision {
  file: string
  account: string
  content: Content
  mimeType: string
  originalFilename: string
  modifiedTime: number
  supersededAt: number
}

/** A stored file or folder. `trashed` is what the user did to this very file, not to a folder above it. */
export interface DriveFile {
  id: string
  account: string
  space: 'drive' | 'appDataFolder'
  name: string
  mimeType: string
  parent: string
  description?: string
  starred: boolean
  trashed: boolean
  trashedTime?: number
  createdTime: number
  modifiedTime: number
  version: number
  originalFilename?: string
  folderColorRgb?: string
  shortcutTarget?: string
  contentHints?: unknown
  copyRequiresWriterPermission: boolean
  writersCanShare: boolean
  properties: Record<string, string>
  /** private properties by project */
  appProperties: Record<string, Record<string, string>>
  /** the projects that created or opened it: all that `drive.file` shows it to */
  projects: string[]
  content?: Content
}

/** The last that happened to a file, and its place in the account's changes. */
export interface FileChange extends Pick<DriveFile, 'account' | 'space'> {
  file: string
  number: number
  time: number
  /** of a file that is gone for good: who could see it */
  removedFrom?: string[]
}

/** A resumable upload session. */
export interface UploadSession {
  id: string
  account: string
  project: string
  /** the file it replaces; undefined when it creates one */
  fileId?: string
  metadata: unknown
  /** the query of the initiating request: `fields` and the rest apply to the final answer */
  query: string
  name: string
  mimeType?: string
  total?: number
  received: number
  createdAt: number
  expiresAt: number
  state: 'open' | 'done' | 'ended'
  result?: string
}

export interface GoogleState extends ProviderState {
  accounts: Collection<Account>
  clients: Collection<OAuthClient>
  grants: Collection<Grant>
  codes: Collection<AuthorizationCode>
  tokens: Collection<Token>
  files: Collection<DriveFile>
  /** by file and revision; the newest content is with its file */
  revisions: Collection<PastRevision>
  /** ids of files that were deleted for good: never given out or accepted again */
  usedIds: Collection<true>
  changes: Collection<FileChange>
  counters: Collection<number>
  sessions: Collection<UploadSession>
  secrets: Collection<string>
}

// 15 GiB, what a free account has.
const DEFAULT_LIMIT = 15 * 1024 ** 3

/** Adds the Google collections to the opened state. */
export function googleState(state: ProviderState): GoogleState {
  const { store } = state
  return {
    ...state,
    accounts: store.collection<Account>('accounts'),
    clients: store.collection<OAuthClient>('clients'),
    grants: store.collection<Grant>('grants', { account: (grant) => grant.account }),
    codes: store.collection<AuthorizationCode>('codes'),
    tokens: store.collection<Token>('tokens', {
      account: (token) => token.account,
      owner: (token) => (token.kind === 'refresh' ? `${token.account} ${token.clientId}` : undefined),
      behind: (token) => token.refreshToken,
    }),
    files: store.collection<DriveFile>('files', {
      account: (file) => file.account,
      folder: (file) => folderKey(file.account, file.parent),
      name: (file) => `${file.account} ${file.name}`,
    }),
    revisions: store.collection<PastRevision>('revisions', {
      file: (revision) => revision.file,
      kept: (revision) => (revision.content.keepForever === true ? revision.account : undefined),
    }),
    usedIds: store.collection<true>('used_ids'),
    changes: store.collection<FileChange>('changes', { account: (change) => change.account }),
    counters: store.collection<number>('counters'),
    sessions: store.collection<UploadSession>('sessions', {
      account: (session) => session.account,
      state: (session) => session.state,
    }),
    secrets: store.collection<string>('secrets'),
  }
}

/** The index value under which a folder's children are found. */
export function folderKey(account: string, parent: string): string {
  return `${account} ${parent}`
}

/** The account, created on the spot when it is new. Its ids depend on the address alone. */
export function ensureAccount(state: GoogleState, email: string): Account {
  const known = state.accounts.get(email)
  if (known !== undefined) return known
  const digest = createHash('sha256').update(email).digest()
  const digits = (from: number): string =>
    (digest.readBigUInt64BE(from) % 10n ** 18n).toString().padStart(18, '0')
  const local = email.split('@')[0] ?? email
  const account: Account = {
    email,
    sub: `101${digits(0)}`,
    permissionId: `07${digits(8)}`,
    displayName: local.charAt(0).toUpperCase() + local.slice(1),
    rootId: `0A${digest.toString('base64url').slice(0, 14)}PVA`,
    limitBytes: DEFAULT_LIMIT,
  }
  state.accounts.put(email, account)
  return account
}

/**
 * A Google client id starts with the project's number; two client
 * ids of one project share what `drive.file` shows.
 */
export function projectOf(clientId: string): string {
  return /^(\d+)-/.exec(clientId)?.[1] ?? clientId
}

/** A secret made once and kept with the state. */
function secret(state: GoogleState, name: string): string {
  const known = state.secrets.get(name)
  if (known !== undefined) return known
  const made = state.random.text(43)
  state.secrets.put(name, made)
  return made
}

/**
 * A new file id. It carries a check value, so that an id which was
 * never generated is told apart without a list.
 */
export function newFileId(state: GoogleState, account: string): string {
  const id = `1${state.random.text(24)}`
  return id + idCheck(state, account, id)
}

/** Whether `newFileId` made this id for this account. */
export function isGeneratedId(state: GoogleState, account: string, id: string): boolean {
  const check = Buffer.from(idCheck(state, account, id.slice(0, 25)))
  const given = Buffer.from(id.slice(25))
  return given.length === check.length && timingSafeEqual(given, check)
}

function idCheck(state: GoogleState, account: string, id: string): string {
  return createHmac('sha256', secret(state, 'ids')).update(`${account} ${id}`).digest('base64url').slice(0, 8)
}
