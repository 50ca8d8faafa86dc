import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { finished, Readable, Transform } from 'node:stream'
import type { FaultAction } from './faults.ts'
import type { Latency } from './latency.ts'
import type { Random } from './random.ts'

/** What a tap does to the bytes that pass through it. */
export interface TapOptions {
  socket: Socket
  latency: Latency
  random: Random
  count(bytes: number): void
  /** pass only this many bytes; the rest is read and dropped */
  keep?: number
  /** after this many bytes `cut` is called and nothing passes any more */
  cutAfter?: number
  cut?(): void
  /** flip one bit */
  corrupt?: boolean
  /** how many bytes are to come, when known: bounds where the flipped bit may be */
  length?: number | undefined
}

/** A stream in the middle that counts, paces, and applies the faults that concern bytes. */
export function tap(options: TapOptions): Transform {
  let seen = 0
  const flipAt = options.corrupt
    ? options.random.integer(Math.max(1, Math.min(options.length ?? 1, 4096)))
    : -1
  const bit = options.corrupt ? 1 << options.random.integer(8) : 0

  const shape = (chunk: Buffer): Buffer | undefined => {
    const from = seen
    seen += chunk.length
    options.count(chunk.length)
    let piece = chunk
    if (flipAt >= from && flipAt < seen) {
      piece = Buffer.from(chunk)
      piece[flipAt - from] = (piece[flipAt - from] ?? 0) ^ bit
    }
    const room = Math.min(options.keep ?? Infinity, options.cutAfter ?? Infinity) - from
    return room >= piece.length ? piece : piece.subarray(0, Math.max(0, room))
  }
  const stream = new Transform({
    readableHighWaterMark: 1024 * 1024,
    writableHighWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      const slice = options.latency.slice()
      if (slice !== undefined) {
        void paced(chunk, slice, done)
        return
      }
      pass(chunk)
      done()
    },
  })
  const pass = (chunk: Buffer): void => {
    const piece = shape(chunk)
    if (piece !== undefined && piece.length > 0) stream.push(piece)
    if (options.cutAfter !== undefined && seen >= options.cutAfter) options.cut?.()
  }
  const paced = async (chunk: Buffer, slice: number, done: () => void): Promise<void> => {
    for (let at = 0; at < chunk.length && !stream.destroyed; at += slice) {
      const part = chunk.subarray(at, at + slice)
      await options.latency.pace(options.socket, part.length)
      if (!stream.destroyed) pass(part)
    }
    done()
  }
  return stream
}

/**
 * The body of a request that nothing is done to: counted, and ending normally also when the connection breaks
 * off, which `lost` tells. Much lighter than a tap, which matters at hundreds of megabytes in a second.
 */
export function plainBody(req: IncomingMessage, count: (bytes: number) => void, lost: () => void): Readable {
  const body = new Readable({
    highWaterMark: 1024 * 1024,
    read() {
      req.resume()
    },
  })
  req.on('data', (chunk: Buffer) => {
    count(chunk.length)
    if (!body.push(chunk)) req.pause()
  })
  finished(req, { writable: false }, (error) => {
    if (error) lost()
    body.push(null)
  })
  return body
}

/** The first `bytes` bytes of `source`, which is closed after them. */
export async function* firstBytes(source: Readable, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes
  if (left === 0) source.destroy()
  else {
    for await (const chunk of source) {
      const piece: Buffer = chunk.subarray(0, left)
      left -= piece.length
      yield piece
      if (left === 0) return
    }
  }
}

/** The part of a fault that concerns the request body, as tap options. `reset` is told through `cut`. */
export function requestFault(
  fault: FaultAction | undefined,
  carriesContent: boolean,
): Pick<TapOptions, 'keep' | 'cutAfter' | 'corrupt'> {
  if (fault?.type === 'partial') return { keep: fault.bytes }
  if (fault?.type === 'reset') return { cutAfter: fault.afterBytes ?? 0 }
  if (fault?.type === 'corrupt' && carriesContent) return { corrupt: true }
  return {}
}
