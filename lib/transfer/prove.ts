import type { DocumentRow, Standing } from '../catalog/document.ts'
import { isServiceError } from '../errors.ts'
import type { ObjectEntry } from '../storage/driver.ts'
import type { HallDeps } from './hall.ts'
import { connectionOf } from './hall.ts'
import { proofPausesMs } from './judge.ts'

/**
 * Asks once for a hash that the provider computes late. Right: verified. Another: the
 * drive's own rewriting where it rewrites such files, else a mismatch, which is said.
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
    await deps.documents.observe(row, {
      standing: { ...rest, hash, verdict, size: sizeOf(verdict, standing, entry) },
    })
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

function verdictOf(same: boolean, rewrites: boolean): NonNullable<Standing['verdict']> {
  if (same) return 'verified'
  return rewrites ? 'provider_transformed' : 'mismatch'
}

function sizeOf(verdict: Standing['verdict'], standing: Standing, entry: ObjectEntry): number {
  return verdict === 'provider_transformed' ? entry.size : standing.size
}
