import { swallow } from './swallow.ts'

/** What is hashed and written in one go; so many of them bridge a drive's pause between two fragments. */
const bufferBytes = 1024 * 1024
const mostBuffers = 12

/** A few buffers that are filled in turn, taken in pieces, and filled again when their pieces are back. */
export interface Ring {
  /** How many bytes were filled in so far. */
  readonly received: number
  /** What is free of the buffer that is being filled. */
  readonly room: () => Uint8Array
  /** So many bytes were put into the room. */
  readonly fill: (bytes: number) => void
  /** False when the last free buffer is being filled: it takes what still comes before a pause holds. */
  readonly hasMore: () => boolean
  /** Called once, when there is more again. */
  readonly onMore: (then: () => void) => void
  /** The next bytes, at most so many, when there are any; rejects as `end` says. One take at a time. */
  readonly take: (most: number) => Promise<Uint8Array>
  readonly give: (piece: Uint8Array) => void
  /** Nothing more will be filled in. */
  readonly end: (reason: Error) => void
}

/** A ring for `total` bytes in all. */
export function openRing(total: number): Ring {
  const bytes = Math.min(bufferBytes, total)
  const idle: Buffer[] = []
  const full: Uint8Array[] = []
  /** Bytes of each buffer that are not back yet. */
  const out = new Map<ArrayBufferLike, number>()
  let received = 0
  let made = 0
  let buffer: Buffer | undefined
  let filled = 0
  let ended: Error | undefined
  let wake = swallow
  let more = swallow

  const fresh = (): Buffer => {
    const used = idle.pop()
    if (used) return used
    if (made === mostBuffers) throw new RangeError('There is no room left for what is read.')
    made += 1
    return Buffer.allocUnsafeSlow(bytes)
  }
  const next = (most: number): Uint8Array | undefined => {
    const [first] = full
    if (!first || first.length <= most) return full.shift()
    full[0] = first.subarray(most)
    return first.subarray(0, most)
  }
  return {
    get received() {
      return received
    },
    room: () => (buffer ??= fresh()).subarray(filled),
    fill(count) {
      received += count
      filled += count
      if (!buffer || (filled < buffer.length && received < total)) return
      full.push(buffer.subarray(0, filled))
      out.set(buffer.buffer, filled)
      filled = 0
      buffer = received < total ? fresh() : undefined
      wake()
    },
    hasMore: () => idle.length > 0 || made < mostBuffers,
    onMore: (then) => void (more = then),
    async take(most) {
      for (;;) {
        const piece = next(most)
        if (piece) return piece
        if (ended) throw ended
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await promise
      }
    },
    give({ buffer: whole, length }) {
      const left = out.get(whole)
      // A piece of another ring: the request that carried it was over late.
      if (left === undefined) return
      if (left > length) {
        out.set(whole, left - length)
        return
      }
      out.delete(whole)
      idle.push(Buffer.from(whole))
      const then = more
      more = swallow
      then()
    },
    end(reason) {
      ended = reason
      wake()
    },
  }
}
