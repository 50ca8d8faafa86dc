import type { Change, DocumentRow, Leftover, Standing } from '../catalog/document.ts'
import type { Changes } from '../catalog/expressions.ts'
import type { ErrorCode } from '../errors.ts'
import type { ObjectEntry } from '../storage/driver.ts'
import { count, measure } from '../telemetry/metrics.ts'
import type { Damage } from './damage.ts'
import type { Claimed, HallDeps } from './hall.ts'
import { ClaimLost } from './hall.ts'
import type { Judged } from './judge.ts'
import { firstProofMs, proofMs } from './judge.ts'

/** What the row does not say any more when its change is over. */
export const about = ({ size, contentType }: Change) => ({ size, contentType })

const iso = (time: number): string => new Date(time).toISOString()

/** What was sent has arrived by then, or never will. */
const onTheWayMs = 60_000

/** W3, stored: what was proven stands from now on, and what stood before goes. Rejects with ClaimLost. */
export async function settleStored(
  deps: Pick<HallDeps, 'clock' | 'documents'>,
  row: Claimed,
  entry: ObjectEntry,
  judged: Judged,
): Promise<DocumentRow> {
  const { change } = row
  const now = deps.clock.now()
  // A file that its user has renamed meanwhile keeps that name.
  const file =
    entry.name === undefined || entry.name === change.target?.file ? change.target?.file : undefined
  const standing: Standing = {
    changeId: change.id,
    size: judged.size,
    contentType: change.contentType,
    extension: change.extension,
    verdict: judged.verdict,
    ...(judged.hash === undefined ? {} : { hash: judged.hash }),
    ...(entry.etag === undefined ? {} : { revision: entry.etag }),
    ...lyingAs(row, entry, file),
    ...(judged.prove === undefined
      ? {}
      : {
          prove: {
            hash: judged.prove,
            at: now + firstProofMs,
            until: now + proofMs,
            tries: 0,
            ...(change.damaged === undefined ? {} : { damaged: change.damaged }),
          },
        }),
  }
  const { connectionId } = row
  // Its user may have put something else under its key.
  const version = row.standing?.revision === undefined ? {} : { etag: row.standing.revision }
  const old = row.objectKey === undefined || row.objectKey === entry.objectKey ? [] : [row.objectKey]
  // While a late hash is waited for the bytes stay at hand: they are kept when the drive has others.
  const until = judged.prove === undefined ? {} : { notBefore: now + proofMs }
  const settled = await deps.documents.settle(row, {
    changes: {
      standing,
      objectKey: entry.objectKey,
      change: undefined,
      aside: undefined,
      last: { changeId: change.id, outcome: 'stored', at: iso(now) },
      ...(change.name === undefined ? {} : { name: change.name }),
    },
    leftovers: [
      ...old.map((key): Leftover => ({ kind: 'object', connectionId, key, ...version })),
      ...sourceOf(change).map((left): Leftover => ({ ...left, ...until })),
      ...(row.aside ? leftoversOf(row.aside, now) : []),
      ...keptOf(row),
    ],
    event: { id: change.id, type: 'Document Stored', ...(row.standing ? { replaced: true } : {}) },
  })
  if (settled === undefined) throw new ClaimLost()
  const { provider } = change
  measure({ TransfersStored: [1, 'Count'], BytesSent: [entry.size, 'Bytes'] }, { provider })
  return settled
}

/**
 * Name and folder of what stands, as its user has been told of them: what they did meanwhile to the file that
 * was written over is still to be told.
 */
function lyingAs({ standing, objectKey }: Claimed, entry: ObjectEntry, file: string | undefined) {
  const before = objectKey === entry.objectKey ? standing : undefined
  const name = before?.named ?? before?.file ?? entry.name
  const place = before?.place ?? entry.place
  return {
    ...(file === undefined ? {} : { file }),
    ...(file !== undefined || name === undefined ? {} : { named: name }),
    ...(place === undefined ? {} : { place }),
  }
}

/**
 * W3, failed: what stood goes on standing, or the damaged bytes in its place, and a change that was pushed
 * aside is due again. Its bytes in the bucket are kept, and the row says where; with `isGivenUp` nobody will
 * want them, nor what was pushed aside. Rejects with ClaimLost.
 */
