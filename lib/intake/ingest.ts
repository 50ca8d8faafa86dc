import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Both } from '../catalog/both.ts'
import type { DocumentRow } from '../catalog/document.ts'
import { isDeleted } from '../catalog/document.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import { isName } from '../ids.ts'
import type { CreatedObject } from '../queue/object-created.ts'
import type { RejectionReason } from '../contract/reasons.ts'
import type { EventPublisher } from '../telemetry/events.ts'
import { logger } from '../telemetry/logger.ts'
import type { Wanted } from '../transfer/accept.ts'
import { acceptChange } from '../transfer/accept.ts'
import type { Delivery, Handled } from '../transfer/attempt.ts'
import { attemptChange } from '../transfer/attempt.ts'
import type { IntakeObject } from '../transfer/bucket.ts'
import { holding } from '../transfer/bucket.ts'
import { proofOf } from '../transfer/hash.ts'
import { holdClaim } from '../transfer/claim.ts'
import type { Claimed, HallDeps } from '../transfer/hall.ts'
import { knowing } from '../transfer/hall.ts'
import type { Announced, Dropped } from '../transfer/intake-key.ts'
import { readIntakeKey } from '../transfer/intake-key.ts'
import { arrive, lookAt } from '../transfer/look.ts'
import { placeNow } from '../transfer/place.ts'
import { tidy } from '../transfer/tidy.ts'

export interface IntakeDeps extends HallDeps {
  /** Tells of objects that belong to no document; everything else is told by the rows' change stream. */
  readonly events: EventPublisher
}

const done: Handled = { kind: 'done' }
/** How long an object waits for another change of its document to end. */
const laterSeconds = 10

/** Why a dropped object is no document. */
class Rejection extends Error {
  readonly reason: RejectionReason

  constructor(reason: RejectionReason) {
    super(reason)
    this.reason = reason
  }
}

/**
 * Brings one object of the intake bucket to its user's drive, or goes on with that.
 * The event is only a hint: what is done follows from what stands in the bucket and
 * in the row now, so duplicates, reordering and repeats after a crash change nothing.
 */
export async function ingestObject(
  deps: IntakeDeps,
  object: CreatedObject,
  delivery: Delivery,
): Promise<Handled> {
  if (object.bucket !== deps.bucket.name) {
    logger.warn('An event of another bucket was ignored.')
    return done
  }
  // Consoles and sync tools make folders in a bucket: empty objects
  // whose key ends so. They are neither documents nor mistakes.
  if (object.key.endsWith('/')) return done
  const named = readIntakeKey(object.key)
  if ('announced' in named) return await takeAnnounced(deps, object, named.announced, delivery)
  try {
    return await takeDropped(deps, object, named.drops, delivery)
  } catch (error) {
    if (error instanceof Rejection) await reject(deps, object, error.reason)
    else if (isServiceError(error, 'document_busy')) return { kind: 'again', afterSeconds: laterSeconds }
    else throw error
    return done
  }
}

/**
 * Bytes that came by an upload URL: they feed their own change and no
 * other. What is left of a change that is over is removed, untold.
 */
async function takeAnnounced(
  deps: IntakeDeps,
  { key, size }: CreatedObject,
  { changeId, ...where }: Announced,
  delivery: Delivery,
): Promise<Handled> {
  const { row, connection } = await deps.readBoth(where)
  if (row?.change?.id === changeId) {
    if (row.change.state !== 'receiving') return await lookAt(deps, row, delivery)
    const arrived = await deps.bucket.head(key, undefined, size)
    if (!arrived) return done
    const knows = { ...knowing(deps, connection), bucket: holding(deps.bucket, arrived) }
    return await arrive(knows, row as Claimed, arrived, delivery)
  }
  // Bytes whose late hash was wrong are sent again, by another change than brought them.
  if (row?.change?.source?.key === key) return await lookAt(deps, row, delivery)
  if (row?.aside?.id === changeId) return { kind: 'again', afterSeconds: laterSeconds }
  if (row && names(row, key)) await tidy(deps, row)
  // The same bytes sent once more have lost the tag.
  else if (await isKept(deps, row, key)) await deps.bucket.keep(key, 'failed')
  else await deps.bucket.remove({ key })
  return done
}

/** These very bytes have failed, and are kept; others under their key came by a URL that was used again. */
async function isKept({ bucket }: IntakeDeps, row: DocumentRow | undefined, key: string): Promise<boolean> {
  const kept = row?.last?.kept
  return kept?.key === key && (await bucket.head(key))?.etag === kept.etag
}

