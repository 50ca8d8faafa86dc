import { invalidParameter } from './errors.ts'

/** Largest and smallest page that any list takes. */
const SIZES = [1, 1000] as const

/** `pageSize` of a list, or the list's own when there is none. @throws 400 invalidParameter */
export function pageSize(text: string | null, otherwise: number): number {
  if (text === null || text === '') return otherwise
  const size = Number(text)
  if (Number.isInteger(size) && size >= SIZES[0] && size <= SIZES[1]) return size
  const message = `Invalid value '${text}'. Values must be within the range: [1, 1000]`
  throw invalidParameter('pageSize', message, 'invalidParameter')
}

/** A page of a list that only grows at its end, by the number of what was shown before it. */
export function numberedPage<T>(
  all: readonly T[],
  query: URLSearchParams,
  size: number,
): { shown: T[]; next: string | undefined } {
  const token = query.get('pageToken') || '0'
  const start = /^\d{1,9}$/.test(token) ? Number(token) : undefined
  if (start === undefined) throw invalidParameter('pageToken')
  const end = start + pageSize(query.get('pageSize'), size)
  return { shown: all.slice(start, end), next: end < all.length ? String(end) : undefined }
}
