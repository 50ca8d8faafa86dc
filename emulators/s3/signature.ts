import type { Clock } from '../clock.ts'
import {
  claimFromHeader,
  parseTimestamp,
  requireRecent,
  SignatureError,
  splitCredential,
  verifyClaim,
  type Claim,
  type Credentials,
  type Refusal,
} from '../signature.ts'
import { S3Error } from './errors.ts'
import type { S3Request } from './request.ts'

const maxPresignedSeconds = 7 * 24 * 60 * 60

const codes = {
  unsigned: 'AccessDenied',
  malformed: 'AuthorizationHeaderMalformed',
  'bad-date': 'AccessDenied',
  skewed: 'RequestTimeTooSkewed',
  'unknown-key': 'InvalidAccessKeyId',
  mismatch: 'SignatureDoesNotMatch',
} as const satisfies Record<Refusal, ConstructorParameters<typeof S3Error>[0]>

const payloadHashOf = (request: S3Request): string =>
  request.headers.get('x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD'

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
    payloadHash: payloadHashOf(request),
  }
}

const recentClaim = (request: S3Request, now: number): Claim => {
  const claim = claimFromHeader(request.message.headers, payloadHashOf(request))
  requireRecent(claim, now)
  return claim
}

/**
 * Verifies the Signature Version 4 of a request, in its header or in a presigned URL, down to expiry.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 * @throws S3Error `AccessDenied` (unsigned, expired),
 * `InvalidAccessKeyId`, `RequestTimeTooSkewed` or `SignatureDoesNotMatch`.
 */
export const verifySignature = (request: S3Request, credentials: Credentials, clock: Clock): void => {
  const presigned = !request.headers.has('authorization') && request.query.has('X-Amz-Signature')
  try {
    const claim = presigned ? claimFromQuery(request, clock()) : recentClaim(request, clock())
    const { method, rawPath: path, query, message } = request
    verifyClaim({ method, path, query, headers: message.headers }, claim, credentials)
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error
    throw new S3Error(codes[error.refusal], error.message)
  }
}
