import type { HashAlgorithm } from '../providers/registry.ts'

/** How a stored document's content was proven. */
export interface DocumentChecksum {
  readonly algorithm: HashAlgorithm
  readonly value: string
  /** `verified`: the provider's own hash equals the hash of what was sent; `provider_transformed`: the provider rewrites such files. */
  readonly verdict: 'verified' | 'provider_transformed' | 'mismatch'
}