export async function settleFailed(
  deps: Pick<HallDeps, 'clock' | 'documents' | 'enqueue'>,
  row: Claimed,
  { code, detail }: { readonly code: ErrorCode; readonly detail: string },
  { leftovers = [], standing, isClean, isGivenUp }: Damage & { readonly isGivenUp?: boolean } = {},
): Promise<DocumentRow> {
  const { change } = row
  const aside = isGivenUp ? undefined : row.aside
  const now = deps.clock.now()
  const { key, etag } = change.source ?? {}
  const own = isGivenUp || key === undefined || etag === undefined ? undefined : { key, etag }
  const kept = own ?? row.last?.kept
  const last = {
    changeId: change.id,
    outcome: 'failed',
    code,
    detail,
    at: iso(now),
    ...(kept ? { kept } : {}),
  } as const
  const settled = await deps.documents.settle(row, {
    changes: {
      aside: undefined,
      ...(aside ? revived(row, now) : { change: undefined }),
      ...(standing ? { standing } : {}),
      last,
    },
    leftovers: [
      ...(own ? sourceOf(change).map((left): Leftover => ({ ...left, kind: 'keep' })) : []),
      ...(isGivenUp
        ? [...leftoversOf(change), ...(row.aside ? leftoversOf(row.aside) : [])]
        : [...partsOf(change), ...workOf(change, isClean ? undefined : now)]),
      ...(own ? keptOf(row, own) : []),
      ...leftovers,
    ],
    // A claim that was repeated after its row was gone may still succeed: that is another event.
    event: { id: `${change.id}:failed`, type: 'Document Failed', ...about(change), error: { code, detail } },
  })
  if (settled === undefined) throw new ClaimLost()
  count('TransfersFailed', { provider: change.provider, code })
  if (aside && aside.state !== 'receiving') await deps.enqueue(row)
  return settled
}

/** Ends a change that has altered nothing, as if it had not been: a delete that the drive did not take. */
export async function settleUndone(
  deps: Pick<HallDeps, 'clock' | 'documents' | 'enqueue'>,
  row: Claimed,
): Promise<void> {
  const changes = { aside: undefined, ...revived(row, deps.clock.now()) }
  const settled = await deps.documents.settle(row, { changes })
  if (settled && row.aside && row.aside.state !== 'receiving') await deps.enqueue(settled)
}

/** The change that was pushed aside is the row's change again, due now; it begins anew from its source. */
function revived({ aside, change, standing }: Claimed, now: number): Changes {
  if (!aside) return { change: undefined }
  const { owner: _gone, message: _too, ...kept } = aside
  const again: Change = {
    ...kept,
    fence: change.fence + 1,
    ...(aside.state === 'sending' || aside.state === 'waiting' ? { state: 'waiting', notBefore: now } : {}),
  }
  const { connectionId, provider } = aside
  return { change: again, aside: undefined, ...(standing ? {} : { connectionId, provider }) }
}

/**
 * All that a change leaves behind which is over without having ended: its bytes in the bucket, its session
 * and, unless the drive was given up, what its requests may have made by `now`.
 */
export function leftoversOf(change: Change, now?: number): Leftover[] {
  const { connectionId, door, id } = change
  const announced = door === 'intake' || door === 'url'
  const waited: Leftover[] = announced && !change.source ? [{ kind: 'source', connectionId, key: id }] : []
  return [...sourceOf(change), ...partsOf(change), ...waited, ...workOf(change, now), ...damagedBy(change)]
}

/** An upload in parts that was never completed. */
function partsOf({ upload, source, connectionId, id: key }: Change): Leftover[] {
  return upload && !source ? [{ kind: 'parts', connectionId, key, etag: upload.id }] : []
}

/** Damaged bytes that were to be written over once more; those in place of what stands are not left. */
function damagedBy({ damaged = 0, target, connectionId }: Change): Leftover[] {
  if (damaged === 0 || target?.objectKey === undefined) return []
  return [{ kind: 'object', connectionId, key: target.objectKey }]
}

/** Bytes of an earlier failure, which nobody wants any more once the next change has ended. */
export function keptOf(
  { last, connectionId }: Pick<DocumentRow, 'last' | 'connectionId'>,
  unless?: { readonly key: string; readonly etag: string },
): Leftover[] {
  const kept = last?.kept
  if (!kept || (kept.key === unless?.key && kept.etag === unless.etag)) return []
  return [{ kind: 'source', connectionId, ...kept }]
}

function sourceOf({ source, connectionId }: Change): Leftover[] {
  return source ? [{ kind: 'source', connectionId, key: source.key, etag: source.etag }] : []
}

/**
 * An open session, and what it may have made before it is ended. Without one, once the change is over: what a
 * request has made by `now` whose answer nobody heard, or is to make yet.
 */
export function workOf(change: Change, now?: number): Leftover[] {
  const { connectionId, session, attempts, target, size, startedAt: since, proof, source } = change
  // What is known by its hash needs no bytes to be compared with.
  const by = proof ? { hash: proof } : source ? { source } : {}
  const known = { size, since, ...by }
  const made = target?.kind === 'new' ? { made: { target, ...known } } : undefined
  if (session) return [{ kind: 'session', connectionId, key: session.sealedUrl, ...made }]
  if (!made || now === undefined || attempts === undefined) return []
  const { objectKey: key = made.made.target.file } = made.made.target
  return [{ kind: 'object', connectionId, key, notBefore: now + onTheWayMs, ...made }]
}
