import type { DocumentRow } from '../catalog/document.ts'
import { statusOf } from '../catalog/document.ts'
import type { DocumentView } from '../contract/views.ts'
import { etagOf } from '../transfer/conditions.ts'

/** The row as the HTTP contract shows it: what stands, and beside it the change under way. */
export function presentDocument(row: DocumentRow): DocumentView {
  const { standing, last } = row
  const change = row.change?.door === 'delete' ? row.aside : row.change
  const content = standing ?? change ?? { size: 0, contentType: 'application/octet-stream', extension: '' }
  const status = statusOf(row)
  const isMoving = change !== undefined && change.state !== 'receiving'
  const etag = etagOf(row)
  const { hash, verdict } = standing ?? {}
  return {
    id: row.documentId,
    connectionId: row.connectionId,
    provider: row.provider,
    ...(row.objectKey === undefined ? {} : { objectKey: row.objectKey }),
    status,
    size: content.size,
    contentType: content.contentType,
    ...(content.extension === '' ? {} : { extension: content.extension }),
    ...(etag === undefined ? {} : { etag }),
    ...(hash && verdict ? { checksum: { ...hash, verdict } } : {}),
    ...(isMoving
      ? { progress: { bytesTransferred: change.sent ?? change.offset ?? 0, bytesTotal: change.size } }
      : {}),
    ...(status === 'failed' && last?.code ? { error: { code: last.code, detail: last.detail ?? '' } } : {}),
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
