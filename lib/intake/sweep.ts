import type { Connection } from '../catalog/connections.ts'
import type { TransferRow } from '../catalog/transfer.ts'
import type { TransferCursor } from '../catalog/transfers.ts'
import { count } from '../telemetry/metrics.ts'
import { claimTransfer } from '../transfer/claim.ts'
import { finishCancelling } from './cancel.ts'
import type { IntakeDeps } from './deps.ts'
import { claimOptions } from './deps.ts'
import { discardIfPossible } from './discard.ts'
import { intakeKeyOf, readIntakeKey } from './intake-key.ts'
import { isPresigned, settlePresigned } from './presigned.ts'
import { fail } from './settle.ts'
import { announceTransfer } from './wake.ts'

export interface SweepOptions {
  /** Epoch milliseconds: the run is over by then; the next one goes on. */
  readonly deadline: number
  /** Only what nothing has happened to for so long is taken for forgotten, milliseconds. 0 at the start of a local stack. */
  readonly idleMs: number
  /** The only worker has just started (a local stack): whoever held a claim is dead. */
  readonly restarted?: boolean
}

export interface Swept {
  /** Put back into the queue. */
  announced: number
  /** Stored by a presigned URL, past the intake. */
  stored: number
  /** Failed with a reason. */
  failed: number
  /** Cancellations brought to their end. */
  cancelled: number
}

/** How long after an upload URL ends an upload that was begun before may still be running. */
const uploadGraceMs = 60 * 60 * 1000
/** A session with less time left is gone on with at once, whatever the transfer was waiting for. */
const sessionMarginMs = 10 * 60 * 1000
const rowsPerPage = 200

/**
 * Finds what the events have lost: transfers that nobody works on, objects that no event announced, uploads that never came or went past us,
 * cancellations that a crash cut short. Mends them through the queue, or fails them with a reason.
 */
export async function sweepTransfers(deps: IntakeDeps, options: SweepOptions): Promise<Swept> {
  const swept: Swept = { announced: 0, stored: 0, failed: 0, cancelled: 0 }
  const known = new Map<string, Promise<Connection | undefined>>()
  const connectionOf = (row: TransferRow): Promise<Connection | undefined> => {
    const found = known.get(row.connectionId) ?? deps.connections.get(row, row.connectionId)
    known.set(row.connectionId, found)
    return found
  }
  const timeIsUp = (): boolean => deps.clock.now() >= options.deadline

  let cursor: TransferCursor | undefined
  do {
    const page = await deps.transfers.scan(rowsPerPage, cursor)
    for (const row of page.rows) {
      if (timeIsUp()) return swept
      await sweepRow(deps, options, row, connectionOf, swept)
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  await sweepBucket(deps, options, timeIsUp, swept)
  count('TransfersSwept', {}, swept.announced + swept.stored + swept.failed + swept.cancelled)
  return swept
}

async function sweepRow(
  deps: IntakeDeps,
  options: SweepOptions,
  row: TransferRow,
  connectionOf: (row: TransferRow) => Promise<Connection | undefined>,
  swept: Swept,
): Promise<void> {
  const now = deps.clock.now()
  const claimUntil = options.restarted === true ? 0 : (row.claimUntil ?? 0)
  if (claimUntil > now) return
  if (row.phase === 'cancelled') {
    await finishCancelling(deps, row)
    swept.cancelled += 1
    return
  }
  const last = Math.max(row.progressAt, claimUntil, row.notBefore ?? 0, row.announcedAt ?? 0)
  const idle = options.restarted === true || now - last >= options.idleMs
  if (row.phase === 'receiving') {
    await sweepReceiving(deps, row, idle, swept)
    return
  }
  if (row.parked === true) {
    const connection = await connectionOf(row)
    if (!connection || connection.status === 'disconnected') {
      await failRow(deps, row, swept, 'connection_not_found', 'The connection of this document was removed.')
    } else if (connection.status === 'active' && idle) await announceRow(deps, row, swept)
    return
  }
  const ending = row.session?.expiresAt !== undefined && row.session.expiresAt - now < sessionMarginMs
  const told = now - (row.announcedAt ?? 0) < sessionMarginMs
  if (idle || (ending && !told)) await announceRow(deps, row, swept)
}

async function sweepReceiving(
  deps: IntakeDeps,
  row: TransferRow,
  idle: boolean,
  swept: Swept,
): Promise<void> {
  const now = deps.clock.now()
  const ends = row.uploadExpiresAt ?? 0
  const over = now > ends + uploadGraceMs
  if (isPresigned(row)) {
    const end = now > ends ? await settlePresigned(deps, row, over) : undefined
    if (end !== undefined) swept[end] += 1
    return
  }
  if (!over && !idle) return
  const key = intakeKeyOf(row)
  const standing = await deps.bucket.head(key)
  if (standing && (await deps.bucket.keptAs(key)) !== 'failed') await announceRow(deps, row, swept)
  else if (over) {
    await failRow(deps, row, swept, 'object_missing', 'The upload URL ended before any bytes had arrived.')
  }
}

async function announceRow(deps: IntakeDeps, row: TransferRow, swept: Swept): Promise<void> {
  // Marked first: somebody who has just claimed the row makes this fail, and needs no message.
  const free = { owner: undefined, messageId: undefined, claimUntil: undefined, notBefore: undefined }
  if (!(await deps.transfers.save(row, { ...free, announcedAt: deps.clock.now() }))) return
  await announceTransfer(deps, row)
  swept.announced += 1
}

async function failRow(
  deps: IntakeDeps,
  row: TransferRow,
  swept: Swept,
  code: 'object_missing' | 'connection_not_found',
  detail: string,
): Promise<void> {
  const claim = await claimTransfer(claimOptions(deps), row, 'sweeper')
  if (!claim) return
  try {
    await discardIfPossible(deps, row)
    await fail(deps, claim, code, detail)
    swept.failed += 1
  } finally {
    claim.stop()
  }
}

/** Objects that no transfer row knows of: an event was lost, or it is still on its way. */
async function sweepBucket(
  deps: IntakeDeps,
  options: SweepOptions,
  timeIsUp: () => boolean,
  swept: Swept,
): Promise<void> {
  let cursor: string | undefined
  do {
    const page = await deps.bucket.list(cursor)
    for (const { key, modifiedAt } of page.objects) {
      if (timeIsUp()) return
      if (deps.clock.now() - modifiedAt < options.idleMs || (await isKnown(deps, key))) continue
      await deps.enqueue({ bucket: deps.bucket.name, key })
      swept.announced += 1
    }
    cursor = page.cursor
  } while (cursor !== undefined)
}

async function isKnown(deps: IntakeDeps, key: string): Promise<boolean> {
  for (const address of readIntakeKey(key)) {
    if (await deps.transfers.get(address.userKey, address.documentId)) return true
  }
  return (await deps.bucket.keptAs(key)) !== undefined
}
