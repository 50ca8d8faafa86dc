import { createHash, randomBytes } from 'node:crypto'

/** A random value that opens something once: 256 bits, 43 characters of base64url. */
export function newOneTimeValue(): string {
  return randomBytes(32).toString('base64url')
}

/** The row of a state or completion code. It is found by hash, so that reading the table opens nothing. */
export function authorizationKey(kind: 'state' | 'completion', value: string): string {
  return `${kind}:${createHash('sha256').update(value).digest('base64url')}`
}

/** The S256 challenge of a PKCE verifier. https://www.rfc-editor.org/rfc/rfc7636#section-4.2 */
export function codeChallengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}
