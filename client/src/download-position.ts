import { isDrivewayError } from './errors.ts'

/** Bytes `first` to `last`, both included; to the end without `last`. Or the last `suffix` bytes. */
export type DownloadRange = { readonly first: number; readonly last?: number } | { readonly suffix: number }

/** As much as the API answers itself, at full speed; what is larger it sends elsewhere, or at 2 MB/s. */
export const pieceBytes = 10 * 1024 * 1024

export interface Position {
  /** The next byte of the document, and the last one wanted. */
  next: number
  readonly last: number | undefined
  readonly total: number | undefined
  readonly etag: string | undefined
  /** Where the bytes came from, when not from the API itself. */
  readonly redirectedTo: string | undefined
  /** The bytes come piece by piece, and this one ends before that byte. */
  pieceEnd?: number | undefined
}

/** What is wanted in all, where the answer was its first piece. */
export function wholeOf(piece: Position, range: DownloadRange | undefined): Position {
  const { last, total } = piece
  if (last === undefined || total === undefined || last - piece.next + 1 < pieceBytes) return piece
  const asked = range !== undefined && 'first' in range ? (range.last ?? Infinity) : Infinity
  const whole = Math.min(asked, total - 1)
  return whole > last ? { ...piece, last: whole, pieceEnd: last + 1 } : piece
}

/** True for a range that is one piece, whatever the document's size. */
export function isShort(range: DownloadRange | undefined): boolean {
  if (range === undefined) return false
  if ('suffix' in range) return range.suffix <= pieceBytes
  return range.last !== undefined && range.last - range.first < pieceBytes
}

/** The first piece of what is wanted; of an empty document, which has no range, the whole. */
export async function firstPiece(
  ask: (range: string | undefined) => Promise<Response>,
  range: DownloadRange | undefined,
): Promise<Response> {
  if (range !== undefined && 'suffix' in range) {
    // Where the last bytes begin is known once the size is.
    const probe = await ask('bytes=0-0')
    await probe.body?.cancel()
    const total = positionOf(probe).total ?? 0
    const first = Math.max(0, total - range.suffix)
    return await ask(`bytes=${first}-${Math.min(total, first + pieceBytes) - 1}`)
  }
  const first = range?.first ?? 0
  try {
    return await ask(`bytes=${first}-${first + pieceBytes - 1}`)
  } catch (error) {
    if (range !== undefined || !isDrivewayError(error, 'range_not_satisfiable')) throw error
    return await ask(undefined)
  }
}

export function positionOf(response: Response): Position {
  const etag = response.headers.get('etag') ?? undefined
  const redirectedTo = response.redirected && response.url !== '' ? response.url : undefined
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '')
  if (match !== null) {
    const total = match[3] === '*' ? undefined : Number(match[3])
    return { next: Number(match[1]), last: Number(match[2]), total, etag, redirectedTo }
  }
  const length = response.headers.get('content-length')
  // An encoded length is not that of the bytes that come out.
  const total = length === null || response.headers.has('content-encoding') ? undefined : Number(length)
  return { next: 0, last: total === undefined ? undefined : total - 1, total, etag, redirectedTo }
}
