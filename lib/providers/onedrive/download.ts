import { ServiceError } from '../../errors.ts'
import type { ObjectKey } from '../../ids.ts'
import type { HttpResponse } from '../../net/http-client.ts'
import type { ObjectEntry, RawContent } from '../../storage/driver.ts'
import type { ByteRange, ResolvedRange } from '../../storage/bytes.ts'
import { rangeHeader, rangeNotSatisfiable, resolveRange } from '../../storage/bytes.ts'
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
  let { entry, url } = await locate(parts, key, signal)
  const fetch = (from: string, wanted: ResolvedRange | undefined): Promise<HttpResponse> =>
    parts.http({
      operation: 'item.download',
      method: 'GET',
      url: from,
      auth: 'none',
      headers: wanted ? { range: rangeHeader(wanted) } : {},
      expect: [401, 403, 404, 410, 416],
      signal,
    })
  let wanted = range && resolveRange(range, entry.size)
  let response = await fetch(url, wanted)
  if (expired.has(response.status)) {
    response.body.resume()
    ;({ entry, url } = await locate(parts, key, signal))
    wanted = range && resolveRange(range, entry.size)
    response = await fetch(url, wanted)
  }
  return contentOf(entry, response, wanted)
}

const expired: ReadonlySet<number> = new Set([401, 403, 404, 410])

/** Status and type have to be those of the file: a warning page must never be taken for its content. */
function contentOf(entry: ObjectEntry, response: HttpResponse, wanted?: ResolvedRange): RawContent {
  const { status, headers, body } = response
  const whole = status === 200
  if (status === 416) {
    body.resume()
    throw rangeNotSatisfiable(entry.size)
  }
  if ((!whole && status !== 206) || isForeignPage(headers['content-type'], entry.contentType)) {
    body.destroy()
    throw new ServiceError('provider_error', 'OneDrive did not give out the file.', {
      context: { providerStatus: status },
    })
  }
  const announced = headers['content-length']
  return {
    entry,
    body,
    sent: whole || !wanted ? 'whole' : wanted,
    ...(announced === undefined ? {} : { announced: Number(announced) }),
  }
}

function isForeignPage(sent: string | undefined, expected = 'application/octet-stream'): boolean {
  return sent?.startsWith('text/html') === true && !expected.startsWith('text/html')
}
