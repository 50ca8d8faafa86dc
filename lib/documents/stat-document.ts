import type { DocumentRow } from '../catalog/document.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { DocumentId, Owner } from '../ids.ts'
import type { Driver } from '../storage/driver.ts'
import { connectionOf } from './choose-connection.ts'
import type { DocumentDeps } from './deps.ts'

/** The user's document; `document_not_found` when there is none. */
export async function requireDocument(
  deps: Pick<DocumentDeps, 'documents'>,
  owner: Owner,
  documentId: DocumentId,
): Promise<DocumentRow> {
  const row = await deps.documents.getDocument(owner, documentId)
  if (row === undefined) throw new ServiceError('document_not_found', `There is no document ${documentId}.`)
  return row
}

/** The drive of a document that waits for a client with a presigned URL; others sign none. */
async function awaitedAt(
  deps: Pick<DocumentDeps, 'connections' | 'openDriver'>,
  owner: Owner,
  row: DocumentRow,
): Promise<Driver | undefined> {
  if (row.status !== 'receiving' || row.objectKey === undefined) return undefined
  const connection = await deps.connections.get(owner, row.connectionId)
  if (connection?.status !== 'active') return undefined
  const driver = await deps.openDriver(connection)
  return driver.signedUrls ? driver : undefined
}

/** Looks whether a presigned upload has arrived since, and records it when it has. */
async function settlePresigned(
  deps: DocumentDeps,
  row: DocumentRow,
  driver: Driver,
  signal: AbortSignal,
): Promise<DocumentRow> {
  const key = row.objectKey
  if (key === undefined) return row
  try {
    const entry = await deps.retry(() => driver.stat(key, { signal }), signal)
    const settled = await deps.documents.updateDocument(row, {
      status: 'stored',
      objectExists: true,
      size: entry.size,
      contentType: entry.contentType ?? row.contentType,
    })
    return settled ?? row
  } catch (error) {
    if (isServiceError(error, 'object_missing')) return row
    throw error
  }
}

/** The document with its size asked of the provider now. A document that is still on its way is answered from the catalog. */
export async function statDocument(
  deps: DocumentDeps,
  owner: Owner,
  documentId: DocumentId,
  signal: AbortSignal,
): Promise<DocumentRow> {
  const row = await requireDocument(deps, owner, documentId)
  const awaited = await awaitedAt(deps, owner, row)
  if (awaited) return settlePresigned(deps, row, awaited, signal)
  const key = row.objectKey
  if (row.status !== 'stored' || key === undefined) return row
  const driver = await deps.openDriver(await connectionOf(deps, owner, row.connectionId))
  return { ...row, size: (await deps.retry(() => driver.stat(key, { signal }), signal)).size }
}

/** A document whose bytes can be read, with its backend; `document_not_stored` while it is on its way. */
export async function requireStored(
  deps: DocumentDeps,
  owner: Owner,
  documentId: DocumentId,
  signal: AbortSignal,
) {
  const found = await requireDocument(deps, owner, documentId)
  const awaited = await awaitedAt(deps, owner, found)
  const row = awaited ? await settlePresigned(deps, found, awaited, signal) : found
  const { objectKey } = row
  if (row.status !== 'stored' || objectKey === undefined) throw notStored(row)
  const driver = awaited ?? (await deps.openDriver(await connectionOf(deps, owner, row.connectionId)))
  return { row, driver, objectKey }
}

function notStored(row: DocumentRow): ServiceError {
  return new ServiceError(
    'document_not_stored',
    `Document ${row.documentId} is not stored: its status is ${row.status}.`,
    {
      context: { links: { document: `/v1/documents/${row.documentId}` } },
    },
  )
}
