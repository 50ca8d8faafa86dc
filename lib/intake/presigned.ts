import type { PresignedUpload, TransferRow } from '../catalog/transfer.ts'
import { isServiceError } from '../errors.ts'
import type { ObjectKey } from '../ids.ts'
import type { ObjectEntry } from '../storage/driver.ts'
import { claimTransfer } from '../transfer/claim.ts'
import type { IntakeDeps } from './deps.ts'
import { claimOptions } from './deps.ts'
import { fail, settle } from './settle.ts'
import { openTransfer } from './start-intake.ts'

/** Records that such a URL was given out, so that the sweeper looks what became of it. What was under way for the document ends. */
export async function awaitPresigned(
  deps: IntakeDeps,
  { objectKey, expiresAt, ...where }: PresignedUpload,
): Promise<void> {
  const now = deps.clock.now()
  const before = await deps.documents.getDocument(where, where.documentId)
  const counters = { offset: 0, failures: 0, progressAt: now, fence: 0, createdAt: now }
  const target = { kind: 'replace', objectKey } as const
  await openTransfer(
    deps,
    { ...where, ...counters, phase: 'receiving', target, uploadExpiresAt: expiresAt },
    before,
  )
}

/** True for the row that `awaitPresigned` wrote: nothing comes through the intake bucket. */
export function isPresigned(row: TransferRow): boolean {
  return row.phase === 'receiving' && row.target !== undefined
}

/**
 * Looks what became of a presigned upload whose URL has ended: stored, or failed when nothing can come any more (`over`).
 * Answers what it did; undefined when there is nothing to say yet, or nobody waits for it.
 */
export async function settlePresigned(
  deps: IntakeDeps,
  row: TransferRow,
  over: boolean,
): Promise<'stored' | 'failed' | undefined> {
  const claim = await claimTransfer(claimOptions(deps), row, 'sweeper')
  if (!claim) return undefined
  try {
    const document = await deps.documents.getDocument(row, row.documentId)
    if (document?.status !== 'receiving' || document.objectKey !== row.target?.objectKey) {
      // A reader has settled it already, or another door has taken the document over.
      await claim.remove()
      return undefined
    }
    const entry = await standingAt(deps, row, document.objectKey)
    if (entry) {
      const { objectKey, size, contentType = row.contentType } = entry
      const settlement = { kind: 'stored', objectKey, size } as const
      await claim.save({ phase: 'settling', contentType, settlement })
      await settle(deps, claim)
      return 'stored'
    }
    if (over) {
      await fail(deps, claim, 'object_missing', 'The upload URL ended before any bytes had arrived.')
      return 'failed'
    }
    await claim.release({})
    return undefined
  } finally {
    claim.stop()
  }
}

async function standingAt(
  deps: IntakeDeps,
  row: TransferRow,
  key: ObjectKey | undefined,
): Promise<ObjectEntry | undefined> {
  const connection = await deps.connections.get(row, row.connectionId)
  if (connection?.status !== 'active' || key === undefined) return undefined
  try {
    return await (await deps.openDriver(connection)).stat(key)
  } catch (error) {
    if (isServiceError(error, 'object_missing')) return undefined
    throw error
  }
}
