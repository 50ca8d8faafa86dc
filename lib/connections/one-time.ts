import { createHash, randomBytes } from 'node:crypto'
import type { UserKey } from '../ids.ts'
import type { ProviderId } from '../providers/registry.ts'

/** A random value that opens something once: 256 bits, 43 characters of base64url. */
export function newOneTimeValue(): string {
  return randomBytes(32).toString('base64url')
}

/** The row of a state or completion code. It is found by hash, so that reading the table opens nothing. */
export function authorizationKey(kind: 'state' | 'completion', value: string): string {
  return `${kind}:${digestOf(value)}`
}

/** Where connects of one account by one user meet, so that they end as one connection. */
export function accountMeeting(userKey: UserKey, provider: ProviderId, accountId: string): string {
  return `account:${digestOf(JSON.stringify([userKey, provider, accountId]))}`
}

/**
 * A value as a row may hold it that must not open anything; also the S256 challenge of a PKCE verifier.
 * https://www.rfc-editor.org/rfc/rfc7636#section-4.2
 */
export function digestOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url')
}
