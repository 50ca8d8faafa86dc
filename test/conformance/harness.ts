import type { InstantClock } from '../support/instant-clock.ts'
import type { ObjectKey, UserKey } from '../../lib/ids.ts'
import type { Backend } from '../../lib/storage/backend.ts'
import type { FaultAction } from '../support/simulators.ts'

/** Where in a provider's protocol something goes wrong. */
export type FaultPoint = 'write' | 'replace' | 'begin' | 'send' | 'stat' | 'download' | 'delete'

/** What the provider holds of the account, as it says itself. */
export interface Held {
  readonly name: string
  readonly path: string
  readonly size: number
  readonly sha256: string
}

/** What distinguishes one provider's run of the suite from another's. */
export interface Traits {
  /** There is an account that can be full, revoked and so on; and a simulator that can keep part of a fragment. */
  readonly account: boolean
  readonly presignedUrls: boolean
  readonly reservedKeys: boolean
  readonly placeholders: boolean
  /** Where the provider shows a document of this user. */
  pathOf(userKey: UserKey, name: string): string
  /** The provider's hash of these bytes, as an entry holds it. */
  hashOf(bytes: Uint8Array): string
  /** How the provider says that it wants fewer requests. */
  readonly throttling: { readonly status: number; readonly reason?: string }
  /** Statuses with which an HTML page may stand where the answer to a stat belongs. */
  readonly garbage: readonly number[]
}

/** One account at one provider. */
export interface World {
  readonly clock: InstantClock
  /** A new instance over the same account, as another process would have it. */
  backend(): Backend
  /** What is there and not in the trash. */
  held(): Promise<readonly Held[]>
  /** Uploads that are open and hold something: a name, or storage that costs. */
  openSessions(): Promise<number>
  fault(point: FaultPoint, action: FaultAction, times?: number): Promise<void>
  /** The last fragment of a large upload gets the fault; `fragments` says how many there are when each is of `fragmentBytes`. */
  faultLast(action: FaultAction, fragments: number): Promise<void>
  /** How many faults no request has met: a test that waits for one of them shows nothing. */
  unmetFaults(): Promise<number>
  removeAsUser(key: ObjectKey): Promise<void>
  expireSessions(): Promise<void>
  /** Absent where there is no such thing. */
  readonly account?: {
    setQuota(limitBytes: number): Promise<void>
    expireTokens(): Promise<void>
    revoke(): Promise<void>
    renewals(): number
    /** A backend whose token was granted for less. */
    withoutScope(): Promise<Backend>
    /** Requests of this account so far: method, path, status, and whether they carried a bearer. */
    requests(): Promise<
      readonly { method: string; path: string; status: number | null; authorization: boolean }[]
    >
  }
}

export interface Harness {
  /** A fresh account. */
  world(): Promise<World>
  close(): Promise<void>
}
