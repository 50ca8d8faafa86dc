import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import { ServiceError } from '../errors.ts'
import type { Pieces } from './exactly.ts'
import { exactlyKept, sourceFailure } from './exactly.ts'
import type { Reach } from './reach.ts'
import { hostOf, isWithin, lookupWithin } from './reach.ts'
import { swallow } from './swallow.ts'

/** Bytes of a request: all of them, or pieces that are made as they are sent. */
export type RequestBody = Uint8Array | Pieces

/** How many bytes a request carries. */
export const sizeOf = (body: RequestBody): number => (body instanceof Uint8Array ? body.length : body.size)

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBody
  readonly signal?: AbortSignal | undefined
  readonly timeouts?: Partial<Timeouts> | undefined
  /** Where `url` comes from a user: which servers it may lead to. */
  readonly reach?: Reach | undefined
}

/** Milliseconds. */
export interface Timeouts {
  /** From the start to a usable connection, the TLS handshake included. */
  readonly connect: number
  /** From the last byte of the request to the head of the answer. */
  readonly answer: number
  /** Without a byte in either direction. */
  readonly idle: number
}

/** An answer's head, and its body, which the caller reads or destroys. It ends early only with an error. */
export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Readable
}

const defaultTimeouts: Timeouts = { connect: 5_000, answer: 60_000, idle: 60_000 }

/** More than this is not handed to a connection at once: one piece is encrypted while another is sent. */
const underWayBytes = 2 * 1024 * 1024

// One pool for a process and reach: connections outlive an invocation, and idle ones keep no process alive.
const agentOptions = { keepAlive: true, maxSockets: 256, scheduling: 'lifo' } as const
const poolOf = (reach?: Reach) => {
  const options = reach === undefined ? agentOptions : { ...agentOptions, lookup: lookupWithin(reach) }
  return { http: new HttpAgent(options), https: new HttpsAgent(options) }
}
const ownPool = poolOf()
const usersPools = { public: poolOf('public'), 'public or loopback': poolOf('public or loopback') }

/** How a request is sent. */
export type SendRequest = (request: HttpRequest) => Promise<HttpResponse>

/**
 * Sends one request over a kept-alive connection and answers as soon as the head of the answer is there. No
 * redirect is followed and nothing is repeated. An answer that comes before the body was sent stops the
 * sending.
 *
 * `provider_unavailable` when no answer came: `ambiguous` when the whole request was handed over. A source
 * that fails rejects as `exactly` says.
 */
export function sendRequest(request: HttpRequest): Promise<HttpResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>()
  const { signal, body } = request
  const timeouts = { ...defaultTimeouts, ...request.timeouts }
  const url = new URL(request.url)
  const secure = url.protocol === 'https:'
  if (signal?.aborted) return Promise.reject(abandoned(signal.reason, false))
  const pool = poolFor(url, request.reach)
  if (pool === undefined) return Promise.reject(unreachable('The server is none of the internet.', false))

  const outgoing = (secure ? httpsRequest : httpRequest)(url, {
    method: request.method,
    agent: secure ? pool.https : pool.http,
    headers: headersOf(request),
  })
  let incoming: IncomingMessage | undefined
  let connected = false
  let over = false

  const mayHaveBeenDone = (): boolean => connected && outgoing.writableEnded
  const fail = (error: ServiceError): void => {
    if (over) return
    over = true
    reject(error)
    incoming?.destroy(error)
    outgoing.destroy()
  }
  const onAbort = (): void => fail(abandoned(signal?.reason, mayHaveBeenDone()))
  signal?.addEventListener('abort', onAbort, { once: true })

  const connectTimer = setTimeout(() => {
    if (!connected) fail(unreachable('The provider could not be reached in time.', false))
  }, timeouts.connect)
  whenConnected(outgoing, secure, () => {
    connected = true
    clearTimeout(connectTimer)
  })
  let answerTimer: NodeJS.Timeout | undefined
  outgoing.setTimeout(timeouts.idle, () =>
    fail(unreachable('The provider stopped answering.', mayHaveBeenDone())),
  )
  outgoing.once('finish', () => {
    answerTimer = setTimeout(
      () => fail(unreachable('The provider did not answer in time.', true)),
      timeouts.answer,
    )
  })
  outgoing.once('response', (response) => {
    clearTimeout(connectTimer)
    clearTimeout(answerTimer)
    incoming = response
    // A body that nobody reads any more must not end the process when its connection breaks.
    response.on('error', swallow)
    if (!outgoing.writableEnded) response.once('close', () => outgoing.destroy())
    resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response })
  })
  outgoing.on('error', (error) => fail(networkFailure(error, mayHaveBeenDone())))
  outgoing.once('close', () => {
    clearTimeout(connectTimer)
    clearTimeout(answerTimer)
    signal?.removeEventListener('abort', onAbort)
    if (!incoming) fail(unreachable('The connection to the provider broke.', mayHaveBeenDone()))
  })

  if (body === undefined || body instanceof Uint8Array) outgoing.end(body)
  else
    carry(body, outgoing).catch((error: unknown) => {
      if (!incoming) fail(sourceFailure(error))
    })
  return promise
}

