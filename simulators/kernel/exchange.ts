import type { IncomingMessage, ServerResponse } from 'node:http'
import { finished, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { BlobStream } from './blob-stream.ts'
import type { RequestBodySetup, State } from './request-body.ts'
import { requestBody } from './request-body.ts'
import { firstBytes, tap } from './taps.ts'

export type Headers = Record<string, string>

/** One request being answered. Answer through `json`, `text` or `send`: faults and the log hang on them. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly url: URL
  readonly method: string
  /** what the route's `:names` matched, decoded; for a RegExp route its named groups */
  params: Record<string, string>
  /** absolute origin for URLs in answers; follows X-Forwarded-Proto and X-Forwarded-Host */
  readonly origin: string
  /** set by the handler once known, for the request log */
  account: string | undefined
  /** the `partial` fault: the body ends after this many bytes although nothing went wrong */
  readonly keepBytes: number | undefined
  /** the declared body size, undefined for a chunked body */
  readonly contentLength: number | undefined
  /**
   * The request body behind the fault taps. It always ends normally, with
   * all that arrived; when the connection broke off, `broken` is true then,
   * and nothing may be committed but what a real upload session would keep.
   */
  readonly body: Readable
  readonly broken: boolean
  /** wraps a stream of file content inside the body (a multipart media part), so that `corrupt` hits it */
  fileContent(source: Readable, length?: number): Readable
  /** how many bytes the `rewrite` fault adds to a stored file of this name; 0 without one */
  rewrites(name: string): number
  /** a small form body (1 MiB at most) */
  form(): Promise<URLSearchParams>
  /** a small JSON body (1 MiB at most); undefined when there is none; throws SyntaxError */
  jsonBody(): Promise<unknown>
  json(status: number, body: unknown, headers?: Headers): Promise<void>
  text(status: number, body: string, headers?: Headers): Promise<void>
  /**
   * Any answer. A stream needs `content-length` among the headers.
   * Unread request body is read and dropped first.
   */
  send(status: number, headers: Headers, content?: Buffer | Readable, statusMessage?: string): Promise<void>
}

/** Thrown by a handler to answer at once. `body` goes out as JSON unless it is a string. */
export class Refusal extends Error {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
  constructor(status: number, body: unknown, headers: Headers = {}) {
    super(`answered ${status}`)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

export interface ExchangeSetup extends RequestBodySetup {
  res: ServerResponse
  url: URL
}

const SMALL_BODY = 1024 * 1024

/** The address that the client used, as a proxy in front tells it. */
export function requestOrigin(req: IncomingMessage): string {
  const first = (name: string): string | undefined =>
    String(req.headers[name] ?? '')
      .split(',')[0]
      ?.trim() || undefined
  return `${first('x-forwarded-proto') ?? 'http'}://${first('x-forwarded-host') ?? req.headers.host ?? 'localhost'}`
}

/** Builds the exchange for one request. */
export function createExchange(setup: ExchangeSetup): Exchange {
  const { req, res, url, fault, contentIn, latency, random, entry } = setup
  const declared = req.headers['content-length']
  const contentLength = declared === undefined ? undefined : Number(declared)
  const shared = { socket: req.socket, latency, random }
  let body: Readable | undefined
  const corruptible = fault?.type === 'corrupt' && contentIn !== 'none'
  const state: State = { lost: false, answered: false, corruptible }

  const drop = (): void => {
    state.lost = true
    if (!req.socket.destroyed) req.socket.resetAndDestroy()
  }
  const openBody = (): Readable => requestBody(setup, contentLength, state, drop)
  const drain = async (): Promise<void> => {
    const rest = (body ??= openBody())
    if (rest.readableEnded || rest.destroyed) return
    // A handler that gave up halfway may have left an iterator
    // behind, whose listener would keep the stream from flowing.
    rest.removeAllListeners('readable')
    rest.resume()
    await new Promise<void>((resolve) => finished(rest, { writable: false }, () => resolve()))
  }
  const small = async (): Promise<string> => {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of exchange.body) {
      size += chunk.length
      if (size > SMALL_BODY) throw new Refusal(413, 'Request body too large')
      chunks.push(chunk)
    }
    if (state.lost) throw new Refusal(400, 'Request body incomplete')
    return Buffer.concat(chunks).toString('utf8')
  }

  const exchange: Exchange = {
    req,
    res,
    url,
    method: req.method ?? 'GET',
    params: {},
    // Written into the log at once: who asks for an account's requests sees also those under way.
    get account() {
      return entry.account ?? undefined
    },
    set account(account) {
      entry.account = account ?? null
    },
    origin: requestOrigin(req),
    keepBytes: fault?.type === 'partial' ? fault.bytes : undefined,
    contentLength,
    get body() {
      return (body ??= openBody())
    },
    get broken() {
      return state.lost
    },
    fileContent(source, length) {
      if (!state.corruptible) return source
      state.corruptible = false
      const flipped = tap({ ...shared, count: () => undefined, corrupt: true, length })
      pipeline(source, flipped).catch(() => undefined)
      return flipped
    },
    rewrites(name) {
      if (fault?.type !== 'rewrite') return 0
      const { add, extensions } = fault
      return extensions?.some((extension) => name.toLowerCase().endsWith(extension.toLowerCase())) === false
        ? 0
        : add
    },
    form: async () => new URLSearchParams(await small()),
    jsonBody: async () => {
      const text = await small()
      return text.trim() === '' ? undefined : JSON.parse(text)
    },
    json: (status, value, headers) =>
      exchange.send(
        status,
        { 'content-type': 'application/json; charset=UTF-8', ...headers },
        Buffer.from(JSON.stringify(value)),
      ),
    text: (status, value, headers) =>
      exchange.send(status, { 'content-type': 'text/plain; charset=UTF-8', ...headers }, Buffer.from(value)),
    async send(status, headers, content, statusMessage) {
      if (state.answered) return
      state.answered = true
      await drain()
      if (fault?.type === 'commit-then-reset' || fault?.type === 'reset') drop()
      if (state.lost || req.socket.destroyed) {
        if (content instanceof Readable) content.destroy()
        return
      }
      entry.status = status
      const length = content instanceof Readable ? headers['content-length'] : String(content?.length ?? 0)
      const head = {
        ...headers,
        ...(status === 204 || length === undefined ? {} : { 'content-length': length }),
      }
      if (statusMessage === undefined) res.writeHead(status, head)
      else res.writeHead(status, statusMessage, head)
      const plain = fault === undefined && latency.slice() === undefined
      if (content === undefined || (plain && content instanceof Buffer)) {
        entry.responseBytes += content?.length ?? 0
        res.end(content)
        return
      }
      const count = (bytes: number): void => {
        entry.responseBytes += bytes
      }
      if (plain && content instanceof BlobStream && (await content.sendTo(res, count))) return
      const source = content instanceof Readable ? content : Readable.from([content])
      const cutAt = fault?.type === 'truncate' ? (fault.afterBytes ?? 0) : undefined
      const bounded = cutAt === undefined ? source : Readable.from(firstBytes(source, cutAt))
      const corrupt = fault?.type === 'corrupt' && contentIn === 'none'
      const counted = tap({
        ...shared,
        corrupt,
        length: length === undefined ? undefined : Number(length),
        count,
      })
      // A client that goes away in the middle of a download is no failure of the simulator.
      await pipeline(bounded, counted, res).catch(() => req.socket.destroy())
      if (cutAt !== undefined && entry.responseBytes < Number(length)) req.socket.destroy()
    },
  }
  return exchange
}
