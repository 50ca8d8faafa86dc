import type { HashState } from '../../storage/bytes.ts'

/**
 * quickXorHash, the one content hash that every OneDrive account gives.
 * https://learn.microsoft.com/onedrive/developer/code-snippets/quickxorhash
 *
 * Byte i is rotated by (11 * i) mod 160 bits, so bytes that stand 160 apart get the same rotation. The
 * content is folded by plain XOR into one block of 160 bytes, in 32-bit words, and rotated once at the end.
 */
const blockBytes = 160
const blockWords = blockBytes / 4
const stepBits = 11
const widthBits = 160
/** What is copied to an aligned place when a chunk does not start on a word. */
const scratchBytes = blockBytes * 256

/**
 * Starts a hash, or goes on from a state that `save()` gave; a state of another size is an error of ours. The
 * state is the folded block and the length as a 64-bit little-endian integer (168 bytes); the digest is
 * base64, 28 characters.
 */
export function createQuickXor(saved?: Uint8Array): HashState {
  const block = new Uint8Array(blockBytes)
  const words = new Int32Array(block.buffer)
  const scratch = new Uint8Array(scratchBytes)
  let length = 0
  if (saved) {
    if (saved.length !== blockBytes + 8) throw new TypeError('Not a quickXorHash state.')
    block.set(saved.subarray(0, blockBytes))
    length = Number(new DataView(saved.buffer, saved.byteOffset + blockBytes, 8).getBigUint64(0, true))
  }

  const foldBytes = (chunk: Uint8Array, from: number, to: number): void => {
    let at = (length + from) % blockBytes
    for (let index = from; index < to; index += 1) {
      block[at] = (block[at] ?? 0) ^ (chunk[index] ?? 0)
      at = at + 1 === blockBytes ? 0 : at + 1
    }
  }

  const update = (chunk: Uint8Array): void => {
    const head = Math.min(chunk.length, (blockBytes - (length % blockBytes)) % blockBytes)
    foldBytes(chunk, 0, head)
    const blocks = Math.floor((chunk.length - head) / blockBytes)
    const end = head + blocks * blockBytes
    if ((chunk.byteOffset + head) % 4 === 0) {
      foldWords(words, new Int32Array(chunk.buffer, chunk.byteOffset + head, blocks * blockWords))
    } else {
      for (let at = head; at < end; at += scratchBytes) {
        const piece = chunk.subarray(at, Math.min(end, at + scratchBytes))
        scratch.set(piece)
        foldWords(words, new Int32Array(scratch.buffer, 0, piece.length / 4))
      }
    }
    foldBytes(chunk, end, chunk.length)
    length += chunk.length
  }

  return {
    update,
    save() {
      const state = Buffer.alloc(blockBytes + 8)
      state.set(block)
      state.writeBigUInt64LE(BigInt(length), blockBytes)
      return state
    },
    digest: () => spread(block, length),
  }
}

/**
 * XORs whole blocks of `source` into `words`; four blocks at a time halve the loads and stores of the state.
 */
function foldWords(words: Int32Array, source: Int32Array): void {
  const four = blockWords * 4
  let base = 0
  for (; base + four <= source.length; base += four) {
    for (let word = 0; word < blockWords; word += 1) {
      const at = base + word
      words[word] =
        (words[word] ?? 0) ^
        (source[at] ?? 0) ^
        (source[at + blockWords] ?? 0) ^
        (source[at + 2 * blockWords] ?? 0) ^
        (source[at + 3 * blockWords] ?? 0)
    }
  }
  for (; base < source.length; base += blockWords) {
    for (let word = 0; word < blockWords; word += 1)
      words[word] = (words[word] ?? 0) ^ (source[base + word] ?? 0)
  }
}

function spread(block: Uint8Array, length: number): string {
  // One byte more than the hash: what straddles the end of the circle comes back to byte 0.
  const hash = Buffer.alloc(widthBits / 8 + 1)
  for (let index = 0; index < blockBytes; index += 1) {
    const bit = (index * stepBits) % widthBits
    const value = (block[index] ?? 0) << (bit & 7)
    const at = bit >> 3
    hash[at] = (hash[at] ?? 0) ^ (value & 255)
    hash[at + 1] = (hash[at + 1] ?? 0) ^ (value >> 8)
  }
  hash[0] = (hash[0] ?? 0) ^ (hash[20] ?? 0)
  hash.writeBigUInt64LE(hash.readBigUInt64LE(12) ^ BigInt(length), 12)
  return hash.toString('base64', 0, 20)
}
