import type { ByteRange } from '../storage/bytes.ts'

/**
 * Parses a `Range` header of one byte range. Undefined when there is none or when
 * it is one that a server may ignore (another unit, several ranges, nonsense), as
 * RFC 9110 §14.2 allows. https://www.rfc-editor.org/rfc/rfc9110#section-14.2
 */
export function parseRange(header: string | undefined): ByteRange | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header?.trim() ?? '')
  const [, first, last] = match ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  if (first === '') return { suffix: Number(last) }
  const start = Number(first)
  if (last === '') return { start }
  const end = Number(last)
  return end < start ? undefined : { start, end }
}

/** How many bytes of an object of `size` bytes the range asks for. */
export function rangeLength(range: ByteRange | undefined, size: number): number {
  if (range === undefined) return size
  if ('suffix' in range) return Math.min(range.suffix, size)
  return Math.max(0, Math.min(range.end ?? size - 1, size - 1) - range.start + 1)
}
