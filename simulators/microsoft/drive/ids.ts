import { createHash } from 'node:crypto'
import type { Random } from '../../kernel/random.ts'

/** A random GUID, in lower case. */
export function newGuid(random: Random): string {
  const hex = random.bytes(16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}

/** What is stored in place of a token. */
export function tokenId(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
