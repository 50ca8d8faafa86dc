import type { Change } from '../catalog/document.ts'
import type { HashAlgorithm, ProviderId } from '../providers/registry.ts'
import { aboutOf } from '../providers/registry.ts'
import type { Digest, HashState } from '../storage/bytes.ts'
import { hexDigest } from '../storage/bytes.ts'

/** Hashes a document from its first byte on, in one or several algorithms, over any number of processes. */
export interface ContentHash {
  /** How many bytes went in; the next byte that it wants. */
  readonly position: number
  readonly algorithms: readonly HashAlgorithm[]
  /**
   * Takes the bytes that start at `offset`; those that it has seen
   * already are skipped. A gap is an error of ours.
   */
  update(chunk: Uint8Array, offset: number): void
  /** The whole state as text, to go on from in another process; undefined where that begins anew. */
  save(): string | undefined
  /**
   * sha256 and md5 as lower-case hex, others as their provider writes
   * them; undefined for an algorithm that was not asked for. Ends nothing.
   */
  digest(algorithm: HashAlgorithm): string | undefined
}

/** What bytes at hand are known by at a provider; undefined where they are not at hand, or it has no hash. */
export async function proofOf(
  startHash: StartHash,
  provider: ProviderId,
  bytes: Buffer | undefined,
): Promise<Change['proof']> {
  const algorithm = aboutOf(provider).hash?.algorithm as HashAlgorithm | undefined
  if (bytes === undefined || algorithm === undefined) return undefined
  const hash = await createContentHash(startHash, [algorithm], bytes.length)
  hash.update(bytes, 0)
  const value = hash.digest(algorithm)
  return value === undefined ? undefined : { algorithm, value }
}

/**
 * Starts one hash, or goes on from a state that its `save` gave.
 * Rejects for an algorithm that it does not know.
 */
export type StartHash = (algorithm: HashAlgorithm, saved?: Uint8Array) => Promise<HashState>

/**
 * The bytes hashed in one go: 64 KiB take well under a millisecond,
 * so a large chunk does not hold up the event loop for long.
 */
const sliceBytes = 1024 * 1024

/**
 * A document up to this size is sent by one attempt, but for a crash. Node's own hash takes a fifth of the
 * time of one whose state can be saved; after a crash it reads the bytes again, which costs less than that.
 */
const nativeBytes = 8 * 1024 ** 3

/**
 * Starts the hash of `size` bytes, or goes on from `saved` when that state is of the same algorithms;
 * a state that does not fit is dropped, and the hash begins again at position 0.
 */
export async function createContentHash(
  startHash: StartHash,
  wanted: readonly HashAlgorithm[],
  size: number,
  saved?: string,
): Promise<ContentHash> {
  const algorithms = [...new Set(wanted)].sort()
  const state = saved === undefined ? undefined : parseState(saved, algorithms)
  const running = new Map<HashAlgorithm, Digest & Partial<HashState>>()
  for (const algorithm of algorithms) {
    const isNative = (algorithm === 'sha256' || algorithm === 'md5') && size <= nativeBytes && !state
    running.set(
      algorithm,
      isNative ? hexDigest(algorithm) : await startHash(algorithm, state?.states.get(algorithm)),
    )
  }
  let position = state?.position ?? 0

  const feed = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; at += sliceBytes) {
      const slice = bytes.subarray(at, at + sliceBytes)
      for (const hash of running.values()) hash.update(slice)
    }
  }

  return {
    algorithms,
    get position() {
      return position
    },
    update(chunk, offset) {
      if (offset > position)
        throw new RangeError(`A gap in what is hashed: ${String(position)} to ${String(offset)}.`)
      const known = position - offset
      if (known >= chunk.length) return
      feed(known === 0 ? chunk : chunk.subarray(known))
      position = offset + chunk.length
    },
    save() {
      const parts: string[] = []
      for (const [name, hash] of running) {
        const saved = hash.save?.()
        if (saved === undefined) return undefined
        parts.push(`${name}:${Buffer.from(saved).toString('base64')}`)
      }
      return [String(position), ...parts].join(' ')
    },
    digest: (algorithm) => running.get(algorithm)?.digest(),
  }
}

/** The hashes that every provider may use. */
export const startCommonHash: StartHash = async (algorithm, saved) => {
  if (algorithm !== 'md5' && algorithm !== 'sha256')
    throw new TypeError(`No hash is known by the name ${algorithm}.`)
  // Loaded on first use: half of the functions that can hash never do.
  const { createMD5, createSHA256 } = await import('hash-wasm')
  const hasher = await (algorithm === 'md5' ? createMD5() : createSHA256())
  hasher.init()
  if (saved) hasher.load(saved)
  return {
    update: (chunk) => void hasher.update(chunk),
    save: () => hasher.save(),
    digest() {
      // The library's digest ends the hash; the state is put back, so
      // that a repeated verification sees the same.
      const state = hasher.save()
      const value = hasher.digest('hex')
      hasher.init()
      hasher.load(state)
      return value
    },
  }
}

function parseState(
  saved: string,
  algorithms: readonly HashAlgorithm[],
): { position: number; states: Map<string, Uint8Array> } | undefined {
  const [position, ...parts] = saved.split(' ')
  const states = new Map<string, Uint8Array>()
  for (const part of parts) {
    const [name = '', value = ''] = part.split(':')
    states.set(name, Buffer.from(value, 'base64'))
  }
  const fits =
    /^\d+$/.test(position ?? '') &&
    states.size === algorithms.length &&
    algorithms.every((name) => states.has(name))
  return fits ? { position: Number(position), states } : undefined
}