/** Writes pieces as fast as they are taken, until all are out, an answer comes, or the request is over. */
async function carry(body: Pieces, outgoing: ClientRequest): Promise<void> {
  let underWay = 0
  let answered = false
  let wake = swallow
  const stop = (): void => {
    answered = true
    wake()
  }
  outgoing.once('response', stop).once('close', stop)
  for await (const piece of exactlyKept(body)) {
    if (answered || outgoing.destroyed) return
    underWay += piece.length
    outgoing.write(piece, () => {
      underWay -= piece.length
      body.spent?.(piece)
      if (underWay <= underWayBytes) wake()
    })
    if (underWay > underWayBytes && !answered) {
      const { promise, resolve } = Promise.withResolvers<void>()
      wake = resolve
      await promise
    }
  }
  if (!answered) outgoing.end()
}

/** Undefined for an address out of reach. A number is never looked up, so it is looked at here. */
function poolFor(url: URL, reach: Reach | undefined) {
  if (reach === undefined) return ownPool
  return isIP(hostOf(url)) !== 0 && !isWithin(hostOf(url), reach) ? undefined : usersPools[reach]
}

const methodsWithBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

function headersOf({ method, headers, body }: HttpRequest): Record<string, string> {
  const length = body ? sizeOf(body) : methodsWithBody.has(method) ? 0 : undefined
  return { ...headers, ...(length === undefined ? {} : { 'content-length': String(length) }) }
}

function whenConnected(outgoing: ClientRequest, secure: boolean, then: () => void): void {
  outgoing.once('socket', (socket) => {
    if (outgoing.reusedSocket) then()
    else socket.once(secure ? 'secureConnect' : 'connect', then)
  })
}

/** `provider_unavailable`, worth another try. `ambiguous`: the work may have been done. */
export function unreachable(detail: string, ambiguous: boolean, cause?: unknown): ServiceError {
  return new ServiceError('provider_unavailable', detail, { retry: { retryable: true, ambiguous }, cause })
}

/** A connection that broke. The system's reason (`ECONNRESET`) goes along as the provider code. */
export function networkFailure(error: NodeJS.ErrnoException, ambiguous: boolean): ServiceError {
  if (error instanceof ServiceError) return error
  return new ServiceError('provider_unavailable', 'The connection to the provider broke.', {
    retry: { retryable: true, ambiguous },
    context: error.code === undefined ? {} : { providerCode: error.code },
    cause: error,
  })
}

function abandoned(reason: unknown, ambiguous: boolean): ServiceError {
  if (reason instanceof ServiceError) return reason
  return unreachable('The call was given up before the provider answered.', ambiguous, reason)
}
