import { extname } from 'node:path'
import type { DocumentRow, Leftover, Source } from '../catalog/document.ts'
import { dueOf } from '../catalog/document.ts'
import { ServiceError, unlessMissing } from '../errors.ts'
import type { Extension, ObjectKey } from '../ids.ts'
import type { Feed } from '../net/feed.ts'
import { objectKey } from '../ids.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { Driver } from '../storage/driver.ts'
import type { HallDeps } from './hall.ts'
import { announcedKey } from './intake-key.ts'
import { judge, proofMs } from './judge.ts'
import { ownOf } from './own.ts'
import { planOf } from './place.ts'
import { SourceChanged } from './body.ts'

/** A gigabyte is read from the bucket in less. */
const hashWithinMs = 60_000

type TidyDeps = Pick<HallDeps, 'clock' | 'documents' | 'connections' | 'openDriver' | 'sealer' | 'bucket'>

/**
 * Takes back what the row says is left: old objects, sessions, bytes in the bucket.
 * Each entry is idempotent, and one that cannot be taken back now stays in the row, so
 * that whoever looks next goes on. Never rejects: what was accepted stays accepted.
 * Answers the row without what is gone.
 */
export async function tidy<Row extends DocumentRow>(deps: TidyDeps, row: Row): Promise<Row> {
  const remove = { ...row.remove }
  /** Bytes that still have to prove whose a file is. */
  const witnesses = new Set<string>()
  for (const [id, entry] of Object.entries(row.remove ?? {}).toSorted(unprovenFirst)) {
    const isHeld = dueOf(row, entry) > deps.clock.now() || isTaken(row, entry)
    if (isHeld && entry.made?.source) witnesses.add(entry.made.source.key)
    if (isHeld || (entry.kind === 'source' && witnesses.has(entry.key))) continue
    try {
      await takeBack(deps, row, entry)
      await deps.documents.tidied(row, id)
      delete remove[id]
    } catch (error) {
      if (entry.made?.source) witnesses.add(entry.made.source.key)
      logger.warn('Something that is left of a document could not be removed; it is tried again.', {
        documentId: row.documentId,
        kind: entry.kind,
        ...errorFields(error),
      })
    }
  }
  return row.remove ? { ...row, remove } : row
}

function unprovenFirst([, one]: [string, Leftover], [, other]: [string, Leftover]): number {
  return Number(other.made !== undefined) - Number(one.made !== undefined)
}

/** Another change writes to this very place: what lies there is judged when that is over. */
function isTaken({ change }: DocumentRow, { kind, made }: Leftover): boolean {
  const now = change?.target
  if (kind !== 'object' || !made || now?.kind !== 'new') return false
  return now.objectKey === undefined ? now.file === made.target.file : now.objectKey === made.target.objectKey
}

async function takeBack(deps: TidyDeps, row: DocumentRow, entry: Leftover): Promise<void> {
  const { kind, key, etag, connectionId } = entry
  const { userKey, documentId } = row
  if (kind === 'parts') {
    const at = announcedKey({ userKey, documentId, connectionId, changeId: key })
    await (await deps.bucket.parts()).abort({ key: at, id: etag ?? '' })
    return
  }
  if (kind === 'source' || kind === 'keep') {
    const pin =
      etag === undefined
        ? { key: announcedKey({ userKey, documentId, connectionId, changeId: key }) }
        : { key, etag }
    await (kind === 'keep' ? deps.bucket.keep(pin.key, 'failed') : deps.bucket.remove(pin))
    return
  }
  // What lies on a drive that its user has disconnected is the user's; an open session is still ours to end,
  // by its own address, which needs no grant.
  const connection = await deps.connections.named(userKey, connectionId)
  const isGiven = connection?.status === 'disconnected'
  if (!connection || (isGiven && kind !== 'session')) return
  const driver = await deps.openDriver(connection)
  if (kind === 'session')
    await driver.sessions?.cancel({ url: await deps.sealer.open(key, 'upload session', connectionId) })
  if (isGiven) return
  const made = kind === 'session' || entry.made ? await madeBy(deps, driver, row, entry) : objectKey(key)
  // An entry may be read again after its name was taken anew.
  if (made === undefined || row.objectKey === made || row.change?.target?.objectKey === made) return
  await driver.remove(made, etag === undefined ? {} : { ifMatch: etag }).catch(unlessMissing)
}

/**
 * What a session has made that had its last byte before it could be ended, or a request whose answer nobody
 * heard. Under an id of its own whatever stands is its work; under a name it is what its bytes are, which are
 * in the bucket still if nobody else knows their hash.
 */
async function madeBy(
  deps: TidyDeps,
  driver: Driver,
  row: DocumentRow,
  { kind, made, notBefore = 0 }: Leftover,
): Promise<ObjectKey | undefined> {
  if (!made || made.target.kind === 'replace') return undefined
  const { size, hash, target, since, source } = made
  // An empty file at a name may be anybody's: its bytes prove nothing, and it is left where it is.
  if (size === 0 && kind !== 'session' && target.objectKey === undefined) return undefined
  const change = { size, contentType: '', startedAt: since, attempts: 2 }
  const own = ownOf(deps, row, change, driver)
  const entry = await own.find(planOf({ userId: row.userId, change }, target))
  if (!entry || target.objectKey !== undefined) return entry?.objectKey
  const algorithm = driver.traits.hash?.algorithm
  const isHashed = algorithm !== undefined && entry.checksums[algorithm] !== undefined
  const value = hash?.value ?? (source && isHashed ? await hashOf(deps, driver, source) : undefined)
  const sent = { size, algorithms: algorithm === undefined ? [] : [algorithm], digest: () => value }
  const rewrites = driver.traits.rewrites(extname(target.file) as Extension)
  const { verdict } = judge(entry, sent, { rewrites, late: false })
  if (kind === 'session') return verdict === 'mismatch' ? undefined : entry.objectKey
  // No session has held the name: it may be its user's file, and only the same bytes tell.
  const isLate = verdict === 'unverified' && driver.traits.hash?.late === true
  if (isLate && deps.clock.now() < notBefore + proofMs)
    throw new ServiceError('provider_unavailable', 'The drive has no hash yet of a file that may be left.')
  return verdict === 'verified' ? entry.objectKey : undefined
}

/** The provider's hash of an object of the intake bucket; undefined when that was replaced or removed. */
async function hashOf(
  { bucket, clock }: TidyDeps,
  { traits }: Driver,
  source: Source,
): Promise<string | undefined> {
  const digest = traits.hash?.start()
  if (!digest) return undefined
  let feed: Feed | undefined
  try {
    feed = await bucket.source(source).open(0, { clock, signal: AbortSignal.timeout(hashWithinMs) })
    for (let left = source.size; left > 0;) {
      const piece = await feed.take(left)
      digest.update(piece)
      left -= piece.length
      feed.give(piece)
    }
    return digest.digest()
  } catch (error) {
    if (error instanceof SourceChanged) return undefined
    throw error
  } finally {
    feed?.close()
  }
}
