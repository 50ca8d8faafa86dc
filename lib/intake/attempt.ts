import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import type { TransferRow } from '../catalog/transfer.ts'
import type { ReauthReason } from '../errors.ts'
import { CloudConnectionError } from '../errors.ts'
import { objectKey } from '../ids.ts'
import { count } from '../telemetry/metrics.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { Claim } from '../transfer/claim.ts'
import { runTransfer } from '../transfer/engine.ts'
import { targetFor } from '../transfer/place.ts'
import type { TransferEnd } from '../transfer/ports.ts'
import type { IntakeObject } from './bucket.ts'
import type { Delivery, Ingested, IntakeDeps } from './deps.ts'
import { discardIfPossible } from './discard.ts'
import { isPresigned } from './presigned.ts'
import { openProgress } from './progress.ts'
import { changeDocument, detailOf, fail, removeAtProvider, settle } from './settle.ts'

const done: Ingested = { kind: 'done' }

/** One attempt at a claimed transfer, whose object stands in the bucket as `standing` says. Rejects with ClaimLost. */
export async function attemptTransfer(
  deps: IntakeDeps,
  delivery: Delivery,
  claim: Claim,
  connection: Connection | undefined,
  standing: IntakeObject | undefined,
): Promise<Ingested> {
  const { source } = claim.row
  if (!standing || !source) return await withoutObject(deps, claim)
  if (standing.etag !== source.etag) await startOver(deps, claim, standing)
  if (!connection || connection.status === 'disconnected') {
    await fail(deps, claim, 'connection_not_found', 'The connection of this document was removed.')
    return done
  }
  if (
    claim.row.phase === 'receiving' &&
    !isPresigned(claim.row) &&
    (await isOtherSize(deps, claim, standing.size))
  )
    return done
  const document = await showUploading(deps, claim, connection)
  if (connection.status !== 'active') return await park(deps, claim, connection.reason ?? 'consent_required')
  return await send(deps, delivery, claim, connection, document)
}

/** Fails a transfer whose client has sent more or less than it announced. */
async function isOtherSize(deps: IntakeDeps, claim: Claim, size: number): Promise<boolean> {
  const document = await deps.documents.getDocument(claim.row, claim.row.documentId)
  if (!document || document.size === size) return false
  const detail = `${String(document.size)} bytes were announced and ${String(size)} arrived. Start the upload anew.`
  await fail(deps, claim, 'invalid_request', detail)
  return true
}

/** The object is gone: what was being sent cannot be finished, what never came is waited for. */
async function withoutObject(deps: IntakeDeps, claim: Claim): Promise<Ingested> {
  const { row } = claim
  const document = await deps.documents.getDocument(row, row.documentId)
  const begun = row.session !== undefined || row.target !== undefined || document?.status === 'uploading'
  if (row.phase === 'receiving') {
    await claim.release({ source: undefined })
  } else if (begun || document?.status === 'parked') {
    await discardIfPossible(deps, row)
    await fail(deps, claim, 'object_missing', 'The intake object was removed before it had been transferred.')
  } else {
    // A duplicate event of a transfer that is over.
    await claim.remove()
  }
  return done
}

/** Another object was put under the key: what was begun for the one before is taken back. */
async function startOver(deps: IntakeDeps, claim: Claim, standing: IntakeObject): Promise<void> {
  await discardIfPossible(deps, claim.row)
  const { key, etag, size, versionId, contentType } = standing
  await claim.save({
    source: { key, etag, size, ...(versionId === undefined ? {} : { versionId }) },
    ...(contentType === undefined ? {} : { contentType }),
    target: undefined,
    session: undefined,
    uploaded: undefined,
    hashState: undefined,
    offset: 0,
    failures: 0,
    progressAt: deps.clock.now(),
  })
}

/** Shows the document as uploading, whoever else changes it at the same moment. */
async function showUploading(deps: IntakeDeps, claim: Claim, connection: Connection): Promise<DocumentRow> {
  for (;;) {
    const before = await deps.documents.getDocument(claim.row, claim.row.documentId)
    const shown = await writeUploading(deps, claim.row, connection, before)
    if (shown) return shown
  }
}

