import type { DocumentRow, Leftover, Standing } from '../catalog/document.ts'
import type { RowEvent } from '../catalog/expressions.ts'
import type { ErrorCode } from '../errors.ts'
import { isServiceError } from '../errors.ts'
import type { ObjectEntry } from '../storage/driver.ts'
import type { HallDeps } from './hall.ts'
import { connectionOf } from './hall.ts'
import { proofPausesMs } from './judge.ts'

/**
 * Asks once for a hash that the provider computes late. Right: verified. Another: the
 * drive's own rewriting where it rewrites such files, else a mismatch: an event says
 * it, and the source, which has waited for this answer, stays in the bucket for good.
 * Still none: asked again later, and after a quarter of an hour the size alone has to do.
 */
export async function prove(deps: HallDeps, row: DocumentRow): Promise<void> {
  const { standing, objectKey } = row
  const wanted = standing?.prove
  if (!standing || !wanted || objectKey === undefined) return
  const { prove: _over, ...rest } = standing
  const connection = await connectionOf(deps, row)
  const driver = connection?.status === 'active' ? await deps.openDriver(connection) : undefined
  const entry = await driver?.stat(objectKey).catch((error: unknown) => {
    if (isServiceError(error, 'object_missing')) return undefined
    throw error
  })
  if (!driver || !entry || entry.etag !== standing.revision) {
    // Given up, gone, or its user's own edit: there is nothing to prove any more.
    await deps.documents.observe(row, { standing: rest })
    return
  }
  const theirs = entry.checksums[wanted.hash.algorithm]
  if (theirs !== undefined) {
    const verdict = verdictOf(theirs === wanted.hash.value, driver.traits.rewrites(standing.extension))
    const hash = { algorithm: wanted.hash.algorithm, value: theirs }
    const proven = { ...rest, hash, verdict, size: sizeOf(verdict, standing, entry) }
    if (verdict === 'mismatch')
      await deps.documents.observe(
        row,
        { standing: proven, remove: keptSources(row) },
        damage(deps, standing),
      )
    else await deps.documents.observe(row, { standing: proven })
    return
  }
  const tries = wanted.tries + 1
  const pause = proofPausesMs[tries]
  const now = deps.clock.now()
  const over = pause === undefined || now + pause > wanted.until
  await deps.documents.observe(row, {
    standing: over ? rest : { ...rest, prove: { ...wanted, tries, at: now + pause } },
  })
}

function damage({ newId }: HallDeps, { size, contentType }: Standing): RowEvent {
  const detail = 'The drive has stored something else than was sent. Send the document once more.'
  return {
    id: newId(),
    type: 'Document Failed',
    size,
    contentType,
    error: { code: 'provider_error' satisfies ErrorCode, detail },
  }
}

function keptSources({ remove }: DocumentRow): DocumentRow['remove'] {
  if (remove === undefined) return undefined
  const kept = (entry: Leftover): Leftover =>
    entry.kind === 'source' && entry.notBefore !== undefined ? { ...entry, kind: 'keep' } : entry
  return Object.fromEntries(Object.entries(remove).map(([id, entry]) => [id, kept(entry)]))
}

function verdictOf(same: boolean, rewrites: boolean): NonNullable<Standing['verdict']> {
  if (same) return 'verified'
  return rewrites ? 'provider_transformed' : 'mismatch'
}

function sizeOf(verdict: Standing['verdict'], standing: Standing, entry: ObjectEntry): number {
  return verdict === 'provider_transformed' ? entry.size : standing.size
}
