import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { ContentSource, ResolvedRange } from '../../lib/storage/bytes.ts'

/** A source whose bytes come as a stream. */
interface StreamSource extends ContentSource {
  open(range?: ResolvedRange): Readable
}

const block = 64 * 1024

/** 256 bytes for each number that they can begin with: made one by one, bytes cost more than their test. */
const rows = Buffer.from(Array.from({ length: 65_536 }, (_, at) => (at & 255) * 31 + (at >> 8)))

/** The bytes from `start` to `end` (inclusive) of an endless text in which no two blocks are alike. */
export function bytesAt(start: number, end: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(Math.max(0, end - start + 1))
  for (let at = start; at <= end;) {
    const next = Math.min(end + 1, (at | 255) + 1)
    const row = (((at >> 8) * 17 + (at >> 16) * 7 + seed) & 255) * 256
    rows.copy(bytes, at - start, row + (at & 255), row + ((next - 1) & 255) + 1)
    at = next
  }
  return bytes
}

/** A source of `size` known bytes, made as they are read; `opened` counts how often it was. */
export function generated(size: number, seed = 1): StreamSource & { opened: number } {
  const source = {
    size,
    opened: 0,
    open(range?: { readonly start: number; readonly end: number }): Readable {
      source.opened += 1
      let at = range?.start ?? 0
      const end = Math.min(range?.end ?? size - 1, size - 1)
      return new Readable({
        read() {
          if (at > end) {
            this.push(null)
            return
          }
          const next = Math.min(end, at + block - 1)
          const chunk = bytesAt(at, next, seed)
          at = next + 1
          this.push(chunk)
        },
      })
    },
  }
  return source
}

/** Says that it has `size` bytes, and gives `actual`. */
export function ofWrongLength(size: number, actual: number): StreamSource {
  return { size, open: (range) => generated(actual).open(range && { start: range.start, end: actual - 1 }) }
}

/** Breaks with `error` after `after` bytes. */
export function breaking(size: number, after: number, error: Error): StreamSource {
  return {
    size,
    open(range) {
      let at = range?.start ?? 0
      const end = Math.min(range?.end ?? size - 1, after - 1)
      return new Readable({
        read() {
          if (at > end) {
            if (end < after - 1) this.push(null)
            else this.destroy(error)
            return
          }
          const next = Math.min(end, at + block - 1)
          this.push(bytesAt(at, next))
          at = next + 1
        },
      })
    },
  }
}

export async function sha256Of(source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of source) hash.update(chunk)
  return hash.digest('hex')
}

export async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}
