import type { TransferRow } from '../catalog/transfer.ts'
import type { Clock } from '../clock.ts'
import type { ReauthReason, ServiceError } from '../errors.ts'
import type { Sealer } from '../secret.ts'
import type { Driver } from '../storage/driver.ts'
import type { OpenTurns } from './body.ts'
import type { Claim } from './claim.ts'
import type { StartHash } from './hash.ts'
import type { ByteSource } from './read-ahead.ts'

export interface EngineOptions {
  readonly clock: Clock
  readonly sealer: Sealer
  /** Random number from 0 to 1, for back-off. */
  readonly random: () => number
  readonly startHash: StartHash
  readonly openTurns: OpenTurns
  /** The most bytes of one request of a session whose provider acknowledges a broken request as far as it got. */
  readonly streamBytes: number
  /** A transfer that got nowhere for so long fails, milliseconds. */
  readonly giveUpMs: number
}

/** One attempt at one claimed transfer. */
export interface Attempt {
  readonly claim: Claim
  readonly driver: Driver
  readonly source: ByteSource
  /** Epoch milliseconds: the attempt has ended by then. */
  readonly deadline: number
  readonly signal?: AbortSignal
  /** Bytes on their way, as they leave. */
  readonly onProgress: (bytes: number) => void
}

/** How an attempt ended. But for `lost`, the row says the same. */
export type TransferEnd =
  /** The outcome is decided and recorded in the row, which is still claimed: tell it, then remove the row. */
  | { readonly kind: 'settled'; readonly row: TransferRow }
  /** The claim is given back; deliver the message again after so many seconds. */
  | { readonly kind: 'later'; readonly afterSeconds: number; readonly error?: ServiceError }
  /** The grant is dead; the claim is given back. */
  | { readonly kind: 'parked'; readonly reason: ReauthReason }
  /** The object to send was replaced or deleted meanwhile. The claim is still held, nothing is open at the provider. */
  | { readonly kind: 'source-changed' }
  /** Somebody else has the transfer now, or it was cancelled. `made`: what this attempt had finished at the provider by then. */
  | { readonly kind: 'lost'; readonly made?: string }
