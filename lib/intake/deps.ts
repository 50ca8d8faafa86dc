import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { DocumentCatalog } from '../catalog/documents.ts'
import type { TransferCatalog } from '../catalog/transfers.ts'
import type { Clock } from '../clock.ts'
import type { NewId, Owner } from '../ids.ts'
import type { Driver } from '../storage/driver.ts'
import type { EventPublisher } from '../telemetry/events.ts'
import type { Sealer } from '../secret.ts'
import type { OpenTurns } from '../transfer/body.ts'
import type { ClaimOptions } from '../transfer/claim.ts'
import type { StartHash } from '../transfer/hash.ts'
import type { Enqueue } from './enqueue.ts'
import type { IntakeBucket } from './bucket.ts'

/** What the intake use cases work with; `lib/compose/` builds it. */
export interface IntakeDeps {
  readonly clock: Clock
  readonly documents: DocumentCatalog
  readonly transfers: TransferCatalog
  readonly connections: Pick<ConnectionStore, 'get' | 'named'>
  readonly openDriver: (connection: Connection) => Promise<Driver>
  readonly sealer: Sealer
  readonly bucket: IntakeBucket
  /** Puts an object's event into the intake queue, as S3 would. */
  readonly enqueue: Enqueue
  readonly events: EventPublisher
  readonly random: () => number
  readonly newId: NewId
  readonly startHash: StartHash
  readonly openTurns: OpenTurns
  readonly settings: IntakeSettings
}

/** Milliseconds and bytes. */
export interface IntakeSettings {
  /** How long a claim stands that nobody renews. */
  readonly leaseMs: number
  readonly streamBytes: number
  readonly giveUpMs: number
}

export const defaultIntakeSettings: IntakeSettings = {
  leaseMs: 60_000,
  streamBytes: 64 * 1024 * 1024,
  giveUpMs: 24 * 60 * 60 * 1000,
}

/** For the claim of a transfer. */
export function claimOptions({ clock, transfers, newId, settings }: IntakeDeps): ClaimOptions {
  return { clock, transfers, newId, leaseMs: settings.leaseMs }
}

/** What starting an intake needs besides: the choice of a usable connection, which the document use cases make. */
export interface StartIntakeDeps extends IntakeDeps {
  /** The named connection, else the user's only active one. Rejects as the HTTP contract says. */
  readonly chooseConnection: (owner: Owner, named: string | undefined) => Promise<Connection>
}

/** One delivery of a message. */
export interface Delivery {
  readonly messageId: string
  /** Epoch milliseconds: the work has to be over by then. */
  readonly deadline: number
  readonly signal?: AbortSignal
}

/** `again`: the message has to come back after so many seconds. */
export type Ingested = { readonly kind: 'done' } | { readonly kind: 'again'; readonly afterSeconds: number }
