import type { Readable } from 'node:stream'
import { maxStreamedBytes } from '../contract/limits.ts'
import type { DocumentRow } from '../catalog/document.ts'
import type { DocumentId, ObjectKey, Owner } from '../ids.ts'
import type { Secret } from '../secret.ts'
import { secret } from '../secret.ts'
import type { Driver } from '../storage/driver.ts'
import type { ObjectContent } from '../storage/storage-backend.ts'
import { StorageBackend } from '../storage/storage-backend.ts'
import type { DocumentDeps } from './deps.ts'
import { parseRange, rangeLength } from './range.ts'
import { requireStored } from './stat-document.ts'

export interface GetRequest extends Owner {
  readonly documentId: DocumentId
  readonly range: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly signal: AbortSignal
}

export type GetOutcome =
  | {
      readonly kind: 'content'
      readonly status: 200 | 206
      readonly headers: Record<string, string>
      readonly body: Readable
    }
  | { readonly kind: 'not-modified'; readonly headers: Record<string, string> }
  | { readonly kind: 'elsewhere'; readonly url: Secret }

/** A URL that outlives a slow start of the download, minutes. */
const elsewhereMinutes = 60

/** Tags are quoted, since they may hold commas. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2 */
function matches(ifNoneMatch: string | undefined, etag: string | undefined): boolean {
  if (ifNoneMatch === undefined || etag === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return [...ifNoneMatch.matchAll(/"([^"]*)"/g)].some(([, tag]) => tag === etag)
}

async function elsewhere(
  deps: DocumentDeps,
  row: DocumentRow,
  driver: Driver,
  objectKey: ObjectKey,
  signal: AbortSignal,
): Promise<Secret> {
  const { signedUrls, directUrls } = driver
  if (signedUrls) {
    const as = { fileName: fileName(row), contentType: row.contentType }
    return secret(await signedUrls.get(objectKey, elsewhereMinutes, as))
  }
  if (directUrls) return await directUrls.read(objectKey, { signal })
  return await deps.stageDownload({ row, driver, objectKey, signal })
}

const fileName = (row: DocumentRow): string => `${row.documentId}${row.extension}`

function contentHeaders(row: DocumentRow, content: ObjectContent): Record<string, string> {
  return {
    'content-type': row.contentType,
    'content-length': String(content.contentLength),
    'accept-ranges': 'bytes',
    // The name is made of characters that need no quoting rules: ids and extensions are from a safe alphabet.
    'content-disposition': `attachment; filename="${fileName(row)}"`,
    ...(content.etag === undefined ? {} : { etag: `"${content.etag}"` }),
    ...(content.range === undefined
      ? {}
      : { 'content-range': `bytes ${content.range.start}-${content.range.end}/${content.size}` }),
  }
}

/**
 * A document's bytes, whole or a range, as a stream with back-pressure. What is too large for the gateway's stream
 * (its length by the catalog) is answered with a URL of the provider or of a staged copy instead.
 */
export async function getDocument(deps: DocumentDeps, request: GetRequest): Promise<GetOutcome> {
  const { documentId, signal } = request
  const { row, driver, objectKey } = await requireStored(deps, request, documentId, signal)
  const range = parseRange(request.range)
  if (rangeLength(range, row.size) > maxStreamedBytes) {
    if (request.ifNoneMatch !== undefined) {
      const entry = await deps.retry(() => driver.stat(objectKey, { signal }), signal)
      if (matches(request.ifNoneMatch, entry.etag)) return notModified(entry.etag)
    }
    return { kind: 'elsewhere', url: await elsewhere(deps, row, driver, objectKey, signal) }
  }
  const backend = new StorageBackend(driver)
  const content = await deps.retry(() => backend.getObject(objectKey, range, { signal }), signal)
  if (matches(request.ifNoneMatch, content.etag)) {
    content.body.destroy()
    return notModified(content.etag)
  }
  const status = content.range === undefined ? 200 : 206
  return { kind: 'content', status, headers: contentHeaders(row, content), body: content.body }
}

function notModified(etag: string | undefined): GetOutcome {
  return { kind: 'not-modified', headers: etag === undefined ? {} : { etag: `"${etag}"` } }
}