async function writeUploading(
  deps: IntakeDeps,
  row: TransferRow,
  connection: Connection,
  before: DocumentRow | undefined,
): Promise<DocumentRow | undefined> {
  const { userKey, userId, documentId, connectionId, extension, contentType } = row
  const size = row.source?.size ?? 0
  const { provider } = connection
  const shown = { connectionId, provider, size, status: 'uploading' as const }
  if (!before) {
    return await deps.documents.createDocument({
      userKey,
      userId,
      documentId,
      extension,
      contentType,
      ...shown,
    })
  }
  const same = before.status === 'uploading' && before.size === size && before.connectionId === connectionId
  if (same) return before
  const moved = before.connectionId === connectionId ? {} : { objectKey: undefined, objectExists: undefined }
  // Type and extension of what is at the provider stay until the new content is there.
  const kept = before.objectExists === true ? {} : { contentType, extension }
  const over = { error: undefined, parkedOn: undefined, bytesTransferred: row.offset }
  return await deps.documents.updateDocument(before, { ...moved, ...kept, ...over, ...shown })
}

async function park(deps: IntakeDeps, claim: Claim, reason: ReauthReason): Promise<Ingested> {
  // A claim that was given back by the engine is not given back twice.
  if (claim.row.owner !== undefined) await claim.release({ parked: true, phase: 'sending' })
  const { row } = claim
  const shown = { status: 'parked' as const, parkedOn: row.connectionId, bytesTransferred: row.offset }
  const document = await changeDocument(deps, row, shown)
  if (!document) return done
  await deps.events.publish({ type: 'Document Parked', detail: { ...detailOf(row, document.size), reason } })
  count('TransfersParked', { provider: row.provider })
  return done
}

async function send(
  deps: IntakeDeps,
  delivery: Delivery,
  claim: Claim,
  connection: Connection,
  document: DocumentRow,
): Promise<Ingested> {
  const progress = openProgress(deps, claim.row)
  const { source } = claim.row
  if (!source) throw new TypeError('The transfer has no source.')
  let end: TransferEnd
  try {
    const driver = await deps.openDriver(connection)
    const target =
      claim.row.target ?? (claim.row.session ? undefined : targetFor(driver, document, claim.row))
    // The name of a new object is not known before it is begun.
    claim.stage({ phase: 'sending', ...(target?.objectKey === undefined ? {} : { target }) })
    end = await runTransfer(
      {
        ...deps.settings,
        clock: deps.clock,
        sealer: deps.sealer,
        random: deps.random,
        startHash: deps.startHash,
        openTurns: deps.openTurns,
      },
      {
        claim,
        driver,
        source: { size: source.size, read: (from, to, signal) => deps.bucket.read(source, from, to, signal) },
        deadline: delivery.deadline,
        ...(delivery.signal ? { signal: delivery.signal } : {}),
        onProgress: (bytes) => progress.report(bytes),
      },
    )
  } catch (error) {
    if (error instanceof CloudConnectionError) return await park(deps, claim, error.reason)
    throw error
  } finally {
    await progress.end()
  }
  return await conclude(deps, claim, end)
}

async function conclude(deps: IntakeDeps, claim: Claim, end: TransferEnd): Promise<Ingested> {
  switch (end.kind) {
    case 'settled':
      await settle(deps, claim)
      return done
    case 'later':
      if (end.error)
        logger.info('A transfer waits.', { seconds: end.afterSeconds, ...errorFields(end.error) })
      return { kind: 'again', afterSeconds: end.afterSeconds }
    case 'parked':
      return await park(deps, claim, end.reason)
    case 'source-changed':
      // Whatever stands under the key by now is looked at afresh.
      await claim.release({ session: undefined, hashState: undefined, offset: 0, uploaded: undefined })
      return { kind: 'again', afterSeconds: 0 }
    case 'lost':
      await removeOrphan(deps, claim, end.made)
      return done
    default:
      return end satisfies never
  }
}

/** What was finished at the provider after the transfer had been cancelled belongs to nobody. */
async function removeOrphan(deps: IntakeDeps, claim: Claim, made: string | undefined): Promise<void> {
  if (made === undefined) return
  const { row } = claim
  const transfer = await deps.transfers.get(row.userKey, row.documentId)
  if (transfer?.transferId === row.transferId && transfer.phase !== 'cancelled') return
  const document = await deps.documents.getDocument(row, row.documentId)
  if (document?.objectKey !== made) await removeAtProvider(deps, row, objectKey(made))
}
