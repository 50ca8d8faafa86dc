import type { Change, Standing } from '../catalog/document.ts'
import type { HashAlgorithm } from '../providers/registry.ts'
import type { Driver, ObjectEntry } from '../storage/driver.ts'

/** What was sent, as far as it was hashed. */
export interface Sent {
  readonly size: number
  readonly algorithms: readonly HashAlgorithm[]
  /** Undefined for an algorithm that was not asked for. */
  digest(algorithm: HashAlgorithm): string | undefined
}

/** What was sent, whose hash is known already. */
export function sentAs(size: number, proof: Change['proof']): Sent {
  return { size, algorithms: proof ? [proof.algorithm] : [], digest: () => proof?.value }
}

/** What the drive holds, compared with what was sent. Every door is judged here and nowhere else. */
export interface Judged {
  readonly verdict: NonNullable<Standing['verdict']>
  /** How many bytes its content has. */
  readonly size: number
  /** The provider's own hash where it gives one, else ours. */
  readonly hash?: NonNullable<Standing['hash']>
  /** The provider computes its hash later: what it has to be then. */
  readonly prove?: NonNullable<Change['proof']>
}

/** When a late hash is asked for, and how long, milliseconds: after 20 s, 1, 5 and 15 minutes. */
export const firstProofMs = 20_000
export const proofMs = 15 * 60_000
export const proofPausesMs = [firstProofMs, 60_000, 300_000, proofMs] as const

/**
 * The same hash is proof, whatever size the provider states: some count previews in for good.
 * https://github.com/OneDrive/onedrive-api-docs/issues/1723
 * Rewriting changes the size; the same size with another hash is damage.
 */
export function judge(
  entry: Pick<ObjectEntry, 'size' | 'checksums'>,
  sent: Sent,
  { rewrites, late }: { readonly rewrites: boolean; readonly late: boolean },
): Judged {
  const { size, algorithms } = sent
  const algorithm = algorithms.find((name) => entry.checksums[name] !== undefined)
  const theirs = algorithm === undefined ? undefined : entry.checksums[algorithm]
  if (algorithm !== undefined && theirs !== undefined) {
    const hash = { algorithm, value: theirs }
    if (sent.digest(algorithm) === theirs) return { verdict: 'verified', size, hash }
    if (rewrites && entry.size !== size) return { verdict: 'provider_transformed', size: entry.size, hash }
    return { verdict: 'mismatch', size: entry.size, hash }
  }
  if (rewrites && entry.size !== size) return { verdict: 'provider_transformed', size: entry.size }
  if (entry.size !== size && !late) return { verdict: 'mismatch', size: entry.size }
  const [first] = algorithms
  const ours = first === undefined ? undefined : sent.digest(first)
  if (first === undefined || ours === undefined) return { verdict: 'unverified', size }
  const hash = { algorithm: first, value: ours }
  // Nothing to prove: an empty file has no hash on work accounts.
  // https://github.com/OneDrive/onedrive-api-docs/issues/1704
  return { verdict: 'unverified', size, hash, ...(late && size > 0 ? { prove: hash } : {}) }
}

/** What has to be hashed: for the provider's own hash, and for what the client announced. */
export function algorithmsFor(
  { traits }: Pick<Driver, 'traits'>,
  sha256: string | undefined,
): HashAlgorithm[] {
  return [
    ...(traits.hash ? [traits.hash.algorithm] : []),
    ...(sha256 === undefined ? [] : ['sha256' as const]),
  ]
}
