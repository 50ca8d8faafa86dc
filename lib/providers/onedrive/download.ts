import { ServiceError } from '../../errors.ts'
import type { ObjectKey } from '../../ids.ts'
import type { HttpResponse } from '../../net/http-client.ts'
import type { ObjectEntry, RawContent } from '../../storage/driver.ts'
import type { ByteRange, ResolvedRange } from '../../storage/bytes.ts'
import { rangeHeader, resolveRange } from '../../storage/bytes.ts'
import { rawContent } from '../raw-content.ts'
import { byId } from './names.ts'
import { toEntry } from './wire.ts'
import type { OneDriveParts } from './placement.ts'

/** The entry, and its pre-authenticated URL: good for minutes, and for anybody who has it. */
export async function locate(
  { graph }: OneDriveParts,
  key: ObjectKey,
  signal?: AbortSignal,
): Promise<{ readonly entry: ObjectEntry; readonly url: string }> {
  const item = await graph.getItem(byId(key), signal)
  // Some back ends leave the URL out when it is selected.
  const url = item['@microsoft.graph.downloadUrl'] ?? (await graph.contentLocation(key, signal))
  if (url === undefined) {
    throw new ServiceError('provider_error', 'OneDrive named no address to read the file from.', {
      retry: { retryable: true },
    })
  }
  return { entry: toEntry(item), url }
}

/**
 * Reads from the pre-authenticated URL, without a bearer, which it might refuse. A URL that has run out is
 * asked for once more.
 * https://learn.microsoft.com/graph/api/driveitem-get-content
 */
export async function readItem(
  parts: OneDriveParts,
  key: ObjectKey,
  range: ByteRange | undefined,
  signal?: AbortSignal,
): Promise<RawContent> {
  let known: ObjectEntry | undefined
  for (let again = false; ; again = true) {
    const { entry: found, url } = await locate(parts, key, signal)
    const entry = known !== undefined && known.etag === found.etag ? known : found
    const wanted = range && resolveRange(range, entry.size)
    const response = await parts.http({
      operation: 'item.download',
      method: 'GET',
      url,
      auth: 'none',
      headers: wanted ? { range: rangeHeader(wanted) } : {},
      expect: [...ended, 416],
      signal,
    })
    const total = isForeignPage(response, entry) ? undefined : totalOf(response)
    // Of some files the item's size is not their content's, for good. The host of the bytes knows.
    // https://github.com/OneDrive/onedrive-api-docs/issues/1723
    const isOff = total !== undefined && total !== entry.size
    if (again || (!isOff && !ended.includes(response.status))) return contentOf(entry, response, wanted)
    if (isOff) known = { ...entry, size: total }
    response.body.destroy()
  }
}

/** How many bytes the whole content has, by an answer with all or a part of it. */
function totalOf({ status, headers }: HttpResponse): number | undefined {
  const total = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1]
  const said = status === 200 ? headers['content-length'] : total
  return said === undefined ? undefined : Number(said)
}

const ended: readonly number[] = [401, 403, 404, 410]

/** Status and type have to be those of the file: a warning page must never be taken for its content. */
function contentOf(entry: ObjectEntry, response: HttpResponse, wanted?: ResolvedRange): RawContent {
  const { status, body } = response
  if (![200, 206, 416].includes(status) || isForeignPage(response, entry)) {
    body.destroy()
    throw new ServiceError('provider_error', 'OneDrive did not give out the file.', {
      context: { providerStatus: status },
    })
  }
  return rawContent(entry, response, wanted)
}

function isForeignPage({ headers }: HttpResponse, { contentType }: ObjectEntry): boolean {
  return headers['content-type']?.startsWith('text/html') === true && !contentType?.startsWith('text/html')
}
