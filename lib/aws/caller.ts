import type { IncomingHttpHeaders } from 'node:http'
import aws4 from 'aws4'
import type { Clock } from '../clock.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { SendRequest } from '../net/http-client.ts'
import { networkFailure } from '../net/http-client.ts'
import { parseJson } from '../net/provider-http.ts'
import { retrying } from '../net/retry.ts'

type Service = 'dynamodb' | 's3'

/** One request to AWS. */
export interface AwsRequest {
  readonly service: Service
  readonly method: string
  /** Encoded as it is sent. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal | undefined
}

/** An answer with all of its bytes. */
export interface AwsAnswer {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** What AWS refused, or did not answer; `name` is its code, as the SDK's errors have it. */
export class AwsError extends Error {
  override readonly name: string

  /** `fields`: what the answer says besides. */
  constructor(name: string, cause?: unknown, fields: object = {}) {
    super(`AWS answered ${name}.`, { cause })
    const { CancellationReasons } = fields as Record<string, unknown>
    if (CancellationReasons !== undefined) Object.assign(this, { CancellationReasons })
    this.name = name
  }
}

/**
 * The calls that are made for every document. A call of the SDK costs three times the time of the processor
 * and its first one five times; what is rare goes through the SDK.
 */
export interface AwsCaller {
  /** Where a service is; `bucket` for S3. Without a slash at its end. */
  endpoint(service: Service, bucket?: string): string
  /** The headers that make it a request of this process's role. */
  sign(request: AwsRequest): Promise<Readonly<Record<string, string>>>
  /** Sends it, and again after a throttle, a fault or no answer, as the SDK would. Rejects with AwsError. */
  call(request: AwsRequest): Promise<AwsAnswer>
}

export interface AwsCallerOptions {
  /** The environment, with the names that the SDK reads. */
  readonly settings: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly random: () => number
  readonly send: SendRequest
  /** Our own buckets stand in the path of their URLs. */
  readonly bucketsByPath: boolean
}

const retryPolicy = { attempts: 4, baseMs: 50, capMs: 2_000, longestPauseMs: 2_000 }
const timeouts = { connect: 3_000, answer: 20_000, idle: 20_000 }

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html */
const throttles: ReadonlySet<string> = new Set([
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'SlowDown',
  'RequestTimeout',
  'TransactionInProgressException',
])
/** A clock that is wrong: the answer has the right time. */
const skewed: ReadonlySet<string> = new Set([
  'RequestTimeTooSkewed',
  'RequestExpired',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
])
const skewMs = 4 * 60_000

export function awsCaller({ settings, clock, random, send, bucketsByPath }: AwsCallerOptions): AwsCaller {
  const region = settings['AWS_REGION'] ?? 'us-east-1'
  const credentials = credentialsOf(settings)
  let offsetMs = 0

  const sign = async ({ service, method, url, headers, body }: AwsRequest) => {
    const { host, pathname, search } = new URL(url)
    const date = new Date(clock.now() + offsetMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
    const signed = aws4.sign(
      {
        service,
        region,
        method,
        host,
        path: `${pathname}${search}`,
        headers: { ...headers, 'X-Amz-Date': date },
        ...(body === undefined ? {} : { body }),
      },
      await credentials(),
    )
    return signed.headers as Record<string, string>
  }

  const attempt = async (request: AwsRequest): Promise<AwsAnswer> => {
    const { method, url, body, signal } = request
    const headers = await sign(request)
    const answer = await send({
      method,
      url,
      headers,
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
      signal,
      timeouts,
    })
    const chunks: Buffer[] = []
    try {
      for await (const chunk of answer.body) chunks.push(chunk)
    } catch (error) {
      throw networkFailure(error instanceof Error ? error : new Error('unknown', { cause: error }), true)
    }
    const bytes = Buffer.concat(chunks)
    const { status } = answer
    if (status < 300) return { headers: answer.headers, body: bytes }
    const text = bytes.toString()
    const said = parseJson(text)
    const fields = typeof said === 'object' && said !== null ? said : {}
    const name = codeOf(status, answer.headers, text, fields)
    const aheadMs = Date.parse(answer.headers.date ?? '') - clock.now() - offsetMs
    const isSkewed = skewed.has(name) && Math.abs(aheadMs) > skewMs
    if (isSkewed) offsetMs += aheadMs
    throw again(
      new AwsError(name, undefined, fields),
      status >= 500 || status === 429 || throttles.has(name) || isSkewed,
    )
  }

  return {
    endpoint(service, bucket) {
      const own = settings[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] ?? settings['AWS_ENDPOINT_URL']
      const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
      const base = own?.replace(/\/+$/, '') ?? `https://${service}.${region}.${domain}`
      if (bucket === undefined) return base
      return bucketsByPath ? `${base}/${bucket}` : base.replace('://', `://${bucket}.`)
    },
    sign,
    async call(request) {
      const { signal } = request
      try {
        return await retrying(() => attempt(request), { clock, random, policy: retryPolicy, signal })
      } catch (error) {
        if (!isServiceError(error)) throw error
        throw error.cause instanceof AwsError
          ? error.cause
          : new AwsError(signal?.aborted ? 'AbortError' : 'TimeoutError', error)
      }
    },
  }
}

/** The error with the advice that the retry loop reads. */
function again(error: AwsError, retryable: boolean): Error {
  return retryable
    ? new ServiceError('provider_unavailable', '', { retry: { retryable }, cause: error })
    : error
}

/** A JSON service names it in its body, S3 in XML, and an answer to HEAD has its status alone. */
function codeOf(status: number, headers: IncomingHttpHeaders, text: string, fields: object): string {
  const type = '__type' in fields ? fields.__type : undefined
  const said = typeof type === 'string' ? type : String(headers['x-amzn-errortype'] ?? '')
  const code = said.split('#').at(-1)?.split(':')[0] || /<Code>(\w+)<\/Code>/.exec(text)?.[1]
  return code || ({ 404: 'NotFound', 412: 'PreconditionFailed' }[status] ?? `Status${String(status)}`)
}

interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Lambda's own environment has them; elsewhere the SDK's chain finds and renews them. */
function credentialsOf(settings: AwsCallerOptions['settings']): () => Promise<Credentials> {
  const accessKeyId = settings['AWS_ACCESS_KEY_ID']
  const secretAccessKey = settings['AWS_SECRET_ACCESS_KEY']
  const sessionToken = settings['AWS_SESSION_TOKEN']
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    return () => Promise.resolve({ accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) })
  let chain: Promise<() => Promise<Credentials>> | undefined
  return async () => {
    chain ??= import('@aws-sdk/credential-provider-node').then(({ defaultProvider }) => defaultProvider())
    return await (
      await chain
    )()
  }
}
