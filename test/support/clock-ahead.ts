import { subscribe } from 'node:diagnostics_channel'
import type { ServerResponse } from 'node:http'

/**
 * Loaded before anything else: the clock of this whole process is ahead by CLOCK_AHEAD_MS. Timers run as they
 * always do.
 */
const aheadMs = Number(process.env['CLOCK_AHEAD_MS'] ?? 0)
const RealDate = globalThis.Date

class DateAhead extends RealDate {
  constructor(...given: ConstructorParameters<typeof Date> | []) {
    super(...((given.length === 0 ? [DateAhead.now()] : given) as [number]))
  }
  static override now(): number {
    return RealDate.now() + aheadMs
  }
}

if (aheadMs !== 0) {
  Object.assign(globalThis, { Date: DateAhead })
  // Node writes this header by a clock of its own, and AWS clients set theirs by it.
  subscribe('http.server.request.start', (message) => {
    const { response } = message as { readonly response: ServerResponse }
    response.setHeader('date', new DateAhead().toUTCString())
  })
}
