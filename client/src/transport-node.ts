import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { DrivewayError } from './errors.ts'
import type { PutAnswer, Transport, UploadSource } from './transport.ts'

/** No byte in either direction for this long means that the connection is dead, milliseconds. */
const idleMs = 120_000

/**
 * Sends through `node:http`: `fetch` keeps a whole streamed request body in memory
 * (nodejs/undici#4058) and sends it without the Content-Length that a presigned S3 URL asks for.
 */
export const nodeTransport: Transport = {
  readsInPieces: false,

  async put(url, { headers, source, signal, onSent }) {
    signal?.throwIfAborted()
    const target = new URL(url)
    const send = target.protocol === 'http:' ? httpRequest : httpsRequest
    const outgoing = send(target, {
      method: 'PUT',
      headers: { ...headers, 'content-length': source.size },
      ...(signal !== undefined && { signal }),
      timeout: idleMs,
    })
    outgoing.on('timeout', () => outgoing.destroy(new Error('The connection is idle.')))
    const answered = new Promise<PutAnswer>((resolve, reject) => {
      outgoing.on('error', reject)
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () => {
          const get = (name: string) => {
            const value = incoming.headers[name]
            return value === undefined ? null : String(value)
          }
          resolve({
            status: incoming.statusCode ?? 0,
            headers: { get },
            text: Buffer.concat(chunks).toString('utf8'),
          })
        })
      })
    })
    // A server may answer before it has read everything, and read no
    // more of it: then the answer counts, not the broken pipe.
    const sending = Promise.allSettled([pipeline(bytesOf(source, onSent), outgoing)])
    const [answer] = await Promise.allSettled([answered])
    outgoing.destroy()
    const [body] = await sending
    if (signal?.aborted === true) throw signal.reason
    if (answer.status === 'fulfilled') return answer.value
    const cause: unknown = body.status === 'rejected' ? body.reason : answer.reason
    throw new DrivewayError('network_error', 'The connection broke during the upload.', { cause })
  },

  async sha256(source, signal) {
    const hash = createHash('sha256')
    await pipeline(bytesOf(source), hash, { ...(signal !== undefined && { signal }) })
    return hash.digest('hex')
  },
}

/** A file on disk as an upload source; it is opened at each reading, so nothing has to be closed. */
export async function fileSource(
  path: string,
  options: { readonly type?: string } = {},
): Promise<UploadSource> {
  const { size } = await stat(path)
  return {
    size,
    name: basename(path),
    ...(options.type !== undefined && { type: options.type }),
    stream: () => fileStream(path),
    slice: (start, end) => ({ size: end - start, stream: () => fileStream(path, { start, end: end - 1 }) }),
  }
}

function fileStream(path: string, range: { start?: number; end?: number } = {}): ReadableStream<Uint8Array> {
  const file = createReadStream(path, range)
  const chunks: AsyncIterator<Buffer> = file[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    cancel() {
      file.destroy()
    },
  })
}

/** A source may give megabytes at once; smaller pieces keep the progress and the back-pressure fine. */
const pieceBytes = 256 * 1024

/** The bytes as they are asked for, told to `onSent` once they are handed on. */
async function* bytesOf(source: UploadSource, onSent?: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const reader = source.stream().getReader()
  let sent = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      for (let start = 0; start < value.byteLength; start += pieceBytes) {
        const piece = value.subarray(start, start + pieceBytes)
        yield piece
        sent += piece.byteLength
        onSent?.(sent)
      }
    }
  } finally {
    await reader.cancel()
  }
}
