import { createHash } from 'node:crypto'
import type { Digest, HashState } from '../../storage/bytes.ts'

/**
 * SHA-256 over the SHA-256 of every 4 MiB, in lower-case hex.
 * https://www.dropbox.com/developers/reference/content-hash
 */
const blockBytes = 4 * 1024 * 1024

/** The content hash of what is read in one go: Node's own hashes, and no content is kept. */
export function contentHash(): Digest {
  const whole = createHash('sha256')
  let block = createHash('sha256')
  let inBlock = 0
  return {
    update(chunk) {
      for (const piece of piecesOf(chunk, inBlock)) {
        block.update(piece)
        inBlock = (inBlock + piece.length) % blockBytes
        if (inBlock > 0) continue
        whole.update(block.digest())
        block = createHash('sha256')
      }
    },
    digest() {
      const end = whole.copy()
      if (inBlock > 0) end.update(block.copy().digest())
      return end.digest('hex')
    },
  }
}

/**
 * Starts a content hash whose state can be taken elsewhere, or goes on from one that `save` gave. The state
 * is that of the finished blocks, the length of the next one so far, and the state of that.
 */
export async function resumableContentHash(saved?: Uint8Array): Promise<HashState> {
  const { createSHA256 } = await import('hash-wasm')
  const [whole, part] = await Promise.all([createSHA256(), createSHA256()])
  const stateBytes = whole.init().save().length
  // Node's hash is several times as fast as one that has a state: the block under way is kept for it.
  let kept = Buffer.alloc(0)
  let inBlock = 0
  /** The block began in another process: its first bytes are in `part` alone. */
  let resumed = false
  if (saved) {
    if (saved.length !== 2 * stateBytes + 4) throw new TypeError('Not the state of a content hash.')
    whole.load(saved.subarray(0, stateBytes))
    inBlock = Buffer.from(saved).readUInt32LE(stateBytes)
    part.load(saved.subarray(stateBytes + 4))
    resumed = inBlock > 0
  }
  /** There is never more room than what came asks for, twice. */
  const keep = (piece: Uint8Array): void => {
    const wanted = inBlock + piece.length
    if (wanted > kept.length)
      kept = Buffer.concat([kept.subarray(0, inBlock)], Math.min(blockBytes, 2 * wanted))
    kept.set(piece, inBlock)
  }
  const begun = () => (resumed ? part : part.init().update(kept.subarray(0, inBlock)))
  const ofBlock = (): Uint8Array => {
    if (!resumed) return createHash('sha256').update(kept.subarray(0, inBlock)).digest()
    const state = part.save()
    const digest = part.digest('binary')
    part.init().load(state)
    return digest
  }

  return {
    update(chunk) {
      for (const piece of piecesOf(chunk, inBlock)) {
        if (resumed) part.update(piece)
        else keep(piece)
        inBlock += piece.length
        if (inBlock < blockBytes) continue
        whole.update(ofBlock())
        inBlock = 0
        resumed = false
      }
    },
    save() {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(inBlock)
      return Buffer.concat([whole.save(), length, begun().save()])
    },
    digest() {
      const state = whole.save()
      if (inBlock > 0) whole.update(ofBlock())
      const value = whole.digest('hex')
      whole.init().load(state)
      return value
    },
  }
}

/** A chunk, cut where blocks end, when so many bytes of a block are there already. */
function* piecesOf(chunk: Uint8Array, inBlock: number): Generator<Uint8Array> {
  for (let at = 0, room = blockBytes - inBlock; at < chunk.length; room = blockBytes) {
    yield chunk.subarray(at, at + room)
    at += room
  }
}
