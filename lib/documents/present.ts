import type { DocumentRow } from '../catalog/document.ts'
import type { DocumentView } from '../contract/views.ts'

/** The row as the HTTP contract shows it. */
export function presentDocument(row: DocumentRow): DocumentView {
  const onItsWay = row.status === 'uploading' || row.status === 'parked'
  return {
    id: row.documentId,
    connectionId: row.connectionId,
    provider: row.provider,
    ...(row.objectKey === undefined ? {} : { objectKey: row.objectKey }),
    status: row.status,
    size: row.size,
    contentType: row.contentType,
    ...(row.extension === '' ? {} : { extension: row.extension }),
    ...(row.checksum === undefined ? {} : { checksum: row.checksum }),
    ...(onItsWay ? { progress: { bytesTransferred: row.bytesTransferred ?? 0, bytesTotal: row.size } } : {}),
    ...(row.error === undefined ? {} : { error: row.error }),
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  }
}

/** Where a client reads a document's bytes. */
export function contentLink(documentId: string): string {
  return `/v1/documents/${documentId}/content`
}

/** Where a client starts an upload of any size. */
export function intakeLink(documentId: string): string {
  return `/v1/documents/${documentId}/intake`
}
