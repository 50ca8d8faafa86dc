/** How a stored document's content was proven. This file imports nothing. */
export interface DocumentChecksum {
  readonly algorithm: 'sha256' | 'md5' | 'quickXorHash'
  readonly value: string
  /** `verified`: the provider's own hash equals the hash of what was sent; `provider_transformed`: the provider rewrites such files. */
  readonly verdict: 'verified' | 'provider_transformed' | 'mismatch'
}
