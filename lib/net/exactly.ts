import { ServiceError } from '../errors.ts'

/** Bytes that are made as they are sent. */
export interface Pieces {
  /** The exact number of bytes that `open()` yields. */
  readonly size: number
  /** Called once for each time that the request is sent. */
  open(): AsyncIterable<Uint8Array>
  /** The piece is out: its memory may be used again. A request that ends early does not tell of all. */
  readonly spent?: (piece: Uint8Array) => void
}

/**
 * The pieces of a body, exactly as many bytes as it says; each is the caller's until it asks for the next.
 * The last is held back until its source has ended there: wrong content never completes a request.
 *
 * Rejects with `invalid_request` for a wrong length, the source's own ServiceError, else `internal_error`.
 */
export async function* exactly(body: Pieces): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of exactlyKept(body)) {
    yield piece
    body.spent?.(piece)
  }
}

/** As `exactly`, for who keeps pieces longer and tells of each when it is spent. */
export async function* exactlyKept(body: Pieces): AsyncGenerator<Uint8Array, void, void> {
  const { size } = body
  let seen = 0
  let last: Uint8Array | undefined
  try {
    for await (const piece of body.open()) {
      seen += piece.length
      if (seen > size) break
      if (seen < size) yield piece
      else if (piece.length > 0) last = piece
    }
  } catch (error) {
    throw sourceFailure(error)
  }
  if (seen !== size) {
    const detail = `The content does not have the announced length of ${String(size)} bytes.`
    throw new ServiceError('invalid_request', detail)
  }
  if (last) yield last
}

/** What a failing source is to whoever sends it: its own ServiceError, or one that says no more. */
export function sourceFailure(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  return new ServiceError('internal_error', 'The content could not be read to its end.', { cause: error })
}
