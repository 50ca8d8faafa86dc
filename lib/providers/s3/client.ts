import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { S3Client } from '@aws-sdk/client-s3'
import { Readable } from 'node:stream'
import type { Pieces } from '../../net/exactly.ts'
import type { HttpRequest, HttpResponse, RequestBody, SendRequest } from '../../net/http-client.ts'
import { sendRequest } from '../../net/http-client.ts'
import { swallow } from '../../net/swallow.ts'

export interface S3ClientOptions {
  readonly region?: string | undefined
  /** An S3-compatible server, addressed with the bucket in the path; AWS S3 when absent. */
  readonly endpoint?: string | undefined
  /** The function's own role when absent. */
  readonly credentials?: NonNullable<S3ClientConfig['credentials']> | undefined
  readonly send?: SendRequest | undefined
}

/**
 * A client as this driver needs it: it repeats nothing by itself, because one layer above does, and it adds
 * no checksum that was not asked for, because a presigned URL would carry the checksum of an empty body.
 */
export function s3Client({ region, endpoint, credentials, send = sendRequest }: S3ClientOptions): S3Client {
  return new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Our transport does not wait for 100; it stops sending when an answer comes early.
    expectContinueHeader: false,
    requestHandler: { handle: transport(send) },
    // It would warn of every refused body on the console; what went wrong is in the error.
    logger: { debug: swallow, info: swallow, warn: swallow, error: swallow },
  })
}

const carried = new WeakMap<Readable, Pieces>()

/** Pieces as a body that the SDK takes for a stream, and never reads: the transport sends them. */
export function bodyOf(pieces: Pieces): Readable {
  const body = new Readable()
  carried.set(body, pieces)
  return body
}

/** A request as the SDK has signed it. */
interface Signed {
  readonly method: string
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  /** Encoded. */
  readonly path: string
  readonly query: Readonly<Record<string, string | readonly string[] | null>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Sends what the SDK has signed as every other request to a provider is sent. */
function transport(send: SendRequest) {
  return async (signed: Signed, { abortSignal }: { readonly abortSignal?: AbortSignal } = {}) => {
    const { status, headers, body } = await send(requestOf(signed, abortSignal))
    return { response: { statusCode: status, headers: plainHeaders(headers), body } }
  }
}

function requestOf({ method, headers, body, ...to }: Signed, signal: AbortSignal | undefined): HttpRequest {
  const port = to.port === undefined ? '' : `:${String(to.port)}`
  const query = Object.entries(to.query).flatMap(([name, value]) =>
    [value ?? ''].flat().map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(one)}`),
  )
  const url = `${to.protocol}//${to.hostname}${port}${to.path}${query.length > 0 ? `?${query.join('&')}` : ''}`
  const bytes = bytesOf(body)
  return { method, url, headers, signal, ...(bytes === undefined ? {} : { body: bytes }) }
}

function bytesOf(body: unknown): RequestBody | undefined {
  if (body instanceof Readable) return carried.get(body)
  if (typeof body === 'string') return Buffer.from(body)
  return body instanceof Uint8Array ? body : undefined
}

function plainHeaders(headers: HttpResponse['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, [value].flat().join(', ')]],
    ),
  )
}
