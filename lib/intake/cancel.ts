import type { DocumentId, UserKey } from '../ids.ts'
import type { TransferRow } from '../catalog/transfer.ts'
import type { IntakeDeps } from './deps.ts'
import { discardIfPossible } from './discard.ts'
import { intakeKeyOf } from './intake-key.ts'

/** Which document's transfer is meant; a document row will do. */
export interface Cancelled {
  readonly userKey: UserKey
  readonly documentId: DocumentId
  readonly connectionId: TransferRow['connectionId']
  readonly extension: TransferRow['extension']
}

/**
 * Ends whatever is under way for a document: the transfer, its session at the provider, what it may have stored under a key of its
 * own, and the bytes in the intake bucket. Nothing under way is success. The document's row is the caller's.
 * A process that is sending at this moment loses its claim, and removes what it may still finish.
 */
export async function cancelTransfer(deps: IntakeDeps, document: Cancelled): Promise<void> {
  for (;;) {
    const row = await deps.transfers.get(document.userKey, document.documentId)
    if (!row) break
    const free = { owner: undefined, messageId: undefined, claimUntil: undefined }
    const cancelled = await deps.transfers.save(row, { ...free, phase: 'cancelled', fence: row.fence + 1 })
    if (!cancelled) continue
    await finishCancelling(deps, cancelled)
  }
  // What an earlier, failed transfer left there.
  await deps.bucket.remove({ key: intakeKeyOf(document) })
}

/** The rest of a cancellation, which a crash may have interrupted. */
export async function finishCancelling(deps: IntakeDeps, row: TransferRow): Promise<void> {
  await discardIfPossible(deps, row)
  await deps.bucket.remove(row.source ?? { key: intakeKeyOf(row) })
  await deps.transfers.remove(row)
}
