import { createHash } from 'node:crypto'
import type { DocumentRow, Standing } from '../catalog/document.ts'
import type { DocumentStore } from '../catalog/documents.ts'
import type { Clock } from '../clock.ts'
import type { DriveChange } from '../contract/outbox.ts'
import type { Driver, ObjectEntry, Seen } from '../storage/driver.ts'

export interface ObserveDeps {
  readonly clock: Clock
  readonly documents: Pick<DocumentStore, 'observe'>
}

/** One thing that has changed, and what the row says then; without `change` nobody is told. */
interface Step {
  readonly standing: Standing
  readonly change?: DriveChange
}

/** After a write of a file that the drive rewrites, a new version may be the drive's own for so long. */
const rewritingMs = 15 * 60_000
/** Each kind once, and once more. */
const mostSteps = 6

/**
 * Our own bytes may be on their way into the file that stands, or there already: what is seen of it is
 * nobody's doing before that change is over.
 */
export function isBusy({ change }: DocumentRow): boolean {
  if (change === undefined) return false
  return change.state === 'sending' || (change.state !== 'receiving' && change.target?.kind === 'replace')
}

/** What tells `seen` from what the row says, one thing at a time; undefined when nothing does. */
export function difference(
  { clock }: Pick<ObserveDeps, 'clock'>,
  { traits }: Pick<Driver, 'traits'>,
  row: DocumentRow,
  seen: Seen,
): Step | undefined {
  if (!row.standing) return undefined
  const { gone, ...standing } = row.standing
  if ('gone' in seen) {
    const isTold = gone === seen.gone || gone === 'removed'
    return isTold ? undefined : { standing: { ...standing, gone: seen.gone }, change: seen.gone }
  }
  const { entry } = seen
  if (gone) return { standing, change: 'restored' }
  const { place, file, ...rest } = standing
  const name = standing.named ?? file
  // What the row of an earlier version does not say is noted, and nobody is told.
  if (entry.place !== undefined && entry.place !== place)
    return {
      standing: { ...standing, place: entry.place },
      ...(place === undefined ? {} : { change: 'moved' }),
    }
  if (entry.name !== undefined && entry.name !== name)
    return {
      standing: { ...rest, named: entry.name, ...(place === undefined ? {} : { place }) },
      ...(name === undefined ? {} : { change: 'renamed' }),
    }
  if (entry.etag === undefined || entry.etag === standing.revision) return undefined
  const lastAt = Date.parse(row.last?.at ?? row.updatedAt)
  const isRewriting = traits.rewrites(standing.extension) && clock.now() - lastAt < rewritingMs
  return contentDifference(traits, standing, { ...entry, etag: entry.etag }, isRewriting)
}

/** A version whose hash is known as that of the content before is the same content. */
function contentDifference(
  traits: Driver['traits'],
  before: Standing,
  { etag: revision, size, checksums }: ObjectEntry & { readonly etag: string },
  isRewriting: boolean,
): Step {
  const { hash, verdict, prove: _over, ...rest } = before
  const algorithm = hash?.algorithm ?? traits.hash?.algorithm
  const value = algorithm && checksums[algorithm]
  const given = algorithm && value !== undefined ? { hash: { algorithm, value } } : {}
  if (hash && hash.value === value)
    return { standing: { ...rest, hash, ...(verdict === undefined ? {} : { verdict }), revision } }
  const standing = { ...rest, ...given, size, revision }
  // Which version our damaged bytes are could not be seen when they were written: this may be theirs.
  if (verdict === 'mismatch' && before.revision === undefined) return { standing: { ...standing, verdict } }
  if (isRewriting) return { standing: { ...standing, verdict: 'provider_transformed' } }
  return { standing, ...(before.revision === undefined ? {} : { change: 'edited' }) }
}

export interface Observed {
  /** The row with all that was seen, whether it could be written or not. */
  readonly row: DocumentRow
  readonly told: number
  /** False when somebody else was faster, or is writing: it has to be looked at again. */
  readonly isWritten: boolean
}

/**
 * Writes down what was seen of a document's file after `given` was read. Each thing that its user has done
 * is one write with one event, by whoever sees it first.
 */
export async function observe(
  deps: ObserveDeps,
  driver: Pick<Driver, 'traits'>,
  given: DocumentRow,
  seen: Seen,
): Promise<Observed> {
  let row = given
  let told = 0
  let isWritten = !isBusy(row)
  for (let steps = 0; steps < mostSteps; steps += 1) {
    const step = difference(deps, driver, row, seen)
    if (step === undefined) break
    const { standing, change } = step
    const event = change && { id: eventId(row, change), type: 'Document Changed', change }
    const written = isWritten ? await deps.documents.observe(row, { standing }, event) : undefined
    if (written === undefined) isWritten = false
    else if (change) told += 1
    row = written ?? { ...row, standing }
  }
  return { row, told, isWritten }
}

/** The same for whoever tells it first. */
function eventId({ userKey, documentId, seq }: DocumentRow, change: DriveChange): string {
  const what = JSON.stringify([userKey, documentId, seq + 1, change])
  return createHash('sha256').update(what).digest('base64url').slice(0, 32)
}
