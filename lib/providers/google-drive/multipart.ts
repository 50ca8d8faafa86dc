import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { pipeline, Transform } from 'node:stream'
import { exactly, sourceFailure } from '../../net/exactly.ts'
import type { RequestBody } from '../../net/http-client.ts'
import type { ContentSource } from '../../storage/backend.ts'
import { openContent } from '../../storage/content.ts'
import { swallow } from '../../net/swallow.ts'

/**
 * Metadata and content as one `multipart/related` body of known length, streamed. The official client's own multipart has no
 * length and ends the process when the source fails. The closing boundary follows only a source that ended where it should.
 * https://developers.google.com/workspace/drive/api/guides/manage-uploads#multipart
 */
export function multipartRelated(
  metadata: Readonly<Record<string, unknown>>,
  content: ContentSource,
  contentType: string,
): { readonly contentType: string; readonly body: RequestBody } {
  const boundary = `driveway-${randomUUID()}`
  const head = Buffer.from(
    `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${JSON.stringify(metadata)}\r\n` +
      `--${boundary}\r\nContent-Type: ${contentType}\r\n\r\n`,
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  return {
    contentType: `multipart/related; boundary=${boundary}`,
    body: {
      length: head.length + content.size + tail.length,
      open: () => framed(head, exactly(openContent(content), content.size), tail),
    },
  }
}

function framed(head: Buffer, source: Readable, tail: Buffer): Readable {
  const frame = new Transform({
    transform(chunk, _encoding, done) {
      done(null, chunk)
    },
    flush(done) {
      done(null, tail)
    },
    destroy(error, done) {
      done(error && sourceFailure(error))
    },
  })
  frame.push(head)
  // The reader of the frame gets the error.
  pipeline(source, frame, swallow)
  return frame
}
