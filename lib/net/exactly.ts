import type { Readable } from 'node:stream'
import { pipeline, Transform } from 'node:stream'
import { ServiceError } from '../errors.ts'
import { swallow } from './swallow.ts'

/**
 * `source` as a stream of exactly `size` bytes. The last chunk is held back until the source has ended at the
 * right place, so that a request with wrong content never becomes complete at the other end.
 *
 * The reader must listen for errors: `invalid_request` for a wrong length, the source's own ServiceError,
 * else `internal_error`. Destroying the result destroys the source.
 */
export function exactly(source: Readable, size: number): Readable {
  let seen = 0
  let held: Uint8Array | undefined
  const wrongLength = (): ServiceError =>
    new ServiceError(
      'invalid_request',
      `The content does not have the announced length of ${String(size)} bytes.`,
    )
  const gate = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      seen += chunk.length
      if (seen > size) {
        done(wrongLength())
        return
      }
      const ready = held
      held = chunk
      done(null, ready)
    },
    flush(done) {
      if (seen === size) done(null, held)
      else done(wrongLength())
    },
    destroy(error, done) {
      done(error && sourceFailure(error))
    },
  })
  // The reader of the gate gets the error; without a callback the pipeline would throw it.
  pipeline(source, gate, swallow)
  return gate
}

/** What a failing source is to whoever sends it: its own ServiceError, or one that says no more. */
export function sourceFailure(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  return new ServiceError('internal_error', 'The content could not be read to its end.', { cause: error })
}
