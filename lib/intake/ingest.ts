import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import type { NewTransfer, TransferRow, TransferSource } from '../catalog/transfer.ts'
import { logger } from '../telemetry/logger.ts'
import type { Claim } from '../transfer/claim.ts'
import { claimColumns, claimTransfer, ClaimLost, holdClaim, isClaimed } from '../transfer/claim.ts'
import type { CreatedObject } from '../queue/object-created.ts'
import { attemptTransfer } from './attempt.ts'
import type { IntakeObject } from './bucket.ts'
import { finishCancelling } from './cancel.ts'
import type { Delivery, Ingested, IntakeDeps } from './deps.ts'
import { claimOptions } from './deps.ts'
import type { IntakeAddress } from './intake-key.ts'
import { intakeKeyOf, readIntakeKey } from './intake-key.ts'
import { reject } from './reject.ts'
import { compareSequencers } from './sequencer.ts'
import { settle } from './settle.ts'

const done: Ingested = { kind: 'done' }

/** How long a newer object waits for the transfer of the one that it replaced to notice. */
const supersedeSeconds = 10
const otherKeySeconds = 120

/**
 * Brings one object of the intake bucket to its user's drive, or goes on with that. The event is only a hint: what is done follows
 * from what stands in the bucket and in the catalog now, so duplicates, reordering and repeats after a crash change nothing.
 */
export async function ingestObject(
  deps: IntakeDeps,
  object: CreatedObject,
  delivery: Delivery,
): Promise<Ingested> {
  if (object.bucket !== deps.bucket.name) {
    logger.warn('An event of another bucket was ignored.')
    return done
  }
  const named = await choose(deps, readIntakeKey(object.key))
  if (!named) {
    await reject(deps, object, 'key_not_in_scheme')
    return done
  }
  const { address, document } = named
  const transfer = await deps.transfers.get(address.userKey, address.documentId)
  if (transfer) return await goOn(deps, object, delivery, transfer)

  const standing = await deps.bucket.head(object.key)
  if (!standing) return done
  const connection = await deps.connections.named(address.userKey, address.connectionId)
  // The key names a user by the user key alone; the rows say whose they are.
  const others = connection && document && document.userId !== connection.userId
  if (!connection || connection.status === 'disconnected' || others) {
    await reject(deps, object, 'connection_unknown')
    return done
  }
  if (document?.objectExists === true && document.connectionId !== address.connectionId) {
    await reject(deps, object, 'document_elsewhere')
    return done
  }
  if (document?.status === 'failed' && (await deps.bucket.keptAs(object.key)) === 'failed') return done

  const fresh = newTransfer(deps, address, connection, sourceOf(standing, object))
  const columns = claimColumns(claimOptions(deps), delivery.messageId, 0)
  const created = await deps.transfers.create({
    ...fresh,
    ...columns,
    contentType: standing.contentType ?? fresh.contentType,
  })
  // Another delivery was faster by a moment: it has the claim now.
  if (!created) return await ingestObject(deps, object, delivery)
  // A whole transfer may have come and gone between the look into the bucket and the claim.
  const now = await deps.bucket.head(object.key)
  const claim = holdClaim(claimOptions(deps), created)
  if (now) return await held(deps, delivery, claim, connection, now)
  await claim.remove()
  return done
}

/** The reading of the key that fits a document, else the likelier one. */
async function choose(
  deps: IntakeDeps,
  readings: readonly IntakeAddress[],
): Promise<{ address: IntakeAddress; document: DocumentRow | undefined } | undefined> {
  let first: DocumentRow | undefined
  for (const address of readings) {
    const document = await deps.documents.named(address.userKey, address.documentId)
    if (document?.extension === address.extension) return { address, document }
    if (address === readings[0]) first = document
  }
  return readings[0] ? { address: readings[0], document: first } : undefined
}

/** A transfer of this document is known already. */
async function goOn(
  deps: IntakeDeps,
  object: CreatedObject,
  delivery: Delivery,
  row: TransferRow,
): Promise<Ingested> {
  const now = deps.clock.now()
  const { source } = row
  // Another extension or another drive for the same document: one after the other.
  if (object.key !== keyOf(row)) return { kind: 'again', afterSeconds: otherKeySeconds }
  if (source?.sequencer !== undefined && object.sequencer !== undefined) {
    // An event from before the object that is being sent.
    if (compareSequencers(object.sequencer, source.sequencer) < 0) return done
  }
  const another = source !== undefined && object.etag !== undefined && object.etag !== source.etag
  if (isClaimed(row, now, delivery.messageId)) {
    return another ? { kind: 'again', afterSeconds: supersedeSeconds } : done
  }
  if (row.phase === 'cancelled') {
    await finishCancelling(deps, row)
    return done
  }
  if (row.notBefore !== undefined && row.notBefore > now && !another) {
    return { kind: 'again', afterSeconds: (row.notBefore - now) / 1000 }
  }
  const standing = row.phase === 'settling' ? undefined : await deps.bucket.head(object.key)
  if (row.phase === 'receiving') {
    // Nothing has come yet, or what stands there is left from an earlier transfer that failed.
    if (!standing || (await deps.bucket.keptAs(object.key)) === 'failed') return done
  }
  const begins = source === undefined && standing ? { source: sourceOf(standing, object) } : {}
  const awake = { notBefore: undefined, parked: undefined, ...begins }
  const claim = await claimTransfer(claimOptions(deps), row, delivery.messageId, awake)
  // Somebody was faster by a moment; what they leave to do, their own message or the sweeper does.
  if (!claim) return another ? { kind: 'again', afterSeconds: supersedeSeconds } : done
  if (claim.row.phase === 'settling') return await settled(deps, claim)
  const connection = await deps.connections.get(row, row.connectionId)
  return await held(deps, delivery, claim, connection, standing)
}

async function settled(deps: IntakeDeps, claim: Claim): Promise<Ingested> {
  try {
    await settle(deps, claim)
    return done
  } catch (error) {
    if (error instanceof ClaimLost) return done
    await claim.release({})
    throw error
  }
}

async function held(
  deps: IntakeDeps,
  delivery: Delivery,
  claim: Claim,
  connection: Connection | undefined,
  standing: IntakeObject | undefined,
): Promise<Ingested> {
  try {
    return await attemptTransfer(deps, delivery, claim, connection, standing)
  } catch (error) {
    if (error instanceof ClaimLost) return done
    await claim.release({})
    throw error
  } finally {
    claim.stop()
  }
}

function newTransfer(
  deps: IntakeDeps,
  address: IntakeAddress,
  connection: Connection,
  source: TransferSource,
): NewTransfer {
  const now = deps.clock.now()
  const { userKey, connectionId, documentId, extension } = address
  const contentType = 'application/octet-stream'
  const where = {
    userKey,
    connectionId,
    documentId,
    extension,
    userId: connection.userId,
    provider: connection.provider,
    contentType,
  }
  return {
    ...where,
    source,
    phase: 'sending',
    offset: 0,
    failures: 0,
    progressAt: now,
    fence: 0,
    createdAt: now,
  }
}

function keyOf(row: TransferRow): string {
  return row.source?.key ?? intakeKeyOf(row)
}

/** The sequencer is that of the event only when the event tells of what stands there. */
function sourceOf(standing: IntakeObject, object: CreatedObject): TransferSource {
  const { key, etag, size, versionId } = standing
  const sequencer = object.etag === etag ? object.sequencer : undefined
  return {
    key,
    etag,
    size,
    ...(versionId === undefined ? {} : { versionId }),
    ...(sequencer === undefined ? {} : { sequencer }),
  }
}
