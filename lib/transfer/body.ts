import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import { ServiceError } from '../errors.ts'
import type { Feed } from '../net/feed.ts'
import type { Pieces } from '../net/exactly.ts'
import type { ContentHash } from './hash.ts'

/** The bytes of one pinned object; another object under the same name is another source. */
export interface ByteSource {
  readonly size: number
  /** Everything from `start` on. Rejects with SourceChanged when the object was replaced or removed. */
  open(start: number, options: { readonly clock: Clock; readonly signal: AbortSignal }): Promise<Feed>
}

/** The pinned object is no longer what stands there: it was replaced or deleted. */
export class SourceChanged extends Error {
  override readonly name = 'SourceChanged'
}

/** The source's bytes on their way out: hashed once, and checked before the last of them leaves. */
export interface Outgoing {
  /** `length` bytes from `offset` on; the body before it is over. */
  body(offset: number, length: number): Pieces
  /** Why the last body ended early, when the reason is on our side; told once. */
  takeFailure(): unknown
  /** Hashes up to `position`, reading what no body has carried. */
  hashTo(position: number): Promise<void>
  close(): void
}

export interface OutgoingOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /**
   * Lower-case hex: bytes that hash to something else are held back
   * at the last one, so that nothing is stored of them.
   */
  readonly expectedSha256?: string
  readonly onProgress: (bytes: number) => void
  /** False where the bytes are hashed only if somebody asks for it in the end. */
  readonly hashes: boolean
  readonly openTurns: OpenTurns
}

/** What is there already would be hashed in one go: after so long everybody else gets a turn. */
const turnMs = 5

/** Called between pieces: gives everybody else a turn when it is time. */
export type OpenTurns = () => () => Promise<void>

export const openTurns: OpenTurns = () => {
  let began = performance.now()
  return async () => {
    if (performance.now() - began < turnMs) return
    await nextTurn()
    began = performance.now()
  }
}

/** The error for bytes that are not those that the client announced. */
export function digestMismatch(): ServiceError {
  return new ServiceError(
    'digest_mismatch',
    'The bytes in the intake bucket do not have the announced SHA-256. Upload them again.',
  )
}

export function openOutgoing(source: ByteSource, hash: ContentHash, options: OutgoingOptions): Outgoing {
  let feed: Feed | undefined
  /** The next byte that the feed gives; unknown while a body is open, and after one that ended early. */
  let feedAt: number | undefined
  let failure: unknown
  const breathe = options.openTurns()

  const checkLast = (): void => {
    if (hash.position < source.size || options.expectedSha256 === undefined) return
    if (hash.digest('sha256') !== options.expectedSha256) throw digestMismatch()
  }
  const feedFrom = async (offset: number): Promise<Feed> => {
    if (feed && feedAt === offset) return feed
    feed?.close()
    return (feed = await source.open(offset, options))
  }
  const hashTo = async (position: number): Promise<void> => {
    if (hash.position >= position) return
    const catchUp = await source.open(hash.position, options)
    try {
      while (hash.position < position) {
        const piece = await catchUp.take(position - hash.position)
        hash.update(piece, hash.position)
        catchUp.give(piece)
        await breathe()
      }
      checkLast()
    } finally {
      catchUp.close()
    }
  }
  async function* pieces(offset: number, length: number): AsyncGenerator<Uint8Array, void, void> {
    try {
      if (options.hashes) await hashTo(offset)
      const end = offset + length
      for (let at = offset; at < end;) {
        const from = await feedFrom(at)
        feedAt = undefined
        const piece = await from.take(end - at)
        if (options.hashes) hash.update(piece, at)
        at += piece.length
        if (at === source.size) checkLast()
        options.onProgress(at)
        yield piece
        feedAt = at
        await breathe()
      }
      if (length === 0) checkLast()
    } catch (error) {
      // What goes wrong in here is our side's failure, not the provider's.
      failure = error
      throw error
    }
  }

  return {
    body(offset, length) {
      failure = undefined
      return { size: length, open: () => pieces(offset, length), spent: (piece) => feed?.give(piece) }
    },
    takeFailure() {
      const taken = failure
      failure = undefined
      return taken
    },
    hashTo,
    close: () => feed?.close(),
  }
}
