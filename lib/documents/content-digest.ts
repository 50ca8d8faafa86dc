import { createHash, timingSafeEqual } from 'node:crypto'
import { ServiceError } from '../errors.ts'

/**
 * Checks the RFC 9530 `Content-Digest` header against the bytes. Nothing happens without the header;
 * a malformed one or one without sha-256 is `invalid_request`, a wrong one `digest_mismatch`. https://www.rfc-editor.org/rfc/rfc9530
 */
export function checkContentDigest(header: string | undefined, bytes: Buffer): void {
  if (header === undefined) return
  const digest = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,|$)/.exec(header)?.[1]
  if (digest === undefined) {
    throw new ServiceError('invalid_request', 'header content-digest: must carry sha-256=:<base64>:')
  }
  if (!timingSafeEqual(Buffer.from(digest, 'base64'), createHash('sha256').update(bytes).digest())) {
    throw new ServiceError(
      'digest_mismatch',
      'The body’s SHA-256 is not the one in Content-Digest. Nothing was stored; send it again.',
    )
  }
}
