import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import * as z from 'zod/mini'
import type { Clock } from '../clock.ts'
import type { ProviderId } from '../providers/registry.ts'
import { CloudConnectionError, ServiceError } from '../errors.ts'
import type { HttpResponse, RequestBody, SendRequest, Timeouts } from './http-client.ts'
import { networkFailure, sendRequest, sizeOf } from './http-client.ts'
import { retryAfterSeconds } from './retry-after.ts'
import { swallow } from './swallow.ts'
import type { AccessToken, TokenSource } from './token-source.ts'

/** One call to a provider as it went; `status` 0 when no answer came. Holds no URL: some are secrets. */
export interface ProviderCall {
  readonly provider: ProviderId
  readonly operation: string
  readonly status: number
  /** To the head of the answer. */
  readonly ms: number
  /** Sent and announced to come. */
  readonly bytes: number
}
export type ObserveCall = (call: ProviderCall) => void

export interface ProviderRequest {
  /** A short name for metrics: `files.get`. */
  readonly operation: string
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBody
  /** `none` for a URL that is its own credential: it never sees the token, and its 401 renews nothing. */
  readonly auth?: 'bearer' | 'none'
  /** Statuses beside 2xx that are an answer to this request rather than an error. */
  readonly expect?: readonly number[]
  readonly signal?: AbortSignal | undefined
  readonly timeouts?: Partial<Timeouts> | undefined
}

/** An unexpected answer, for the backend's mapper. `text`: at most 64 KiB of the body, for nobody else. */
export interface FailedAnswer {
  readonly operation: string
  readonly method: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly retryAfterSeconds?: number
}

export interface ProviderHttpOptions {
  readonly provider: ProviderId
  readonly tokens: TokenSource
  readonly clock: Clock
  readonly mapError: (answer: FailedAnswer) => ServiceError
  readonly userAgent: string
  /** Allows plain http: only for an endpoint that was configured as such (a simulator). */
  readonly plainHttp: boolean
  readonly observe?: ObserveCall | undefined
  readonly send?: SendRequest | undefined
}

export type ProviderHttp = (request: ProviderRequest) => Promise<HttpResponse>

const errorTextBytes = 64 * 1024
const jsonTextBytes = 1024 * 1024

/**
 * Calls to one provider for one connection. Signs with the connection's token; a 401 renews it once and sends
 * once more. Everything but 2xx and what the request expects rejects with the ServiceError of `mapError`; one
 * that is about the grant is told to the connection first.
 */
export function providerHttp(options: ProviderHttpOptions): ProviderHttp {
  const { tokens, clock, mapError, send = sendRequest } = options

  const attempt = async (request: ProviderRequest, token?: AccessToken): Promise<HttpResponse> => {
    const started = clock.now()
    const observe = (status: number, received: number): void =>
      options.observe?.({
        provider: options.provider,
        operation: request.operation,
        status,
        ms: clock.now() - started,
        bytes: (request.body ? sizeOf(request.body) : 0) + received,
      })
    if (!options.plainHttp && !request.url.startsWith('https://')) {
      throw new ServiceError('provider_error', 'The provider named an address that is not secure.')
    }
    try {
      const response = await send({
        method: request.method,
        url: request.url,
        headers: {
          'user-agent': options.userAgent,
          'accept-encoding': 'identity',
          ...request.headers,
          ...(token ? { authorization: `Bearer ${token.token.reveal()}` } : {}),
        },
        ...(request.body === undefined ? {} : { body: request.body }),
        signal: request.signal,
        timeouts: request.timeouts,
      })
      observe(response.status, Number(response.headers['content-length'] ?? 0))
      return response
    } catch (error) {
      observe(0, 0)
      throw error
    }
  }

  const signed = async (request: ProviderRequest): Promise<HttpResponse> => {
    if (request.auth === 'none') return attempt(request)
    const token = await tokens.get(request.signal)
    const response = await attempt(request, token)
    if (response.status !== 401) return response
    await readText(response.body, errorTextBytes).catch(() => '')
    return attempt(request, await tokens.renew(token, request.signal))
  }

  return async (request) => {
    const response = await signed(request)
    const { status } = response
    if ((status >= 200 && status < 300) || request.expect?.includes(status)) return response
    const error = mapError(await failedAnswer(request, response, clock))
    // Where the connection cannot be told now, the next call meets the same answer and tells it.
    if (error instanceof CloudConnectionError && request.auth !== 'none')
      await tokens.lost(error.reason).catch(swallow)
    throw error
  }
}

/** What an answer that was not expected says, read to its end. */
export async function failedAnswer(
  { operation, method }: Pick<FailedAnswer, 'operation' | 'method'>,
  { status, headers, body }: HttpResponse,
  clock: Clock,
): Promise<FailedAnswer> {
  const afterSeconds = retryAfterSeconds(headers, clock.now())
  const text = await readText(body, errorTextBytes).catch(() => '')
  const said = { operation, method, status, headers, text }
  return afterSeconds === undefined ? said : { ...said, retryAfterSeconds: afterSeconds }
}

/** At most `limit` bytes of a body as text; what is longer is cut off and its connection dropped. */
export async function readText(body: Readable, limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += Buffer.byteLength(chunk)
    if (size >= limit) {
      // Leaving the loop alone would not close an answer's body.
      body.destroy()
      break
    }
  }
  return Buffer.concat(chunks).toString('utf8', 0, Math.min(size, limit))
}

/**
 * The JSON of a successful answer, checked. One that broke off or is something else (a proxy's HTML page)
 * leaves open whether the work was done: the error says so, and that another try is worth it.
 */
export async function readJson<Schema extends z.ZodMiniType>(
  response: HttpResponse,
  schema: Schema,
): Promise<z.output<Schema>> {
  let text: string
  try {
    text = await readText(response.body, jsonTextBytes)
  } catch (error) {
    throw networkFailure(error instanceof Error ? error : new Error('unknown', { cause: error }), true)
  }
  return parseAnswer(schema, parseJson(text), response.status)
}

/** The value as the schema wants it, or `provider_error` that says nothing of what stood there. */
export function parseAnswer<Schema extends z.ZodMiniType>(
  schema: Schema,
  value: unknown,
  status: number,
): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new ServiceError('provider_error', 'The provider’s answer could not be understood.', {
    retry: { retryable: true, ambiguous: true },
    context: { providerStatus: status },
  })
}

/** Undefined when the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
