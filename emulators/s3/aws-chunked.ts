import { Transform, type TransformCallback } from 'node:stream'
import { S3Error } from './errors.ts'

const maxLineBytes = 16 * 1024

/**
 * Takes the `aws-chunked` framing off a request body and collects its trailers (the SDK sends its
 * default checksum as one). Chunk signatures are not checked: the request's own signature is.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
export class AwsChunkedDecoder extends Transform {
  readonly trailers = new Map<string, string>()
  #state: 'size' | 'data' | 'data-end' | 'trailers' | 'done' = 'size'
  #line = ''
  #left = 0

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#consume(chunk)
      done()
    } catch (error) {
      done(error instanceof Error ? error : new Error('unreadable chunk'))
    }
  }

  override _flush(done: TransformCallback): void {
    const complete = this.#state === 'done' || this.#state === 'trailers'
    done(complete ? null : new S3Error('IncompleteBody', 'The chunked body ended early'))
  }

  #consume(chunk: Buffer): void {
    let offset = 0
    while (offset < chunk.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const taken = Math.min(this.#left, chunk.length - offset)
        this.push(chunk.subarray(offset, offset + taken))
        offset += taken
        this.#left -= taken
        if (this.#left === 0) this.#state = 'data-end'
        continue
      }
      const newline = chunk.indexOf(10, offset)
      const end = newline < 0 ? chunk.length : newline
      this.#line += chunk.toString('latin1', offset, end)
      if (this.#line.length > maxLineBytes) throw new S3Error('InvalidRequest', 'A chunk header is too long')
      offset = end + 1
      if (newline >= 0) this.#endLine(this.#line.replace(/\r$/, ''))
    }
  }

  #endLine(line: string): void {
    this.#line = ''
    if (this.#state === 'data-end') {
      if (line !== '') throw new S3Error('InvalidRequest', 'A chunk is longer than its header says')
      this.#state = 'size'
    } else if (this.#state === 'size') {
      const size = /^([0-9a-f]{1,8})(?:;|$)/i.exec(line)?.[1]
      if (size === undefined) throw new S3Error('InvalidRequest', 'A chunk header is malformed')
      this.#left = Number.parseInt(size, 16)
      this.#state = this.#left === 0 ? 'trailers' : 'data'
    } else if (line === '') {
      this.#state = 'done'
    } else {
      const at = line.indexOf(':')
      this.trailers.set(line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim())
    }
  }
}
