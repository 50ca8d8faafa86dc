import type { ReauthReason } from '../lib/errors.ts'
import type { ObjectKey, UserKey } from '../lib/ids.ts'
import type { Driver } from '../lib/storage/driver.ts'
import type { InstantClock } from '../test/support/instant-clock.ts'

/**
 * A provider under test. Its tests are chosen from what `sample` has, and from what can be done to it
 * besides.
 */
export interface Subject {
  /** A driver that is never called; it makes no call when it is made. */
  sample(): Driver
  /** Where the provider shows a file of this user: a path from the root. */
  pathOf(userKey: UserKey, file: string): string
  /** Absent where nothing can go wrong on demand. */
  readonly faults?: FaultAbout
  /** Nothing goes past the trash there. */
  readonly alwaysBins?: true
  /** The content type of a file is not kept there. */
  readonly typeless?: true
  /** The requests of an upload session carry the token. */
  readonly signedSessions?: true
  /** There is an account that can be full, revoked and so on, and whose requests can be listed. */
  readonly account?: true
  start(): Promise<Harness>
}

/** How the provider fails. */
export interface FaultAbout {
  /** How it says that it wants fewer requests. */
  readonly throttling: { readonly status: number; readonly reason?: string }
  /** Statuses with which an HTML page may stand where the answer to a stat belongs. */
  readonly garbage: readonly number[]
}

/** Where in a provider's protocol something goes wrong. */
export type FaultPoint = 'write' | 'replace' | 'begin' | 'send' | 'stat' | 'download' | 'delete'

export type FaultAction =
  | { type: 'status'; status: number; reason?: string; headers?: Record<string, string> }
  | { type: 'reset'; afterBytes?: number }
  | { type: 'commit-then-reset' }
  | { type: 'partial'; bytes: number }
  | { type: 'truncate'; afterBytes?: number }
  | { type: 'corrupt' }
  | { type: 'garbage'; status?: number }

export interface Harness {
  /** A fresh account. */
  world(): Promise<World>
  close(): Promise<void>
}

/** One account at one provider. */
export interface World {
  readonly clock: InstantClock
  /** A new driver over the same account, as another process would have it. */
  driver(): Driver
  /** What is there and not in the trash. */
  held(): Promise<readonly Held[]>
  /** Uploads that are open and hold something: a name, or storage that costs. */
  openSessions(): Promise<number>
  removeAsUser(key: ObjectKey): Promise<void>
  /** How many files are in the trash, or versions that are kept; only where there is such a thing. */
  binned?(): Promise<number>
  /** Ends all sessions; only where there are any. */
  expireSessions?(): Promise<void>
  readonly faults?: Faults
  readonly account?: Account
}

/** What the provider holds of the account, as it says itself. */
export interface Held {
  readonly name: string
  readonly path: string
  readonly size: number
  readonly sha256: string
}

export interface Faults {
  arm(point: FaultPoint, action: FaultAction, times?: number): Promise<void>
  /**
   * The last fragment of a large upload gets the fault; `fragments` says how many there are when each is of
   * `fragmentBytes`.
   */
  armLast(action: FaultAction, fragments: number): Promise<void>
  /** How many faults no request has met: a test that waits for one of them shows nothing. */
  unmet(): Promise<number>
}

export interface Account {
  setQuota(limitBytes: number): Promise<void>
  expireTokens(): Promise<void>
  revoke(): Promise<void>
  renewals(): number
  /** Why the grant does not do, as the connection was told. */
  lostFor(): readonly ReauthReason[]
  /** A driver whose token was granted for less, and what its connection was told. */
  withoutScope(): Promise<{ readonly driver: Driver; readonly lostFor: readonly ReauthReason[] }>
  /** Requests of this account so far: method, path, status, and whether they carried a bearer. */
  requests(): Promise<
    readonly { method: string; path: string; status: number | null; authorization: boolean }[]
  >
}
