import type { Extension } from '../ids.ts'
import type { HashAlgorithm } from '../providers/registry.ts'
import type { Digest } from './bytes.ts'

/**
 * What never changes while a driver lives: data, by which the write path and the conformance suite choose.
 */
export interface Traits {
  /** `write` takes up to so many bytes; larger content goes through `sessions`. */
  readonly singleRequestBytes: number
  /** The largest file that there can be; absent where none is known. */
  readonly maxBytes?: number
  /**
   * The hash that proves content here; `late`: it may be missing for some minutes after the last byte; `md5`:
   * every object has its MD5 besides. Undefined: size alone.
   */
  readonly hash?: {
    readonly algorithm: HashAlgorithm
    readonly late: boolean
    readonly md5?: true
    start(): Digest
  }
  /** The provider rewrites files of this kind after they were stored, so that size and hash may differ. */
  rewrites(extension: Extension): boolean
  /** A name that a file here can have, as near to `name` as can be; absent where every name is one. */
  readonly legal?: (name: string) => string
}
