import { connect as connectPlain, isIP } from 'node:net'
import { connect as connectSecure } from 'node:tls'
import type { Clock } from '../clock.ts'
import { isServiceError } from '../errors.ts'
import { hostOf } from './reach.ts'
import type { Ring } from './ring.ts'
import { openRing } from './ring.ts'

/**
 * The bytes of one object, from a place in it to its end. They land in a few buffers that are used again and
 * again: nothing of a document is left to the garbage collector.
 */
export interface Feed {
  /** The next bytes, at most so many. One take at a time. Rejects as `refused` says, or with the signal. */
  readonly take: (most: number) => Promise<Uint8Array>
  /** A piece that was taken is not needed any more. */
  readonly give: (piece: Uint8Array) => void
  /** Ends the reading. What was taken stays as it is. */
  readonly close: () => void
}

/** Where bytes are had by a GET. */
export interface FeedAddress {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

export interface FeedOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Asked for each connection. */
  readonly address: () => Promise<FeedAddress>
  readonly refused: Refused
}

/**
 * The error of an answer that does not have the bytes, or of a connection that broke (status 0). One whose
 * advice is retryable gets another connection.
 */
type Refused = (status: number, cause?: Error) => Error

export type OpenFeed = (start: number, end: number, options: FeedOptions) => Feed

/** Connections in a row that bring nothing. */
const mostTries = 4
const connectMs = 5_000
const idleMs = 60_000
const mostHeadBytes = 64 * 1024

/**
 * Reads `start` to `end` (exclusive) by one GET on a connection of its own. A connection that breaks is
 * followed by another, which goes on where it stood.
 */
export const openFeed: OpenFeed = (start, end, { clock, signal, address, refused }) => {
  const closing = new AbortController()
  const over = AbortSignal.any([signal, closing.signal])
  const ring = openRing(end - start)
  const read = async (): Promise<never> => {
    for (let tried = 1; ; tried += 1) {
      const { received } = ring
      const at = start + received
      if (at === end) throw new RangeError('More was taken than there is.')
      try {
        const range = { start: at, end }
        await receive({ ...(await address()), range, refused, signal: over }, ring)
      } catch (error) {
        over.throwIfAborted()
        if (ring.received > received) tried = 0
        if (tried >= mostTries || !isServiceError(error) || !error.retry.retryable) throw error
        await clock.sleep(50 * 2 ** tried, over)
      }
    }
  }
  read().catch(ring.end)
  return { take: ring.take, give: ring.give, close: () => closing.abort() }
}

interface Receiving extends FeedAddress {
  /** `end` exclusive. */
  readonly range: { readonly start: number; readonly end: number }
  readonly refused: Refused
  readonly signal: AbortSignal
}

/**
 * One connection: sends the GET, reads the head of the answer, and puts the bytes into the ring. Node's HTTP
 * client would make an object of each 16 KiB; a socket that is told where to put its bytes makes none.
 * https://nodejs.org/api/net.html#new-netsocketoptions
 */
async function receive({ url, headers, range, refused, signal }: Receiving, ring: Ring): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const to = new URL(url)
  const secure = to.protocol === 'https:'
  const host = hostOf(to)
  const scratch = Buffer.allocUnsafe(16 * 1024)
  let head: Buffer | undefined = Buffer.alloc(0)
  let left = range.end - range.start

  const broke = (cause?: Error): void => reject(refused(0, cause))
  const take = (bytes: number): void => {
    left -= bytes
    ring.fill(bytes)
    if (left === 0) resolve()
  }
  const readHead = (): void => {
    const ends = head?.indexOf('\r\n\r\n') ?? -1
    if (!head || ends < 0) return
    const { status, length } = parseHead(head.toString('latin1', 0, ends))
    // A server that knows no ranges answers 200 with everything.
    const whole = status === 200 && range.start === 0
    if ((status !== 206 && !whole) || length !== left) throw refused(status)
    let rest = head.subarray(ends + 4)
    head = undefined
    if (rest.length > left) throw refused(0)
    while (rest.length > 0) {
      const copied = rest.copy(ring.room())
      take(copied)
      rest = rest.subarray(copied)
    }
  }
  const callback = (bytes: number, into: Uint8Array): boolean => {
    try {
      if (head) {
        head = Buffer.concat([head, into.subarray(0, bytes)])
        readHead()
        if (head && head.length > mostHeadBytes) broke()
        // More than was announced is nothing that could be trusted.
      } else if (bytes > left) broke()
      else take(bytes)
    } catch (error) {
      reject(error)
      return false
    }
    if (ring.hasMore() || left === 0) return true
    ring.onMore(() => socket.setTimeout(idleMs).resume())
    return false
  }
  const options = {
    host,
    port: Number(to.port) || (secure ? 443 : 80),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    onread: { buffer: () => (head || left === 0 ? scratch : ring.room()), callback },
  }
  const socket = secure ? connectSecure(options) : connectPlain(options)
  const connecting = setTimeout(broke, connectMs)
  socket.once(secure ? 'secureConnect' : 'connect', () => {
    clearTimeout(connecting)
    const lines = Object.entries({
      host: to.host,
      ...headers,
      range: `bytes=${String(range.start)}-${String(range.end - 1)}`,
    })
    const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    socket.write(`GET ${to.pathname}${to.search} HTTP/1.1\r\n${fields}connection: close\r\n\r\n`)
  })
  // A socket that we keep waiting ourselves is not idle.
  socket.setTimeout(idleMs).on('timeout', () => ring.hasMore() && broke())
  socket.on('error', broke)
  socket.once('end', () => broke()).once('close', () => broke())
  const onAbort = (): void => broke()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    await promise
  } finally {
    clearTimeout(connecting)
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}

/** Status and length of an answer; a length that is not said is none. */
function parseHead(text: string): { readonly status: number; readonly length: number | undefined } {
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1] ?? 0)
  const length = /^content-length: *(\d+) *$/im.exec(text)?.[1]
  return { status, length: length === undefined ? undefined : Number(length) }
}
