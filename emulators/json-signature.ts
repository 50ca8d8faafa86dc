import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { AwsJsonError } from './json-protocol.ts'
import {
  claimFromHeader,
  requireRecent,
  SignatureError,
  verifyClaim,
  type Credentials,
  type Refusal,
} from './signature.ts'

const codes: Record<Refusal, string> = {
  unsigned: 'MissingAuthenticationTokenException',
  malformed: 'IncompleteSignatureException',
  'bad-date': 'IncompleteSignatureException',
  skewed: 'InvalidSignatureException',
  'unknown-key': 'UnrecognizedClientException',
  mismatch: 'InvalidSignatureException',
}

/**
 * Verifies the Signature Version 4 of a request to one of the JSON services.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * @throws AwsJsonError with the code that AWS has for what is wrong.
 */
export const verifyJsonSignature = (
  request: IncomingMessage,
  body: Buffer,
  credentials: Credentials,
): void => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://local')
  try {
    const payloadHash = createHash('sha256').update(body).digest('hex')
    const claim = claimFromHeader(request.headers, payloadHash)
    requireRecent(claim, Date.now())
    const message = {
      method: request.method ?? '',
      path: pathname,
      query: searchParams,
      headers: request.headers,
    }
    verifyClaim(message, claim, credentials)
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error
    throw new AwsJsonError(codes[error.refusal], error.message)
  }
}
