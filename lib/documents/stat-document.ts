import type { Both } from '../catalog/both.ts'
import type { DocumentRow } from '../catalog/document.ts'
import { isDeleted, statusOf } from '../catalog/document.ts'
import { ServiceError } from '../errors.ts'
import type { DocumentId, ObjectKey, UserId, UserKey } from '../ids.ts'
import type { Driver, ObjectEntry } from '../storage/driver.ts'
import { requireUsable } from './choose-connection.ts'
import type { DocumentDeps } from './deps.ts'

/** Whose document, by the caller's verified token. */
export interface DocumentOf {
  readonly userId: UserId
  readonly userKey: UserKey
  readonly documentId: DocumentId
  readonly signal: AbortSignal
}

/**
 * After a change of a file that the drive rewrites, a new version may be the drive's own work for so long.
 */
const rewritingMs = 15 * 60_000

type Found = Pick<Both, 'connection'> & { readonly row: DocumentRow }

/** The caller's document and its connection; `document_not_found` for anybody else's too. */
export async function requireDocument(
  deps: Pick<DocumentDeps, 'readBoth'>,
  { userId, ...key }: DocumentOf,
): Promise<Found> {
  const { row, connection } = await deps.readBoth(key)
  if (row && row.userId === userId && !isDeleted(row)) return { row, connection }
  throw new ServiceError('document_not_found', `There is no document ${key.documentId}.`, {
    context: { documentId: key.documentId },
  })
}

/**
 * The document as the drive has it now: what its user did there
 * shows. One that is on its way is answered from its row.
 */
export async function statDocument(deps: DocumentDeps, request: DocumentOf): Promise<DocumentRow> {
  const { row, connection } = await requireDocument(deps, request)
  const { objectKey: key } = row
  if (!row.standing || key === undefined || (row.change && row.change.door !== 'delete')) return row
  const driver = await deps.openDriver(requireUsable(connection, row.connectionId))
  const { signal } = request
  const entry = await deps.retry(() => driver.stat(key, { signal }), signal)
  return await observed(deps, driver, row, entry)
}

/**
 * The row with what was seen in the drive; written when that is another version, by whoever sees it first.
 */
export async function observed(
  deps: Pick<DocumentDeps, 'documents' | 'clock'>,
  driver: Pick<Driver, 'traits'>,
  row: DocumentRow,
  entry: ObjectEntry,
): Promise<DocumentRow> {
  const { standing } = row
  if (!standing || entry.etag === undefined || entry.etag === standing.revision) return row
  const { hash, verdict: _stale, file, prove: _over, ...rest } = standing
  const named = file !== undefined && (entry.name === undefined || entry.name === file) ? { file } : {}
  const theirs = hash && entry.checksums[hash.algorithm]
  const isSame = theirs !== undefined && theirs === hash?.value
  const lastAt = Date.parse(row.last?.at ?? row.updatedAt)
  const isRewriting = driver.traits.rewrites(standing.extension) && deps.clock.now() - lastAt < rewritingMs
  const content = isSame
    ? { hash, ...(standing.verdict === undefined ? {} : { verdict: standing.verdict }) }
    : {
        size: entry.size,
        ...(isRewriting ? { verdict: 'provider_transformed' as const } : {}),
        ...(isRewriting && hash && theirs !== undefined ? { hash: { ...hash, value: theirs } } : {}),
      }
  const seen = { ...rest, ...named, ...content, revision: entry.etag }
  const isEdit = !isSame && !isRewriting && standing.revision !== undefined
  const event = { id: `${row.documentId}:${entry.etag}:edited`, type: 'Document Changed', change: 'edited' }
  const written = row.change
    ? undefined
    : await deps.documents.observe(row, { standing: seen }, isEdit ? event : undefined)
  // Somebody else was faster, or has begun a change: what was seen is told all the same.
  return written ?? { ...row, standing: seen }
}

export interface Stored {
  readonly row: DocumentRow
  readonly driver: Driver
  readonly objectKey: ObjectKey
}

/** A document whose bytes can be read, with its drive; `document_not_stored` while nothing stands. */
export async function requireStored(deps: DocumentDeps, request: DocumentOf): Promise<Stored> {
  return await storedIn(deps, await requireDocument(deps, request))
}

/** The same, of what was just read. */
export async function storedIn(deps: Pick<DocumentDeps, 'openDriver'>, read: Found): Promise<Stored> {
  const { connection, objectKey } = standingIn(read)
  return { row: read.row, driver: await deps.openDriver(connection), objectKey }
}

/** Where what stands lies; `document_not_stored` while nothing does. The drive is not asked. */
export function standingIn({ row, connection }: Found) {
  const { objectKey } = row
  if (!row.standing || objectKey === undefined) {
    throw new ServiceError(
      'document_not_stored',
      `Document ${row.documentId} is not stored: its status is ${statusOf(row)}.`,
      { context: { links: { document: `/v1/documents/${row.documentId}` } } },
    )
  }
  return { connection: requireUsable(connection, row.connectionId), objectKey }
}
