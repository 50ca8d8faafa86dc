import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { sourceFailure } from '../net/exactly.ts'
import type { ResolvedRange } from './range.ts'

/** Bytes that can be read again from the start: what a retry needs. */
export interface ContentSource {
  /** The exact number of bytes that `open()` yields. */
  readonly size: number
  /** A new stream over all bytes, or over a part; the reader destroys it when it stops early. */
  open(range?: ResolvedRange): Readable
}

/** Bytes that are already in memory, as a source. */
export function contentOf(bytes: Uint8Array): ContentSource {
  return {
    size: bytes.length,
    open: (range) => Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes], byteStream),
  }
}

const byteStream = { objectMode: false } as const

/** Something that bytes are put into and a text comes out of. */
export interface Digest {
  update(chunk: Uint8Array): unknown
  digest(): string
}

/** A hash whose state can be taken to another process; `digest` ends nothing. */
export interface HashState extends Digest {
  save(): Uint8Array
}

/**
 * A stream over the source, or over a part of it; a source that cannot be opened fails as one that breaks.
 */
export function openContent(content: ContentSource, range?: ResolvedRange): Readable {
  try {
    return content.open(range)
  } catch (error) {
    throw sourceFailure(error)
  }
}

/** Reads a source from its start through `digest`. Errors: those of the source. */
export async function digestOf(content: ContentSource, digest: Digest): Promise<string> {
  const source = openContent(content)
  try {
    await pipeline(source, async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) digest.update(chunk)
    })
  } catch (error) {
    throw sourceFailure(error)
  }
  return digest.digest()
}

/** A hash of Node's own as a Digest in lower-case hex. */
export function hexDigest(algorithm: 'sha256' | 'md5'): Digest {
  const hash = createHash(algorithm)
  return { update: (chunk) => hash.update(chunk), digest: () => hash.digest('hex') }
}

/**
 * The content type as it may stand in a header or in a provider's metadata: printable ASCII, else
 * `application/octet-stream`.
 */
export function plainContentType(contentType: string): string {
  const plain = /^[\x20-\x7e]{1,255}$/.test(contentType) && contentType.includes('/')
  return plain ? contentType : 'application/octet-stream'
}
