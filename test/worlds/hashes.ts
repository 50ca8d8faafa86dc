import { createHash } from 'node:crypto'

/**
 * Stands in for the package `hash-wasm`, whose functions are compiled on a thread and settle at no fixed
 * moment. What a hash had taken until it was saved is kept under the state that it gave.
 */
const saved: (readonly Buffer[])[] = []

/** Between two worlds nothing is known any more. */
export function forgetHashes(): void {
  saved.length = 0
}

interface Hasher {
  init(): Hasher
  update(chunk: Uint8Array): Hasher
  digest(encoding?: 'binary'): string | Uint8Array
  save(): Uint8Array
  load(state: Uint8Array): Hasher
}

function hasher(algorithm: 'md5' | 'sha256'): Hasher {
  let chunks: Buffer[] = []
  const made: Hasher = {
    init() {
      chunks = []
      return made
    },
    update(chunk) {
      chunks.push(Buffer.from(chunk))
      return made
    },
    digest(encoding) {
      const hash = createHash(algorithm)
      for (const chunk of chunks) hash.update(chunk)
      return encoding === 'binary' ? new Uint8Array(hash.digest()) : hash.digest('hex')
    },
    save() {
      const state = Buffer.alloc(4)
      state.writeUInt32LE(saved.push([...chunks]) - 1)
      return state
    },
    load(state) {
      chunks = [...(saved[Buffer.from(state).readUInt32LE()] ?? [])]
      return made
    },
  }
  return made
}

export const createMD5 = (): Promise<Hasher> => Promise.resolve(hasher('md5'))
export const createSHA256 = (): Promise<Hasher> => Promise.resolve(hasher('sha256'))
