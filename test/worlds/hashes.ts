import { createHash } from 'node:crypto'
import type { StartHash } from '../../lib/transfer/hash.ts'

/** What was hashed until `save`, by the name that it was saved under. */
const saved = new Map<string, readonly Buffer[]>()

/** Between two worlds nothing is known any more. */
export function forgetHashes(): void {
  saved.clear()
}

/**
 * As `startCommonHash`, by `node:crypto`: what hash-wasm compiles on a thread settles at no fixed moment.
 */
export const startHash: StartHash = (algorithm, state) => {
  if (algorithm !== 'md5' && algorithm !== 'sha256')
    return Promise.reject(new TypeError(`No hash is known by the name ${algorithm}.`))
  const chunks = [...(state === undefined ? [] : (saved.get(Buffer.from(state).toString()) ?? []))]
  return Promise.resolve({
    update: (chunk) => void chunks.push(Buffer.from(chunk)),
    save() {
      const name = `state ${String(saved.size)}`
      saved.set(name, [...chunks])
      return Buffer.from(name)
    },
    digest() {
      const hash = createHash(algorithm)
      for (const chunk of chunks) hash.update(chunk)
      return hash.digest('hex')
    },
  })
}
