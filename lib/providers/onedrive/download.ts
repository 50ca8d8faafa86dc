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
  for (let again = false; ; again = true) {
    const { entry, url } = await locate(parts, key, signal)
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
    if (again || !ended.includes(response.status)) return contentOf(entry, response, wanted)
    response.body.resume()
  }
}

const ended: readonly number[] = [401, 403, 404, 410]

/** Status and type have to be those of the file: a warning page must never be taken for its content. */
function contentOf(entry: ObjectEntry, response: HttpResponse, wanted?: ResolvedRange): RawContent {
  const { status, headers, body } = response
  if (![200, 206, 416].includes(status) || isForeignPage(headers['content-type'], entry.contentType)) {
    body.destroy()
    throw new ServiceError('provider_error', 'OneDrive did not give out the file.', {
      context: { providerStatus: status },
    })
  }
  return rawContent(entry, response, wanted)
}

function isForeignPage(sent: string | undefined, expected = 'application/octet-stream'): boolean {
  return sent?.startsWith('text/html') === true && !expected.startsWith('text/html')
}
