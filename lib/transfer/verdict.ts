import type { DocumentChecksum } from '../contract/checksum.ts'
import type { Settlement } from '../catalog/transfer.ts'
import type { Backend, ObjectEntry } from '../storage/backend.ts'
import type { HashAlgorithm } from '../providers/registry.ts'
import type { ContentHash } from './hash.ts'

export type Verdict =
  /** The provider has not computed its hash yet: ask again. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'proven'; readonly checksum?: DocumentChecksum }
  | { readonly kind: 'mismatch'; readonly checksum?: DocumentChecksum }

/** What SharePoint rewrites on arrival. https://github.com/OneDrive/onedrive-api-docs/issues/935 */
const officeExtensions = new Set([
  '.doc',
  '.docx',
  '.docm',
  '.dot',
  '.dotx',
  '.dotm',
  '.xls',
  '.xlsx',
  '.xlsm',
  '.xlsb',
  '.xlt',
  '.xltx',
  '.xltm',
  '.ppt',
  '.pptx',
  '.pptm',
  '.pps',
  '.ppsx',
  '.pot',
  '.potx',
  '.potm',
  '.vsd',
  '.vsdx',
  '.pub',
  '.mpp',
  '.one',
])

/** Compares what the provider says of the finished object with what was sent: `size` bytes that hash to `hash`. */
export function judge(
  entry: ObjectEntry,
  size: number,
  hash: ContentHash,
  options: { readonly extension: string; readonly rewritesOffice: boolean },
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
  // Rewriting changes the size too; the same size with another hash is damage.
  if (!sameSize && options.rewritesOffice && officeExtensions.has(options.extension.toLowerCase())) {
    return { kind: 'proven', ...compared('provider_transformed') }
  }
  if (sameSize && theirs === undefined) return { kind: 'unknown' }
  return { kind: 'mismatch', ...compared('mismatch') }
}

function comparable(hash: ContentHash, checksums: ObjectEntry['checksums']): HashAlgorithm | undefined {
  return hash.algorithms.find((algorithm) => checksums[algorithm] !== undefined)
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
export function algorithmsFor(backend: Backend, expectedSha256: string | undefined): HashAlgorithm[] {
  const { checksum } = backend.capabilities
  return [
    ...(checksum === 'none' ? [] : [checksum]),
    ...(expectedSha256 === undefined ? [] : ['sha256' as const]),
  ]
}
