import { createHash } from 'node:crypto'
import type { RunningHash } from '../kernel/hashes.ts'

/** https://www.dropbox.com/developers/reference/content-hash */
export const BLOCK = 4 * 1024 * 1024

/** SHA-256 over the SHA-256 of every 4 MiB; loaded by the hash workers. */
export function createHasher(): RunningHash {
  const whole = createHash('sha256')
  let block = createHash('sha256')
  let inBlock = 0
  const close = (): void => {
    if (inBlock === 0) return
    whole.update(block.digest())
    block = createHash('sha256')
    inBlock = 0
  }
  return {
    update(data) {
      for (let at = 0; at < data.length;) {
        const piece = data.subarray(at, at + BLOCK - inBlock)
        block.update(piece)
        inBlock += piece.length
        at += piece.length
        if (inBlock === BLOCK) close()
      }
    },
    digest() {
      close()
      return whole.digest()
    },
  }
}
