import { createHash } from 'node:crypto'
import { finished, Transform, type Readable } from 'node:stream'
import { ServiceError } from '../errors.ts'
import type { Pieces } from '../net/exactly.ts'
import { sourceFailure } from '../net/exactly.ts'
import { networkFailure, unreachable } from '../net/http-client.ts'
import { swallow } from '../net/swallow.ts'

/** As in an HTTP range: `end` left out means to the last byte, `suffix` asks for the last n bytes. */
export type ByteRange = { readonly start: number; readonly end?: number } | { readonly suffix: number }

/** A range within an object of known size, both ends inclusive. */
export interface ResolvedRange {
  readonly start: number
  readonly end: number
}

/**
 * `range` within `size` bytes, cut at the end; `range_not_satisfiable` when no byte of the object is in it.
 */
export function resolveRange(range: ByteRange, size: number): ResolvedRange {
  const start = 'suffix' in range ? Math.max(0, size - range.suffix) : range.start
  const end = 'suffix' in range ? size - 1 : Math.min(range.end ?? size - 1, size - 1)
  if (start > end || start < 0) throw rangeNotSatisfiable(size)
  return { start, end }
}

/** The 416 of the HTTP contract; `size` ends up in its `Content-Range`. */
export function rangeNotSatisfiable(size: number): ServiceError {
  return new ServiceError(
    'range_not_satisfiable',
    `The range lies outside the object’s ${String(size)} bytes.`,
    { context: { size } },
  )
}

/** The value of a `Range` header. */
export function rangeHeader({ start, end }: ResolvedRange): string {
  return `bytes=${String(start)}-${String(end)}`
}

/** The value of a `Content-Range` header for `length` bytes that start at `offset`. */
export function contentRange(offset: number, length: number, total: number): string {
  return `bytes ${String(offset)}-${String(offset + length - 1)}/${String(total)}`
}

/** Bytes that can be read again from the start: what a retry needs. */
export interface ContentSource extends Pieces {
  /** All bytes, or a part of them. */
  open(range?: ResolvedRange): AsyncIterable<Uint8Array>
}

/** Bytes that are already in memory, as a source. */
export function contentOf(bytes: Uint8Array): ContentSource {
  return {
    size: bytes.length,
    // oxlint-disable-next-line require-await -- it is asked as sources are that have to wait
    async *open(range) {
      yield range ? bytes.subarray(range.start, range.end + 1) : bytes
    },
  }
}

/** A part of a source, as what a request carries. */
export function partOf(content: ContentSource, range: ResolvedRange): Pieces {
  return { ...content, size: range.end - range.start + 1, open: () => content.open(range) }
}

/** Something that bytes are put into and a text comes out of. */
export interface Digest {
  update(chunk: Uint8Array): unknown
  digest(): string
}

/** A hash whose state can be taken to another process; `digest` ends nothing. */
export interface HashState extends Digest {
  save(): Uint8Array
}

/** Reads a source from its start through `digest`. Errors: those of the source. */
export async function digestOf(content: ContentSource, digest: Digest): Promise<string> {
  try {
    for await (const piece of content.open()) {
      digest.update(piece)
      content.spent?.(piece)
    }
  } catch (error) {
    throw sourceFailure(error)
  }
  return digest.digest()
}

/** A hash of Node's own in lower-case hex; asking for its digest ends nothing. */
export function hexDigest(algorithm: 'sha256' | 'md5'): Digest {
  const hash = createHash(algorithm)
  return { update: (chunk) => hash.update(chunk), digest: () => hash.copy().digest('hex') }
}

/**
 * The content type as it may stand in a header or in a provider's metadata: printable ASCII, else
 * `application/octet-stream`.
 */
export function plainContentType(contentType: string): string {
  const plain = /^[\x20-\x7e]{1,255}$/.test(contentType) && contentType.includes('/')
  return plain ? contentType : 'application/octet-stream'
}

/** Which bytes of an answer's body are wanted. */
export interface BodyPart {
  /** Bytes in front that are dropped. */
  readonly skip?: number
  readonly length: number
  /**
   * The answer holds more than was asked for (a server may answer a range with everything): what lies behind
   * is not read.
   */
  readonly more?: boolean
}

/**
 * Exactly `length` bytes of `source`, with back-pressure. A source that ends too early or goes on too long
 * ends the result with `provider_unavailable`, as does a broken connection: a reader never takes a truncated
 * object for a whole one.
 */
export function objectBody(source: Readable, { skip = 0, length, more = false }: BodyPart): Readable {
  let toSkip = skip
  let left = length
  const gate = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const content = chunk.subarray(toSkip)
      toSkip -= chunk.length - content.length
      const wanted = content.subarray(0, left)
      left -= wanted.length
      if (wanted.length === content.length) {
        done(null, wanted.length > 0 ? wanted : undefined)
      } else if (more) {
        source.unpipe(gate)
        done(null, wanted)
        gate.end()
        source.destroy()
      } else {
        done(wrongLength())
      }
    },
    flush(done) {
      done(left === 0 ? null : wrongLength())
    },
    destroy(error, done) {
      source.destroy()
      done(error && networkFailure(error, false))
    },
  })
  finished(source, { writable: false }, (error) => {
    if (error && !gate.writableEnded) gate.destroy(error)
  })
  // A reader that has not begun to listen yet must not bring the process down.
  gate.on('error', swallow)
  return source.pipe(gate)
}

function wrongLength(): Error {
  return unreachable('The object did not arrive whole.', false)
}
