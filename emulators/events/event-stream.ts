import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EventLog } from './event-log.ts'

const pageSize = 100
const heartbeatMs = 15_000
const nobodyWaits = (): void => undefined

/** Where the client is: its Last-Event-ID when it comes back, else `?since=`, else only what is new. */
const startOf = (request: IncomingMessage, log: EventLog): number => {
  const since = new URL(request.url ?? '/', 'http://local').searchParams.get('since')
  const text = request.headers['last-event-id'] ?? since
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : log.lastSequence()
}

/**
 * Follows the event log as Server-Sent Events until the client leaves, with back-pressure.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export const streamEvents = async (
  log: EventLog,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  let position = startOf(request, log)
  const closed = new AbortController()
  let wake = nobodyWaits
  response.once('close', () => {
    closed.abort()
    wake()
  })
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.write(': connected\n\n')
  const unfollow = log.follow(() => wake())
  const heartbeat = setInterval(() => response.write(': still here\n\n'), heartbeatMs)
  try {
    while (!closed.signal.aborted) {
      const events = log.read(position, pageSize)
      for (const event of events) {
        position = event.sequence
        const accepted = response.write(`id: ${event.sequence}\ndata: ${JSON.stringify(event)}\n\n`)
        if (!accepted) await once(response, 'drain', { signal: closed.signal })
      }
      if (events.length > 0) continue
      await new Promise<void>((resolve) => {
        wake = resolve
        if (closed.signal.aborted) resolve()
      })
    }
  } catch (error) {
    // A client that leaves while it is slow ends the wait for it; nothing else is expected.
    if (!closed.signal.aborted) throw error
  } finally {
    clearInterval(heartbeat)
    unfollow()
  }
}
