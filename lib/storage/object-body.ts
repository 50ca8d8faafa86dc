import { finished, Transform, type Readable } from 'node:stream'
import { networkFailure, unreachable } from '../net/http-client.ts'
import { swallow } from '../net/swallow.ts'

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
