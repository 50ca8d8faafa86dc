import type { Readable } from 'node:stream'
import { pipeline, Transform } from 'node:stream'
import { ServiceError } from '../errors.ts'
import { swallow } from './swallow.ts'

/**
 * `source` as a stream of exactly `size` bytes. The last chunk is held back until the source has ended at the right place, so that
 * a request whose content is too short, too long or broken never becomes complete at the other end.
 * Errors of the reader: `invalid_request` for a wrong length; a ServiceError of the source as it is; anything else as `internal_error`.
 * The reader must listen for errors (`finished` or a pipeline). Destroying the result destroys the source.
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

/** What a failing source is to the caller of a put: its own ServiceError, or one that says no more than that. */
export function sourceFailure(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  return new ServiceError('internal_error', 'The content could not be read to its end.', { cause: error })
}
