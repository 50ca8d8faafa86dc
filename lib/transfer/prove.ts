import type { Change, DocumentRow, Leftover, Standing } from '../catalog/document.ts'
import { dayMs } from '../clock.ts'
import { isServiceError } from '../errors.ts'
import { mostSends } from './damage.ts'
import type { HallDeps } from './hall.ts'
import { connectionOf } from './hall.ts'
import { judge, proofMs, proofPausesMs, sentAs } from './judge.ts'

/** A drive that cannot be asked for so long is not waited for any longer. */
const patienceMs = 7 * dayMs

/**
 * Asks once for a hash that the provider computes late, and judges what stands by it. Still none: asked again
 * later, until the size alone has to do. Answers the row as it is then; undefined when another changed it.
 */
export async function prove(deps: HallDeps, row: DocumentRow): Promise<DocumentRow | undefined> {
  const { standing, objectKey } = row
  const wanted = standing?.prove
  if (!standing || !wanted || objectKey === undefined) return row
  const { prove: _over, ...rest } = standing
  const now = deps.clock.now()
  if (now > wanted.until + patienceMs) return await deps.documents.observe(row, { standing: rest })
  const connection = await connectionOf(deps, row)
  // Its user may come back; the bytes wait with it.
  if (connection?.status === 'requires_reauth')
    return await deps.documents.observe(row, {
      standing: { ...rest, prove: { ...wanted, at: now + proofMs } },
    })
  const driver = connection?.status === 'active' ? await deps.openDriver(connection) : undefined
  const entry = await driver?.stat(objectKey).catch((error: unknown) => {
    if (isServiceError(error, 'object_missing')) return undefined
    throw error
  })
  // Given up, gone, or its user's own edit: there is nothing to prove any more.
  if (!driver || !entry || entry.etag !== standing.revision)
    return await deps.documents.observe(row, { standing: rest })
  const { algorithm } = wanted.hash
  const value = entry.checksums[algorithm]
  if (value === undefined) {
    const tries = wanted.tries + 1
    const pause = proofPausesMs[tries]
    const over = pause === undefined || now + pause > wanted.until
    return await deps.documents.observe(row, {
      standing: over ? rest : { ...rest, prove: { ...wanted, tries, at: now + pause } },
    })
  }
  const as = { rewrites: driver.traits.rewrites(standing.extension), late: false }
  const { verdict, size } = judge(entry, sentAs(standing.size, wanted.hash), as)
  const proven = { ...rest, hash: { algorithm, value }, verdict }
  if (verdict === 'mismatch') return await damaged(deps, row, proven, wanted.damaged ?? 0)
  return await deps.documents.observe(row, { standing: { ...proven, size } })
}

/**
 * The drive has other bytes. Those that were sent wait in the bucket for this answer, unless a put has
 * brought them: they are sent again, and in the end they stay there and an event says so.
 */
async function damaged(
  deps: HallDeps,
  row: DocumentRow,
  standing: Standing,
  times: number,
): Promise<DocumentRow | undefined> {
  const left = Object.entries(row.remove ?? {})
  const until = row.standing?.prove?.until
  const [id, source] = left.find(([, { kind, notBefore }]) => kind === 'source' && notBefore === until) ?? []
  const remove = Object.fromEntries(left.filter(([name]) => name !== id))
  if (source && times + 1 < mostSends) {
    const change = sentAgain(deps, row, standing, { source, damaged: times + 1 })
    const claimed = await deps.documents.claim(row, row, change, { changes: { standing, remove } })
    if (claimed) await deps.enqueue(claimed)
    return claimed
  }
  const { size, contentType, changeId } = standing
  const code = 'provider_error'
  const detail = 'The drive has stored something else than was sent. Send the document once more.'
  const kept = source?.etag === undefined ? {} : { kept: { key: source.key, etag: source.etag } }
  const keep: Record<string, Leftover> =
    source && id !== undefined ? { [id]: { ...source, kind: 'keep' } } : {}
  const at = new Date(deps.clock.now()).toISOString()
  return await deps.documents.observe(
    row,
    {
      standing,
      remove: { ...remove, ...keep },
      last: { changeId, outcome: 'failed', code, detail, at, ...kept },
    },
    { id: deps.newId(), type: 'Document Failed', size, contentType, error: { code, detail } },
  )
}

function sentAgain(
  { newId, clock }: HallDeps,
  row: DocumentRow,
  { size, contentType, extension, file }: Standing,
  { source: { key, etag = '' }, damaged: times }: { readonly source: Leftover; readonly damaged: number },
): Change {
  const { connectionId, provider, documentId, objectKey } = row
  // Without one its user has named the file, and it keeps that name.
  const name = file ?? `${documentId}${extension}`
  return {
    id: newId(),
    door: 'drop',
    state: 'waiting',
    notBefore: clock.now(),
    fence: 1,
    connectionId,
    provider,
    size,
    contentType,
    extension,
    startedAt: clock.now(),
    source: { key, etag, size },
    target: { kind: 'replace', file: name, ...(objectKey === undefined ? {} : { objectKey }) },
    damaged: times,
  }
}
