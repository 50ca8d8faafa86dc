import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { DocumentId, Extension, Owner } from '../ids.ts'
import type { Driver, ObjectEntry } from '../storage/driver.ts'
import { StorageBackend } from '../storage/storage-backend.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import { fileOf, renameTo } from '../transfer/place.ts'
import type { Verdict } from '../transfer/verdict.ts'
import type { DocumentDeps } from './deps.ts'

/** A document whose bytes the provider has taken, with the row as it was read before they were sent. */
export interface Written extends Owner {
  readonly documentId: DocumentId
  readonly contentType: string
  readonly extension: Extension
  readonly connection: Connection
  readonly driver: Driver
  readonly row: DocumentRow | undefined
  /** The bytes went over content that stood there. */
  readonly replacing: boolean
  readonly entry: ObjectEntry
  readonly signal: AbortSignal
}

/** For a row that another request has written at the same moment. */
export function changedMeanwhile(): ServiceError {
  return new ServiceError(
    'provider_unavailable',
    'Another request changed this document at the same moment. Try again.',
    { retry: { retryable: true, afterSeconds: 1 } },
  )
}

/**
 * Writes the row of a document that was stored. Met by another write, it asks the drive which content stands there and tells that: of
 * two requests the drive's last may be the row's first.
 */
export async function settleStored(
  deps: DocumentDeps,
  written: Written,
  verdict: Exclude<Verdict, { kind: 'mismatch' }>,
): Promise<DocumentRow> {
  const { documentId, connection, driver, entry, signal } = written
  const checksum = verdict.kind === 'proven' ? verdict.checksum : undefined
  const stored = await replaceRow(deps, written, written.row, { ...storedAs(written, entry), checksum })
  if (stored) return await leaveOld(deps, written, written.row, stored)
  return await deps.retry(async () => {
    const other = await deps.documents.getDocument(written, documentId)
    const standing = await standingAt(driver, entry, signal)
    if (other?.connectionId === connection.connectionId && tells(other, standing, driver)) return other
    const own = isSameObject(entry, standing, driver)
    const { contentType = written.contentType } = own ? written : standing
    const told = { ...storedAs(written, standing), contentType, checksum: own ? checksum : undefined }
    const changed = await replaceRow(deps, written, other, told)
    if (!changed) throw changedMeanwhile()
    return await leaveOld(deps, written, other, changed)
  }, signal)
}

/** Removes what the row named until now, when it is another object; what was written over gets the name that goes with its extension. */
async function leaveOld(
  deps: DocumentDeps,
  { driver, signal, documentId }: Written,
  before: DocumentRow | undefined,
  row: DocumentRow,
): Promise<DocumentRow> {
  const { objectKey: old, objectExists, connectionId, extension } = before ?? row
  if (old === undefined || objectExists !== true || connectionId !== row.connectionId) return row
  if (old === row.objectKey) {
    if (extension !== row.extension) await renameTo(driver, old, fileOf(row), { signal })
    return row
  }
  try {
    const backend = new StorageBackend(driver)
    await deps.retry(() => backend.deleteObject(old, { signal }), signal)
  } catch (error) {
    logger.warn('What a document was before could not be removed.', { documentId, ...errorFields(error) })
  }
  return row
}

/**
 * Records that the provider holds something else than what was sent, and answers the error to end with. What this request has made is
 * removed; what went over earlier content stays, and the provider's history with it.
 */
export async function settleMismatch(
  deps: DocumentDeps,
  written: Written,
  verdict: Extract<Verdict, { kind: 'mismatch' }>,
): Promise<ServiceError> {
  const { row, replacing, driver, entry, signal } = written
  const error = replacing
    ? new ServiceError(
        'provider_error',
        'The provider stored other bytes than were sent, as a new version of the document. The earlier version is in the drive’s history; send the document once more.',
      )
    : new ServiceError(
        'digest_mismatch',
        'The provider stored other bytes than were sent. They were removed again; send the document once more.',
      )
  const failed = { status: 'failed', error: { code: error.code, detail: error.detail } } as const
  const earlier = row?.objectExists === true && row.objectKey !== entry.objectKey ? row : undefined
  const content = { ...storedAs(written, entry), checksum: verdict.checksum, ...failed }
  const changed = earlier
    ? await deps.documents.updateDocument(earlier, failed)
    : await replaceRow(deps, written, row, content)
  if (replacing) return error
  // Refused by the row, somebody else has stored the document since: under a key that both were given, it is theirs.
  const theirs = changed ? undefined : await deps.documents.getDocument(written, written.documentId)
  if (theirs?.objectKey === entry.objectKey) return error
  const backend = new StorageBackend(driver)
  await deps.retry(() => backend.deleteObject(entry.objectKey, { signal }), signal)
  if (changed && !earlier) {
    await deps.documents.updateDocument(changed, {
      objectKey: undefined,
      objectExists: undefined,
      checksum: undefined,
    })
  }
  return error
}

function storedAs({ connection, contentType, extension }: Written, { objectKey, size }: ObjectEntry) {
  const { connectionId, provider } = connection
  const where = { connectionId, provider, objectKey, objectExists: true }
  return { ...where, size, contentType, extension, status: 'stored' as const }
}

type Told = Omit<ReturnType<typeof storedAs>, 'status'> & Pick<DocumentRow, 'status' | 'error'>

/** The new row, or undefined when another write came between. */
async function replaceRow(
  deps: DocumentDeps,
  { userKey, userId, documentId }: Written,
  row: DocumentRow | undefined,
  { checksum, ...told }: Told & { readonly checksum: DocumentRow['checksum'] | undefined },
): Promise<DocumentRow | undefined> {
  if (row === undefined) {
    const proof = checksum === undefined ? {} : { checksum }
    return await deps.documents.createDocument({ userKey, userId, documentId, ...told, ...proof })
  }
  const over = { error: undefined, parkedOn: undefined, bytesTransferred: undefined }
  return await deps.documents.updateDocument(row, { ...over, expectedSha256: undefined, ...told, checksum })
}

async function standingAt(driver: Driver, entry: ObjectEntry, signal: AbortSignal): Promise<ObjectEntry> {
  try {
    return await driver.stat(entry.objectKey, { signal })
  } catch (error) {
    // A request that deleted the document, or moved it to another extension, has had the last word.
    throw isServiceError(error, 'object_missing') ? changedMeanwhile() : error
  }
}

function tells(row: DocumentRow, entry: ObjectEntry, driver: Driver): boolean {
  const sameObject = row.status === 'stored' && row.objectKey === entry.objectKey && row.size === entry.size
  return sameObject && row.checksum?.value === hashOf(entry, driver)
}

function isSameObject(ours: ObjectEntry, standing: ObjectEntry, driver: Driver): boolean {
  const hash = hashOf(ours, driver)
  return hash === undefined ? ours.etag === standing.etag : hash === hashOf(standing, driver)
}

function hashOf(entry: ObjectEntry, { traits }: Driver): string | undefined {
  return traits.hash && entry.checksums[traits.hash.algorithm]
}
