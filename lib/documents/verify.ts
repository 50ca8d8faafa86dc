import type { DocumentChecksum } from '../contract/checksum.ts'
import type { ObjectEntry } from '../storage/backend.ts'
import { createContentHash } from '../transfer/hash.ts'

/** The strongest hash that the provider computed itself, if it computed any. */
export function providerHash(entry: ObjectEntry): Pick<DocumentChecksum, 'algorithm' | 'value'> | undefined {
  for (const algorithm of ['sha256', 'md5', 'quickXorHash'] as const) {
    const value = entry.checksums[algorithm]
    if (value !== undefined) return { algorithm, value }
  }
  return undefined
}

/** Compares the provider's own hash and size with those of `bytes`; undefined when the provider gave no hash and the size fits. */
export async function verifyBytes(bytes: Buffer, entry: ObjectEntry): Promise<DocumentChecksum | undefined> {
  const theirs = providerHash(entry)
  if (theirs === undefined) {
    if (entry.size === bytes.length) return undefined
    return { algorithm: 'sha256', value: '', verdict: 'mismatch' }
  }
  const hash = await createContentHash([theirs.algorithm])
  hash.update(bytes, 0)
  const same = entry.size === bytes.length && hash.digest(theirs.algorithm) === theirs.value
  return { ...theirs, verdict: same ? 'verified' : 'mismatch' }
}
