import type { Clock } from '../clock.ts'
import type { ReauthReason, ServiceError } from '../errors.ts'
import type { Sealer } from '../secret.ts'
import type { OwnDriver } from './own.ts'
import type { Driver, ObjectEntry } from '../storage/driver.ts'
import type { ByteSource, OpenTurns } from './body.ts'
import type { Claim } from './claim.ts'
import type { StartHash } from './hash.ts'
import type { Judged } from './judge.ts'

export interface EngineOptions {
  readonly clock: Clock
  readonly sealer: Sealer
  /** Random number from 0 to 1, for back-off. */
  readonly random: () => number
  readonly startHash: StartHash
  readonly openTurns: OpenTurns
  /**
   * The most bytes of one request of a session whose provider acknowledges a broken request as far as it got.
   */
  readonly streamBytes: number
  /** A change that got nowhere for so long fails, milliseconds. */
  readonly giveUpMs: number
  readonly driveNames: boolean
}

/** One attempt at one claimed change. */
export interface Attempt {
  readonly claim: Claim
  readonly driver: Driver & Partial<Pick<OwnDriver, 'made'>>
  readonly source: ByteSource
  /** Epoch milliseconds: the attempt has ended by then. */
  readonly deadline: number
  readonly signal?: AbortSignal
}

/**
 * How an attempt ended. The claim is still held, but for `lost`:
 * whoever asked for the attempt writes what follows from it.
 */
export type AttemptEnd =
  /** The provider has the object, and it was judged. */
  | { readonly kind: 'made'; readonly entry: ObjectEntry; readonly judged: Judged }
  | { readonly kind: 'failed'; readonly error: ServiceError }
  /** To go on after so many seconds. */
  | { readonly kind: 'later'; readonly afterSeconds: number; readonly error?: ServiceError }
  /** The grant is dead. */
  | { readonly kind: 'parked'; readonly reason: ReauthReason }
  /** The object to send was replaced or deleted meanwhile. */
  | { readonly kind: 'source-changed' }
  /** Somebody else has the change now. */
  | { readonly kind: 'lost' }
