import type { DocumentChecksum } from '../contract/views.ts'
import type { Settlement } from '../catalog/transfer.ts'
import type { Driver, ObjectEntry } from '../storage/driver.ts'
import type { HashAlgorithm } from '../providers/registry.ts'
import type { ContentHash } from './hash.ts'

export type Verdict =
  /** The provider has not computed its hash yet: ask again. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'proven'; readonly checksum?: DocumentChecksum }
  | { readonly kind: 'mismatch'; readonly checksum?: DocumentChecksum }

/**
 * Compares what the provider says of the finished object with what was sent: `size` bytes that hash to `hash`.
 * With `rewritten` the provider rewrites files of this kind: another size is its work then, no damage.
 */
export function judge(
  entry: ObjectEntry,
  size: number,
  hash: ContentHash,
  { rewritten }: { readonly rewritten: boolean },
): Verdict {
  const algorithm = comparable(hash, entry.checksums)
  const theirs = algorithm === undefined ? undefined : entry.checksums[algorithm]
  const ours = algorithm === undefined ? undefined : hash.digest(algorithm)
  const sameSize = entry.size === size
  if (sameSize && algorithm !== undefined && theirs !== undefined && theirs === ours) {
    return { kind: 'proven', checksum: { algorithm, value: theirs, verdict: 'verified' } }
  }
  const compared = (verdict: DocumentChecksum['verdict']): { checksum?: DocumentChecksum } =>
    algorithm === undefined || theirs === undefined ? {} : { checksum: { algorithm, value: theirs, verdict } }
  if (sameSize && theirs === undefined) {
    // Work accounts give no hash of an empty file, and it needs none. https://github.com/OneDrive/onedrive-api-docs/issues/1704
    return size === 0 ? { kind: 'proven' } : { kind: 'unknown' }
  }
  // Rewriting changes the size too; the same size with another hash is damage.
  if (!sameSize && rewritten) return { kind: 'proven', ...compared('provider_transformed') }
  return { kind: 'mismatch', ...compared('mismatch') }
}

function comparable(hash: ContentHash, checksums: ObjectEntry['checksums']): HashAlgorithm | undefined {
  return hash.algorithms.find((algorithm) => checksums[algorithm] !== undefined)
}

/**
 * As `judge`, and asks the provider once more where its first answer may be older than what stands: OneDrive computes its hash a little
 * later than it answers, and may answer with the size from before the rewriting.
 * https://learn.microsoft.com/graph/api/resources/hashes https://github.com/rclone/rclone/issues/9767
 */
export async function judgeStored(
  entry: ObjectEntry,
  size: number,
  hash: ContentHash,
  options: { readonly rewritten: boolean; readonly stat: () => Promise<ObjectEntry> },
): Promise<{ readonly entry: ObjectEntry; readonly verdict: Verdict }> {
  const verdict = judge(entry, size, hash, options)
  const sure = verdict.kind === 'proven' || (verdict.kind === 'mismatch' && !options.rewritten)
  if (sure || hash.algorithms.length === 0) return { entry, verdict }
  const standing = await options.stat()
  return { entry: standing, verdict: judge(standing, size, hash, options) }
}

/** How long a missing hash is waited for before the size alone has to do. */
export const hashWaitMs = 15 * 60 * 1000

/** What a verdict means for the document. */
export function settlementOf(entry: ObjectEntry, verdict: Verdict): Settlement {
  if (verdict.kind === 'mismatch') {
    return {
      kind: 'failed',
      code: 'provider_error',
      detail:
        'The provider stored something else than what was sent. The intake object is kept; upload it again.',
      objectKey: entry.objectKey,
      ...(verdict.checksum ? { checksum: verdict.checksum } : {}),
    }
  }
  const checksum = verdict.kind === 'proven' ? verdict.checksum : undefined
  return { kind: 'stored', objectKey: entry.objectKey, size: entry.size, ...(checksum ? { checksum } : {}) }
}

/** What has to be hashed: for the provider's own hash, and for what the client announced. */
export function algorithmsFor(driver: Driver, expectedSha256: string | undefined): HashAlgorithm[] {
  const { hash } = driver.traits
  return [...(hash ? [hash.algorithm] : []), ...(expectedSha256 === undefined ? [] : ['sha256' as const])]
}
