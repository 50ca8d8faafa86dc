/** A `Content-Range` of an upload request. `total` undefined stands for `*`. */
export type ContentRange =
  | { kind: 'none' }
  | { kind: 'status'; total: number | undefined }
  | { kind: 'bytes'; first: number; last: number; total: number | undefined }

/** Parses `bytes a-b/N`, `bytes a-b/*`, `bytes * /N`; undefined when it is none of them. */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  if (header === undefined || header === '') return { kind: 'none' }
  const match = /^bytes (?:(\*)|(\d+)-(\d+))\/(?:(\d+)|\*)$/.exec(header.trim())
  if (match === null) return undefined
  const total = match[4] === undefined ? undefined : Number(match[4])
  if (match[1] === '*') return { kind: 'status', total }
  const first = Number(match[2])
  const last = Number(match[3])
  if (last < first || (total !== undefined && last >= total)) return undefined
  return { kind: 'bytes', first, last, total }
}
