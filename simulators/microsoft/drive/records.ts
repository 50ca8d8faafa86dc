import type { BlobStore } from '../../kernel/blobs.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Random } from '../../kernel/random.ts'
import type { Collection, Store } from '../../kernel/store.ts'

/** Decided by the account's e-mail domain; see `accounts.ts`. */
export type AccountKind = 'personal' | 'business'

export type ConflictBehavior = 'fail' | 'replace' | 'rename'

export interface Account {
  email: string
  kind: AccountKind
  displayName: string
  oid: string
  tid: string
  driveId: string
  rootId: string
  limitBytes: number
  /** Bytes of every stored file, the recycle bin included: what is binned goes on using quota. */
  usedBytes: number
  deletedBytes: number
  nextItemNumber: number
  /** Tokens remember the generation they were issued in; raising it here ends all earlier ones. */
  refreshGeneration: number
  accessGeneration: number
  createdAt: number
}

export interface Item {
  id: string
  account: string
  /** Null only for the drive's root. */
  parentId: string | null
  name: string
  kind: 'file' | 'folder'
  /** Of a folder: everything below it. */
  size: number
  childCount: number
  mimeType: string
  blob: string | null
  quickXorHash: string | null
  sha256: string | null
  guid: string
  eVersion: number
  cVersion: number
  createdAt: number
  modifiedAt: number
  fsCreatedAt: number
  fsModifiedAt: number
  description: string | null
  /** Set on the item that was deleted, not on what lies below it. */
  deletedAt: number | null
}

/** When an item was last written, for delta; `gone` of one that is no more. */
export interface ItemChange {
  id: string
  account: string
  number: number
  gone?: Pick<Item, 'parentId' | 'kind'>
}

/** Content that newer content of the item has taken the place of. */
export interface PastVersion {
  /** the item's id and the version's, with a bar between */
  id: string
  item: string
  number: number
  blob: string
  size: number
  quickXorHash: string | null
  sha256: string | null
  mimeType: string
  modifiedAt: number
}

export interface FileSystemInfo {
  createdAt?: number
  modifiedAt?: number
}

export interface UploadSession {
  id: string
  account: string
  parentId: string
  name: string
  conflict: ConflictBehavior
  ifMatch: string | null
  deferCommit: boolean
  description: string | null
  fileSystemInfo: FileSystemInfo
  blob: string
  /** Unknown until the first fragment names it. */
  total: number | null
  received: number
  /** Bytes that the service adds when it stores the file. */
  rewritten?: number
  createdAt: number
  expiresAt: number
}

export interface AuthorizationCode {
  id: string
  clientId: string
  account: string
  tid: string
  redirectUri: string
  scopes: string[]
  challenge: string | null
  challengeMethod: 'S256' | 'plain'
  nonce: string | null
  expiresAt: number
  used: boolean
}

export interface RefreshToken {
  id: string
  clientId: string
  account: string
  tid: string
  scopes: string[]
  generation: number
  expiresAt: number
}

export interface AccessToken {
  id: string
  clientId: string
  account: string
  scopes: string[]
  generation: number
  expiresAt: number
}

export interface Client {
  clientId: string
  clientSecret: string
  redirectUris: string[]
}

export interface Grant {
  id: string
  scopes: string[]
}

/** The long-running copy behind a monitor URL. */
export interface CopyJob {
  id: string
  status: 'inProgress' | 'completed' | 'failed'
  resourceId: string | null
  error: { code: string; message: string } | null
}

export interface Setting {
  id: string
  value: string
}

/** Every table of the simulator; all of them survive a restart with the same state directory. */
export interface Tables {
  accounts: Collection<Account>
  items: Collection<Item>
  changes: Collection<ItemChange>
  versions: Collection<PastVersion>
  sessions: Collection<UploadSession>
  codes: Collection<AuthorizationCode>
  refreshTokens: Collection<RefreshToken>
  accessTokens: Collection<AccessToken>
  clients: Collection<Client>
  grants: Collection<Grant>
  appFolders: Collection<Setting>
  copyJobs: Collection<CopyJob>
  settings: Collection<Setting>
}

/** What every part of the simulator works on. */
export interface Context {
  tables: Tables
  store: Store
  blobs: BlobStore
  clock: Clock
  random: Random
  /** Signs download URLs and upload URLs; kept in the state, so that links outlive a restart. */
  secret: string
}
