import type { Readable } from 'node:stream'
import type { Clock } from '../clock.ts'
import { isServiceError } from '../errors.ts'

/** The bytes of one pinned object; another object under the same name is another source. */
export interface ByteSource {
  readonly size: number
  /**
   * A stream over `start..end` (inclusive). Rejects with
   * SourceChanged when the object was replaced or removed.
   */
  read(start: number, end: number, signal: AbortSignal): Promise<Readable>
}

/** The pinned object is no longer what stands there: it was replaced or deleted. */
export class SourceChanged extends Error {
  override readonly name = 'SourceChanged'
}

export interface ReadAhead {
  /** Yields the next `length` bytes. One take at a time. */
  take(length: number): AsyncGenerator<Buffer, void, void>
  /** Stops what is being read. */
  close(): void
}

export interface ReadAheadOptions {
  readonly clock: Clock
  readonly signal?: AbortSignal
  /** One ranged read. */
  readonly partBytes?: number
  /** How many parts are asked for before they are wanted: the memory in use is `ahead + 1` parts. */
  readonly ahead?: number
}

const defaultPartBytes = 2 * 1024 * 1024
const readTries = 4

/**
 * Reads `source` from `start` to its end in ranged parts, some of them before they are wanted, so
 * that reading and sending overlap. A part whose read breaks off is read again from where it broke.
 */
export function openReadAhead(source: ByteSource, start: number, options: ReadAheadOptions): ReadAhead {
  const { partBytes = defaultPartBytes, ahead = 2 } = options
  const stop = new AbortController()
  const signal = options.signal ? AbortSignal.any([stop.signal, options.signal]) : stop.signal
  const parts: Promise<Buffer[]>[] = []
  let asked = start
  let rest: Buffer[] = []

  const ask = (): void => {
    while (asked < source.size && parts.length <= ahead) {
      const part = readPart(source, asked, Math.min(asked + partBytes, source.size), signal, options.clock)
      // Whoever takes the part sees its error; a part that nobody takes must not end the process.
      part.catch(() => undefined)
      parts.push(part)
      asked += partBytes
    }
  }

  const nextChunk = async (): Promise<Buffer> => {
    for (;;) {
      const chunk = rest.shift()
      if (chunk) return chunk
      ask()
      const part = parts.shift()
      if (!part) throw new RangeError('More bytes were wanted than the source has.')
      rest = await part
      ask()
    }
  }

  return {
    async *take(length) {
      let left = length
      while (left > 0) {
        const chunk = await nextChunk()
        if (chunk.length > left) rest.unshift(chunk.subarray(left))
        const piece = chunk.length > left ? chunk.subarray(0, left) : chunk
        left -= piece.length
        yield piece
      }
    },
    close() {
      stop.abort()
      parts.length = 0
      rest = []
    },
  }
}

/** All bytes of `start..end` (exclusive), in the chunks they came in. */
async function readPart(
  source: ByteSource,
  start: number,
  end: number,
  signal: AbortSignal,
  clock: Clock,
): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  let at = start
  for (let tried = 1; ; tried += 1) {
    try {
      const stream = await source.read(at, end - 1, signal)
      for await (const chunk of stream) {
        const bytes: Buffer = chunk
        chunks.push(bytes)
        at += bytes.length
      }
      if (at === end) return chunks
      if (at > end) throw new SourceChanged('The source gave more bytes than were asked for.')
      // A body that ends short without an error is a connection that broke.
    } catch (error) {
      signal.throwIfAborted()
      const final = error instanceof SourceChanged || (isServiceError(error) && !error.retry.retryable)
      if (final || tried >= readTries) throw error
    }
    if (tried >= readTries) throw new SourceChanged('The source keeps ending before its declared size.')
    await clock.sleep(50 * 2 ** tried, signal)
  }
}
