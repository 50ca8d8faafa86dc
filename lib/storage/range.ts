import { ServiceError } from '../errors.ts'

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
