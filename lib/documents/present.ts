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
    ...(row.name === undefined ? {} : { name: row.name }),
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

/** What the file is called on somebody's disk: the name's last segment, since a browser makes no folders. */
export function fileNameOf({ documentId, name, standing }: DocumentRow): string {
  const whole = name ?? `${documentId}${standing?.extension ?? ''}`
  return whole.split('/').findLast((segment) => segment !== '') ?? ''
}

/** How a browser saves what stands: its type, and the header that has its name. */
export function savedAs(row: DocumentRow) {
  const { contentType = 'application/octet-stream' } = row.standing ?? {}
  const file = fileNameOf(row)
  const ascii = file.replaceAll(/[^\x20-\x7e]|["%\\]/gu, '_')
  const encoded = encodeURIComponent(file).replaceAll(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16)}`,
  )
  // A plain name for old clients, the whole one for others. https://www.rfc-editor.org/rfc/rfc6266#appendix-D
  const whole = ascii === file ? '' : `; filename*=UTF-8''${encoded}`
  return { contentType, disposition: `attachment; filename="${ascii}"${whole}` }
}

/** Where a client reads a document's bytes. */
export function contentPath(documentId: string): string {
  return `/v1/documents/${documentId}/content`
}

/** Where a client starts an upload of any size. */
export function intakePath(documentId: string): string {
  return `/v1/documents/${documentId}/intake`
}
