import type { ReadBoth } from '../catalog/both.ts'
import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { Change, DocumentRow } from '../catalog/document.ts'
import type { DocumentStore } from '../catalog/documents.ts'
import type { DocumentKey } from '../catalog/document-pages.ts'
import type { Clock } from '../clock.ts'
import type { ConnectionId, NewId, UserKey } from '../ids.ts'
import type { Sealer } from '../secret.ts'
import type { Driver } from '../storage/driver.ts'
import type { OpenTurns } from './body.ts'
import type { IntakeBucket } from './bucket.ts'
import type { StartHash } from './hash.ts'

/** What every door into the drive works with. */
export interface HallDeps {
  readonly clock: Clock
  readonly documents: DocumentStore
  readonly connections: Pick<ConnectionStore, 'named'>
  readonly readBoth: ReadBoth
  readonly openDriver: (connection: Connection) => Promise<Driver>
  readonly sealer: Sealer
  readonly bucket: IntakeBucket
  /** Puts a message into the intake queue: somebody is to look at this row. */
  readonly enqueue: (key: DocumentKey, delaySeconds?: number) => Promise<void>
  /** 0 to below 1. */
  readonly random: () => number
  readonly newId: NewId
  readonly startHash: StartHash
  readonly openTurns: OpenTurns
  readonly settings: HallSettings
}

/** Milliseconds and bytes. */
export interface HallSettings {
  /** A claim that nobody renews is void after so long. */
  readonly leaseMs: number
  /** A single request to a drive has ended by then, with its answer or without. */
  readonly requestMs: number
  /** The most bytes of one request of a session whose provider keeps a broken request as far as it got. */
  readonly streamBytes: number
  /** Content up to this size goes in one attempt, with nothing recorded in between. */
  readonly smallBytes: number
  /** A transfer that got nowhere for so long fails. */
  readonly giveUpMs: number
  /** Files in the drive are called as people call them. */
  readonly driveNames: boolean
}

export const defaultHallSettings: HallSettings = {
  leaseMs: 60_000,
  requestMs: 40_000,
  streamBytes: 4 * 1024 ** 3,
  smallBytes: 4 * 1024 * 1024,
  giveUpMs: 24 * 60 * 60 * 1000,
  driveNames: false,
}

/** A row whose change is this process's. */
export type Claimed = DocumentRow & { readonly change: Change }

/** Who lost a claim: whatever this process still does must not count. */
export class ClaimLost extends Error {
  override readonly name = 'ClaimLost'

  constructor() {
    super('The change belongs to somebody else now.')
  }
}

/** Passes what a claim's write answered. */
export function held(row: DocumentRow | undefined): Claimed {
  if (row?.change === undefined) throw new ClaimLost()
  return row as Claimed
}

/** `deps` for work on one connection, which was just read and is not read again. */
export function knowing<Deps extends Pick<HallDeps, 'connections'>>(
  deps: Deps,
  connection: Connection | undefined,
): Deps {
  if (!connection) return deps
  const named: ConnectionStore['named'] = async (userKey, connectionId) =>
    userKey === connection.userKey && connectionId === connection.connectionId
      ? connection
      : await deps.connections.named(userKey, connectionId)
  return { ...deps, connections: { ...deps.connections, named } }
}

/** The connection while its grant may still serve; undefined when it was given up. */
export async function connectionOf(
  deps: Pick<HallDeps, 'connections'>,
  { userKey, connectionId }: { readonly userKey: UserKey; readonly connectionId: ConnectionId },
): Promise<Connection | undefined> {
  const connection = await deps.connections.named(userKey, connectionId)
  return connection?.status === 'disconnected' ? undefined : connection
}
