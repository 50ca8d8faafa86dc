import type { HttpResponse } from '../net/http-client.ts'
import type { ResolvedRange } from '../storage/bytes.ts'
import { rangeNotSatisfiable } from '../storage/bytes.ts'
import type { ObjectEntry, RawContent } from '../storage/driver.ts'

/** A drive's answer to a download of `wanted`, or of all; `range_not_satisfiable` for its 416. */
export function rawContent(
  entry: ObjectEntry,
  { status, headers, body }: HttpResponse,
  wanted: ResolvedRange | undefined,
): RawContent {
  if (status === 416) {
    body.resume()
    throw rangeNotSatisfiable(entry.size)
  }
  const announced = headers['content-length']
  return {
    entry,
    body,
    sent: status === 200 || !wanted ? 'whole' : wanted,
    ...(announced === undefined ? {} : { announced: Number(announced) }),
  }
}
