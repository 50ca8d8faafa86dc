import type { DocumentRow } from '../catalog/document.ts'
import type { DocumentChanges } from '../catalog/documents.ts'
import type { Settlement, TransferRow } from '../catalog/transfer.ts'
import type { ErrorCode } from '../errors.ts'
import { ServiceError } from '../errors.ts'
import type { ObjectKey, Owner } from '../ids.ts'
import { StorageBackend } from '../storage/storage-backend.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import { count, countBytes } from '../telemetry/metrics.ts'
import type { Claim } from '../transfer/claim.ts'
import { fileOf, renameTo } from '../transfer/place.ts'
import type { IntakeDeps } from './deps.ts'

/**
 * Tells the outcome that is recorded in the claimed row: document, event, intake object, and last the row itself.
 * Killed anywhere in between, a repeat tells the same again; only the event may then go out twice.
 */
export async function settle(deps: IntakeDeps, claim: Claim): Promise<void> {
  const { row } = claim
  const { settlement } = row
  if (!settlement) throw new TypeError('Nothing to settle.')
  const before = await deps.documents.getDocument(row, row.documentId)
  if (settlement.kind === 'stored') await leaveOld(deps, row, settlement.objectKey, before)
  const document = await changeDocument(deps, row, changesOf(row, settlement, before))
  if (settlement.kind === 'stored') await settleStored(deps, row, settlement, document)
  else await settleFailed(deps, row, settlement, document)
  await claim.remove()
}

/** Fails a claimed transfer for a reason that is not the provider's. */
export async function fail(deps: IntakeDeps, claim: Claim, code: ErrorCode, detail: string): Promise<void> {
  await claim.save({ phase: 'settling', settlement: { kind: 'failed', code, detail }, session: undefined })
  await settle(deps, claim)
}

async function settleStored(
  deps: IntakeDeps,
  row: TransferRow,
  settlement: Extract<Settlement, { kind: 'stored' }>,
  document: DocumentRow | undefined,
): Promise<void> {
  if (!document) {
    // The user deleted the document at the very end: what was stored is theirs to be rid of.
    await removeAtProvider(deps, row, settlement.objectKey)
  } else {
    const { objectKey, checksum } = settlement
    await deps.events.publish({
      type: 'Document Stored',
      detail: { ...detailOf(row, document.size), objectKey, ...(checksum ? { checksum } : {}) },
    })
    count('TransfersStored', { provider: row.provider })
    countBytes('BytesSent', settlement.size, { provider: row.provider })
  }
  if (row.source) await deps.bucket.remove(row.source)
}

async function settleFailed(
  deps: IntakeDeps,
  row: TransferRow,
  settlement: Extract<Settlement, { kind: 'failed' }>,
  document: DocumentRow | undefined,
): Promise<void> {
  if (document) {
    const error = { code: settlement.code, detail: settlement.detail }
    await deps.events.publish({ type: 'Document Failed', detail: { ...detailOf(row, document.size), error } })
    count('TransfersFailed', { provider: row.provider, code: settlement.code })
  }
  // The tag keeps a late duplicate of the event, and the sweeper, from trying again.
  if (row.source) await deps.bucket.keep(row.source.key, 'failed')
}

function changesOf(
  row: TransferRow,
  settlement: Settlement,
  before: DocumentRow | undefined,
): DocumentChanges {
  const over = { bytesTransferred: undefined, parkedOn: undefined, expectedSha256: undefined }
  const { checksum } = settlement
  if (settlement.kind === 'stored') {
    const { objectKey, size } = settlement
    const { contentType, extension, connectionId, provider } = row
    const content = {
      objectKey,
      objectExists: true,
      size,
      contentType,
      extension,
      connectionId,
      provider,
      checksum,
    }
    return { ...over, ...content, status: 'stored', error: undefined }
  }
  const { code, detail, objectKey } = settlement
  const made = objectKey === undefined ? {} : { objectKey, objectExists: true, checksum }
  const size = row.source?.size ?? before?.size ?? 0
  return { ...over, ...made, size, status: 'failed', error: { code, detail } }
}

/** Changes the document whoever else changes it at the same time; undefined when the user has deleted it. */
export async function changeDocument(
  deps: IntakeDeps,
  row: Owner & Pick<TransferRow, 'documentId'>,
  changes: DocumentChanges,
): Promise<DocumentRow | undefined> {
  for (;;) {
    const document = await deps.documents.getDocument(row, row.documentId)
    if (!document) return undefined
    const changed = await deps.documents.updateDocument(document, changes)
    if (changed) return changed
  }
}

/** What stood elsewhere goes, before it is forgotten; a file that was written over gets the name that goes with its new extension. */
async function leaveOld(
  deps: IntakeDeps,
  row: TransferRow,
  objectKey: ObjectKey,
  before: DocumentRow | undefined,
): Promise<void> {
  if (before?.objectExists !== true || before.connectionId !== row.connectionId) return
  if (before.objectKey !== undefined && before.objectKey !== objectKey) {
    await removeAtProvider(deps, row, before.objectKey)
  } else if (before.extension !== row.extension) {
    const connection = await deps.connections.get(row, row.connectionId)
    if (connection?.status === 'active')
      await renameTo(await deps.openDriver(connection), objectKey, fileOf(row))
  }
}

/** Removes an object that nobody refers to any more; one that cannot be removed must not keep a stored document from being told. */
export async function removeAtProvider(
  deps: IntakeDeps,
  row: TransferRow,
  objectKey: ObjectKey,
): Promise<void> {
  const connection = await deps.connections.get(row, row.connectionId)
  if (connection?.status !== 'active') return
  try {
    await new StorageBackend(await deps.openDriver(connection)).deleteObject(objectKey)
  } catch (error) {
    if (!(error instanceof ServiceError) || error.retry.retryable) throw error
    logger.warn('An object that is not needed any more could not be removed at the provider.', {
      documentId: row.documentId,
      ...errorFields(error),
    })
  }
}

/** What every event of a document says. */
export function detailOf(row: TransferRow, size: number) {
  const { userId, documentId, connectionId, provider, contentType } = row
  return { userId, documentId, connectionId, provider, size, contentType }
}