async function takeDropped(
  deps: IntakeDeps,
  object: CreatedObject,
  readings: readonly Dropped[],
  delivery: Delivery,
): Promise<Handled> {
  const { address, row, connection: read } = await choose(deps, readings)
  const standing = await deps.bucket.head(object.key, undefined, object.size)
  // What the row says is left may have been replaced under its key:
  // then it is another object, and a new drop.
  if (row && names(row, object.key, standing?.etag)) {
    await tidy(deps, row)
    return done
  }
  if (!standing) return done
  const { source, state } = row?.change ?? {}
  if (row && source?.key === standing.key && source.etag === standing.etag) {
    // An event from before the object that is being sent, or the same one again.
    return state === 'sending' && row.change?.message !== delivery.messageId
      ? done
      : await lookAt(deps, row, delivery)
  }
  if (row?.last?.outcome === 'failed' && (await deps.bucket.keptAs(object.key)) === 'failed') return done
  const connection = read?.status === 'disconnected' ? undefined : read
  if (!connection) throw new Rejection('connection_unknown')
  refuseOdd(standing)
  const name = nameGiven(standing)
  const { userKey, documentId, extension, connectionId } = address
  const { userId } = connection
  const accepted = await acceptChange(
    deps,
    { userKey, documentId, userId },
    async (seen): Promise<Wanted> => {
      // What stands in the bucket was looked at after `row`: by now another delivery may have sent it.
      if (!isSame(row, seen)) throw new ServiceError('document_busy', 'Another delivery was faster.')
      if (seen?.standing && seen.connectionId !== connectionId) throw new Rejection('document_elsewhere')
      // Two file names are two files to whoever drops them: neither replaces the other.
      if (seen?.standing && seen.standing.extension !== extension) throw new Rejection('name_taken')
      return {
        door: 'drop',
        state: 'sending',
        connection,
        extension,
        size: standing.size,
        contentType: standing.contentType ?? 'application/octet-stream',
        until: deps.clock.now() + deps.settings.leaseMs,
        message: delivery.messageId,
        source: sourceOf(standing),
        // Whoever goes on after this process knows by it what it has made, also when the source is gone.
        proof: await proofOf(deps.startHash, connection.provider, standing.bytes),
        single: standing.size <= deps.settings.smallBytes ? true : undefined,
        name,
        target: await placeNow(deps, connection, seen, { documentId, extension, connectionId, name }),
      }
    },
    { waitMs: 0, first: { row }, signal: delivery.signal },
  )
  const claim = holdClaim({ ...deps, leaseMs: deps.settings.leaseMs }, accepted.row)
  const knows = { ...knowing(deps, connection), bucket: holding(deps.bucket, standing) }
  return await attemptChange(knows, claim, delivery)
}

/** The reading of the key that fits a document, else the likelier one; and its row and connection. */
async function choose(
  deps: IntakeDeps,
  [likelier, other]: readonly Dropped[],
): Promise<Omit<Both, 'twin'> & { readonly address: Dropped }> {
  if (!likelier) throw new Rejection('key_not_in_scheme')
  const { row, twin, connection } = await deps.readBoth({ ...likelier, twin: other?.documentId })
  const fits = (address: Dropped, seen: DocumentRow | undefined): boolean => {
    const extension = seen?.standing?.extension ?? seen?.change?.extension
    return seen !== undefined && !isDeleted(seen) && extension === address.extension
  }
  return other && !fits(likelier, row) && fits(other, twin)
    ? { address: other, row: twin, connection }
    : { address: likelier, row, connection }
}

function isSame(row: DocumentRow | undefined, seen: DocumentRow | undefined): boolean {
  const [one, other] = [row, seen].map((one) => [one?.change?.id, one?.change?.fence, one?.last?.changeId])
  return isDeepStrictEqual(one, other)
}

/** The row says what becomes of the object under this key; of any when no etag is given. */
function names(row: DocumentRow, key: string, etag?: string): boolean {
  const left = Object.values(row.remove ?? {}).filter((entry) => entry.key === key)
  return left.some((entry) => etag === undefined || entry.etag === undefined || entry.etag === etag)
}

/**
 * What cannot be delivered bit for bit, or cannot be read, is refused with its reason rather than mangled.
 */
function refuseOdd({ contentEncoding, archived }: IntakeObject): void {
  if (contentEncoding !== undefined && !/^(identity|aws-chunked|)$/.test(contentEncoding))
    throw new Rejection('content_encoded')
  if (archived === true) throw new Rejection('archived')
}

/** What the object's metadata calls the document: percent-encoded, since S3 has ASCII alone there. */
function nameGiven({ encodedName }: IntakeObject): string | undefined {
  if (encodedName === undefined) return undefined
  try {
    const name = decodeURIComponent(encodedName)
    if (isName(name)) return name
  } catch {}
  throw new Rejection('name_invalid')
}

function sourceOf({ key, etag, size, versionId }: IntakeObject) {
  return { key, etag, size, ...(versionId === undefined ? {} : { versionId }) }
}

/**
 * Refuses an object that belongs to nobody: it stays where it is,
 * tagged, and an event tells of it, once unless a crash repeats it.
 */
async function reject(deps: IntakeDeps, object: CreatedObject, reason: RejectionReason): Promise<void> {
  const standing = await deps.bucket.head(object.key)
  if (!standing || (await deps.bucket.keptAs(object.key)) === 'rejected') return
  logger.warn('An object of the intake bucket was rejected.', { reason })
  const { bucket, key } = object
  // The same when a crash repeats it; another object under the key is another event.
  const eventId = createHash('sha256').update(`${key}\n${standing.etag}`).digest('base64url')
  const occurredAt = new Date(deps.clock.now()).toISOString()
  const detail = { eventId, schemaVersion: 1, occurredAt, bucket, key, reason } as const
  await deps.events.publish({ type: 'Intake Rejected', detail })
  await deps.bucket.keep(object.key, 'rejected')
}
