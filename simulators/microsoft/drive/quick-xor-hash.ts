import type { RunningHash } from '../../kernel/hashes.ts'

/**
 * One byte moves the rotation by 11 bits in a circle of 160, so the
 * pattern of rotations repeats after 160 bytes.
 */
const PERIOD = 160
const WORDS = PERIOD / 4
const CIRCLE_BITS = 160

/**
 * Microsoft's quickXorHash, incrementally. Bytes at the same position modulo 160 get the same rotation,
 * so they are XORed together as words first and their bits are spread into the circle once, in `digest`.
 * https://learn.microsoft.com/onedrive/developer/code-snippets/quickxorhash
 *
 * `digest` gives the 20 bytes, which OneDrive shows in base64. The name is what a hash worker looks for.
 */
export function createHasher(): RunningHash {
  const folded = new Uint8Array(PERIOD)
  let length = 0

  const foldBytes = (chunk: Uint8Array, start: number, end: number): void => {
    let position = (length + start) % PERIOD
    for (let i = start; i < end; i++) {
      folded[position] = (folded[position] ?? 0) ^ (chunk[i] ?? 0)
      position = position + 1 === PERIOD ? 0 : position + 1
    }
  }

  return {
    update(chunk) {
      // A word view needs a 4-byte aligned start; what stands before
      // it, and behind the last whole period, goes bytewise.
      const head = Math.min((4 - (chunk.byteOffset % 4)) % 4, chunk.length)
      const periods = Math.floor((chunk.length - head) / PERIOD)
      const bodyEnd = head + periods * PERIOD
      foldBytes(chunk, 0, head)
      if (periods > 0) {
        const words = new Int32Array(chunk.buffer, chunk.byteOffset + head, periods * WORDS)
        const sums = new Uint8Array(foldWords(words).buffer)
        const phase = (length + head) % PERIOD
        for (let i = 0; i < PERIOD; i++) {
          const position = (phase + i) % PERIOD
          folded[position] = (folded[position] ?? 0) ^ (sums[i] ?? 0)
        }
      }
      foldBytes(chunk, bodyEnd, chunk.length)
      length += chunk.length
    },
    digest: () => spread(folded, length),
  }
}

/**
 * XORs all 160-byte periods of `words` into one; eight columns at a time, so that the sums stay in registers.
 */
function foldWords(words: Int32Array): Int32Array {
  const sums = new Int32Array(WORDS)
  const count = words.length
  for (let column = 0; column < WORDS; column += 8) {
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    let e = 0
    let f = 0
    let g = 0
    let h = 0
    for (let i = column; i < count; i += WORDS) {
      a ^= words[i] ?? 0
      b ^= words[i + 1] ?? 0
      c ^= words[i + 2] ?? 0
      d ^= words[i + 3] ?? 0
      e ^= words[i + 4] ?? 0
      f ^= words[i + 5] ?? 0
      g ^= words[i + 6] ?? 0
      h ^= words[i + 7] ?? 0
    }
    sums.set([a, b, c, d, e, f, g, h], column)
  }
  return sums
}

function spread(folded: Uint8Array, length: number): Buffer {
  // 21 bytes: a byte whose bits straddle the end of the circle
  // spills into the last one, which wraps into the first.
  const circle = new Uint8Array(21)
  let bit = 0
  for (const byte of folded) {
    const value = byte << (bit & 7)
    const at = bit >> 3
    circle[at] = (circle[at] ?? 0) ^ (value & 255)
    circle[at + 1] = (circle[at + 1] ?? 0) ^ (value >> 8)
    bit = (bit + 11) % CIRCLE_BITS
  }
  circle[0] = (circle[0] ?? 0) ^ (circle[20] ?? 0)
  const out = Buffer.from(circle.subarray(0, 20))
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(length))
  for (let i = 0; i < 8; i++) out[12 + i] = (out[12 + i] ?? 0) ^ (size[i] ?? 0)
  return out
}
