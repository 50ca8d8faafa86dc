import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { S3Error } from './errors.ts'
import type { S3Request } from './request.ts'

/** The one key pair that the local server accepts. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

interface Claim {
  readonly accessKeyId: string
  readonly scope: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  readonly timestamp: string
  readonly payloadHash: string
}

const allowedSkewMs = 15 * 60 * 1000
const maxPresignedSeconds = 7 * 24 * 60 * 60

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

const parseTimestamp = (text: string): number => {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (!match) throw new S3Error('AccessDenied', 'X-Amz-Date is missing or malformed')
  const [, year, month, day, hour, minute, second] = match.map(Number)
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
}

const splitCredential = (credential: string): { accessKeyId: string; scope: string } => {
  const parts = credential.split('/')
  const scope = parts.slice(-4)
  if (parts.length < 5 || scope[3] !== 'aws4_request')
    throw new S3Error('AuthorizationHeaderMalformed', 'The credential scope is malformed')
  return { accessKeyId: parts.slice(0, -4).join('/'), scope: scope.join('/') }
}

const claimFromHeader = (request: S3Request, authorization: string): Claim => {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/.exec(
      authorization,
    )
  const [, credential, signedHeaders, signature] = match ?? []
  if (credential === undefined || signedHeaders === undefined || signature === undefined)
    throw new S3Error('AuthorizationHeaderMalformed', 'The authorization header is malformed')
  return {
    ...splitCredential(credential),
    signedHeaders: signedHeaders.split(';'),
    signature,
    timestamp: request.headers.get('x-amz-date') ?? '',
    payloadHash: request.headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD',
  }
}

const claimFromQuery = (request: S3Request, now: number): Claim => {
  const read = (name: string): string => request.query.get(name) ?? ''
  const timestamp = read('X-Amz-Date')
  const seconds = Number(read('X-Amz-Expires'))
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > maxPresignedSeconds)
    throw new S3Error('AccessDenied', 'X-Amz-Expires must be between 1 second and a week')
  if (now > parseTimestamp(timestamp) + seconds * 1000)
    throw new S3Error('AccessDenied', 'Request has expired')
  return {
    ...splitCredential(read('X-Amz-Credential')),
    signedHeaders: read('X-Amz-SignedHeaders').split(';'),
    signature: read('X-Amz-Signature'),
    timestamp,
    payloadHash: request.headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD',
  }
}

const canonicalRequest = (request: S3Request, claim: Claim): string => {
  const path = request.rawPath
    .split('/')
    .map((part) => encode(decodeURIComponent(part)))
    .join('/')
  const query = [...request.query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
  const headers = claim.signedHeaders.map((name) => {
    const raw = request.message.headers[name]
    const value = Array.isArray(raw) ? raw.join(',') : (raw ?? '')
    return `${name}:${value.trim().replace(/ +/g, ' ')}\n`
  })
  return [
    request.method,
    path,
    query,
    headers.join(''),
    claim.signedHeaders.join(';'),
    claim.payloadHash,
  ].join('\n')
}

const expectedSignature = (request: S3Request, claim: Claim, secret: string): string => {
  const digest = createHash('sha256').update(canonicalRequest(request, claim)).digest('hex')
  const text = ['AWS4-HMAC-SHA256', claim.timestamp, claim.scope, digest].join('\n')
  const key = claim.scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`)
  return hmac(key, text).toString('hex')
}

/**
 * Verifies the Signature Version 4 of a request, in its header or in a presigned URL, down to expiry.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 * @throws S3Error `AccessDenied` (unsigned, expired), `InvalidAccessKeyId`, `RequestTimeTooSkewed` or `SignatureDoesNotMatch`.
 */
export const verifySignature = (request: S3Request, credentials: Credentials, clock: Clock): void => {
  const authorization = request.headers.get('authorization')
  const presigned = request.query.has('X-Amz-Signature')
  if (authorization === undefined && !presigned) throw new S3Error('AccessDenied', 'Access Denied')
  const claim =
    authorization === undefined ? claimFromQuery(request, clock()) : claimFromHeader(request, authorization)
  if (Math.abs(clock() - parseTimestamp(claim.timestamp)) > allowedSkewMs && !presigned)
    throw new S3Error(
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large',
    )
  if (claim.accessKeyId !== credentials.accessKeyId)
    throw new S3Error('InvalidAccessKeyId', 'The access key is not the one this server was started with')
  const expected = Buffer.from(expectedSignature(request, claim, credentials.secretAccessKey))
  const given = Buffer.from(claim.signature)
  if (expected.length !== given.length || !timingSafeEqual(expected, given))
    throw new S3Error('SignatureDoesNotMatch', 'The signature does not match the request')
}
