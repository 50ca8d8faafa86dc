import { Readable } from 'node:stream'
import { maxStreamedBytes } from '../contract/limits.ts'
import type { DocumentRow } from '../catalog/document.ts'
import { isServiceError } from '../errors.ts'
import type { Secret } from '../secret.ts'
import { secret } from '../secret.ts'
import type { ObjectContent } from '../storage/storage-backend.ts'
import { StorageBackend } from '../storage/storage-backend.ts'
import { resolveRange } from '../storage/bytes.ts'
import { etagOf, lists } from '../transfer/conditions.ts'
import type { DocumentDeps } from './deps.ts'
import { fileNameOf, savedAs } from './present.ts'
import { parseRange, rangeLength } from './range.ts'
import { linkTo } from './link-token.ts'
import type { DocumentOf, Stored } from './stat-document.ts'
import { asItStands, requireStored } from './stat-document.ts'

export interface ContentRequest {
  readonly range: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifRange: string | undefined
  /** Headers only: nothing is opened at the drive that would have to be closed. */
  readonly isHead: boolean
  /** It came by a content link, which streams whatever has no URL of its own. */
  readonly isLink?: boolean
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

/** Where a browser reads what is too large for the gateway; undefined when that is here. */
async function elsewhere(
  deps: DocumentDeps,
  { row, driver, objectKey }: Stored,
  { isLink, signal }: ContentRequest,
): Promise<Secret | undefined> {
  const { signedUrls, directUrls } = driver
  if (signedUrls) {
    return secret(await signedUrls.get(objectKey, elsewhereMinutes, savedAs(row)))
  }
  // Behind the provider's own URL a file has the drive's name, and from a link it has the document's.
  const isNamed = !isLink || row.standing?.file === fileNameOf(row)
  const direct = isNamed ? await directUrls?.read(objectKey, { signal }) : undefined
  if (direct) return direct
  if (isLink) return undefined
  return secret(await linkTo(deps, row, deps.clock.now() + elsewhereMinutes * 60_000))
}

function contentHeaders(row: DocumentRow, content: Omit<ObjectContent, 'body'>): Record<string, string> {
  const { contentType, disposition } = savedAs(row)
  return {
    'content-type': contentType,
    'content-length': String(content.contentLength),
    'accept-ranges': 'bytes',
    'content-disposition': disposition,
    etag: tagOf(row, content.etag),
    ...(content.range === undefined
      ? {}
      : { 'content-range': `bytes ${content.range.start}-${content.range.end}/${content.size}` }),
  }
}

/** The tag of what the drive answered; the row's own where the drive gives none. */
const tagOf = (row: DocumentRow, etag: string | undefined): string =>
  etag === undefined ? (etagOf(row) ?? '') : `"${etag}"`

/**
 * A document's bytes, whole or a range, as a stream with back-pressure. What is too large for the gateway's
 * stream (its length by the catalog) is answered with a URL of the provider, or a content link, instead.
 */
export async function getDocument(
  deps: DocumentDeps,
  request: ContentRequest & DocumentOf,
): Promise<GetOutcome> {
  return await answerContent(deps, () => requireStored(deps, request), request)
}

/** The answer to a read of what stands, by the row that `read` answers. */
export async function answerContent(
  deps: DocumentDeps,
  read: () => Promise<Stored>,
  request: ContentRequest,
): Promise<GetOutcome> {
  return await asItStands<Stored, GetOutcome>(deps, read, async (stored) => {
    const answer = await contentOf(deps, stored, request)
    if (answer.kind !== 'content') return { answer, isSure: true }
    return {
      answer,
      isSure: answer.headers['etag'] === etagOf(stored.row),
      close: () => answer.body.destroy(),
    }
  })
}

async function contentOf(deps: DocumentDeps, stored: Stored, request: ContentRequest): Promise<GetOutcome> {
  const { signal, ifNoneMatch, ifRange } = request
  const { row, driver, objectKey } = stored
  const asked = parseRange(request.range)
  if (request.isHead) return await headOf(deps, stored, request, asked)
  const isLarge = rangeLength(asked, row.standing?.size ?? 0) > maxStreamedBytes
  const url = isLarge ? await elsewhere(deps, stored, request) : undefined
  if (url) {
    if (ifNoneMatch === undefined) return { kind: 'elsewhere', url }
    const entry = await deps.retry(() => driver.stat(objectKey, { signal }), signal)
    return lists(ifNoneMatch, tagOf(row, entry.etag))
      ? notModified(tagOf(row, entry.etag))
      : { kind: 'elsewhere', url }
  }
  const backend = new StorageBackend(driver)
  const read = (range: typeof asked): Promise<ObjectContent> =>
    deps.retry(() => backend.getObject(objectKey, range, { signal }), signal)
  let content = await read(asked).catch(async (error: unknown) => {
    // The condition comes before the range. https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2
    if (ifNoneMatch === undefined || !isServiceError(error, 'range_not_satisfiable')) throw error
    const whole = await read(undefined)
    if (lists(ifNoneMatch, tagOf(row, whole.etag))) return whole
    whole.body.destroy()
    throw error
  })
  const tag = tagOf(row, content.etag)
  if (ifNoneMatch !== undefined && lists(ifNoneMatch, tag)) {
    content.body.destroy()
    return notModified(tag)
  }
  // A range of another version than the client has the beginning of is
  // no use to it. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
  if (content.range !== undefined && ifRange !== undefined && ifRange !== tag) {
    content.body.destroy()
    content = await read(undefined)
  }
  const status = content.range === undefined ? 200 : 206
  return { kind: 'content', status, headers: contentHeaders(row, content), body: content.body }
}

/** The headers of a GET, of any size, without its bytes. */
async function headOf(
  deps: DocumentDeps,
  { row, driver, objectKey }: Stored,
  { signal, ifNoneMatch, ifRange }: ContentRequest,
  asked: ReturnType<typeof parseRange>,
): Promise<GetOutcome> {
  const entry = await deps.retry(() => driver.stat(objectKey, { signal }), signal)
  const etag = tagOf(row, entry.etag)
  if (ifNoneMatch !== undefined && lists(ifNoneMatch, etag)) return notModified(etag)
  const range =
    asked && (ifRange === undefined || ifRange === etag) ? resolveRange(asked, entry.size) : undefined
  const contentLength = range ? range.end - range.start + 1 : entry.size
  const content = {
    size: entry.size,
    contentLength,
    contentType: savedAs(row).contentType,
    ...(entry.etag === undefined ? {} : { etag: entry.etag }),
    ...(range ? { range } : {}),
  }
  return {
    kind: 'content',
    status: range ? 206 : 200,
    headers: contentHeaders(row, content),
    body: Readable.from([]),
  }
}

function notModified(etag: string): GetOutcome {
  return { kind: 'not-modified', headers: { etag } }
}
