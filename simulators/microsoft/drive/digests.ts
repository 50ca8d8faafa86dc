import type { HashSpec } from '../../kernel/hashes.ts'
import type { Context } from './records.ts'

/** The hashes kept for every file, one worker for both: quickXorHash costs next to nothing beside sha256. */
export const HASH_GROUPS: HashSpec[][] = [
  ['sha256', { name: 'quickXorHash', module: new URL('quick-xor-hash.ts', import.meta.url).href }],
]

export interface Digests {
  sha256: string
  quickXorHash: string
}

/** Both hashes of a finished blob, lower-case hex. */
export async function readDigests(context: Context, blob: string): Promise<Digests> {
  const { sha256 = '', quickXorHash = '' } = await context.blobs.digests(blob)
  return { sha256, quickXorHash }
}

/** OneDrive shows quickXorHash in base64. */
export function base64Hash(digests: Digests): string {
  return Buffer.from(digests.quickXorHash, 'hex').toString('base64')
}
