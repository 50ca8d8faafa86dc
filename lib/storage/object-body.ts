import type { Readable } from 'node:stream'
import { pipeline, Transform } from 'node:stream'
import { networkFailure, unreachable } from '../net/http-client.ts'

/** Which bytes of an answer's body are wanted. */
export interface BodyPart {
  /** Bytes in front that are dropped: a server may answer a range with everything. */
  readonly skip?: number
  readonly length: number
}

/**
 * Exactly `length` bytes of `source`, with back-pressure. A source that ends too early ends the result with
 * `provider_unavailable`, as does a broken connection: a reader never takes a truncated object for a whole one.
 * What lies behind the wanted part is not read.
 */
export function objectBody(source: Readable, { skip = 0, length }: BodyPart): Readable {
  let toSkip = skip
  let left = length
  const gate = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const wanted = chunk.subarray(Math.min(toSkip, chunk.length)).subarray(0, left)
      toSkip -= Math.min(toSkip, chunk.length)
      left -= wanted.length
      done(null, wanted.length > 0 ? wanted : undefined)
      if (left === 0) {
        gate.end()
        source.unpipe(gate)
        source.resume()
      }
    },
    flush(done) {
      done(left === 0 ? null : unreachable('The object broke off before its end.', false))
    },
    destroy(error, done) {
      done(error && networkFailure(error, false))
    },
  })
  pipeline(source, gate, ignoreHere)
  return gate
}

/** The error arrives at the reader of the gate. */
function ignoreHere(): void {}
