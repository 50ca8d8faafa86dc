import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../clock.ts'
import { ServiceError } from '../errors.ts'
import type { ContentHash } from './hash.ts'
import type { ByteSource, ReadAhead } from './read-ahead.ts'
import { openReadAhead } from './read-ahead.ts'
import { releaseSpentChunks } from './spent-chunks.ts'

/**
 * The source's bytes on their way out: read ahead, hashed once, and checked before the last of them leaves.
 */
export interface Outgoing {
  /** A stream over `length` bytes from `offset` on; the one before it is over. */
  body(offset: number, length: number): Readable
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
  readonly openTurns: OpenTurns
}

const bodyBufferBytes = 512 * 1024

/**
 * Chunks that are there already would be hashed in one go,
 * megabytes of them: after so long everybody else gets a turn.
 */
const turnMs = 5

/** Called between chunks: gives everybody else a turn when it is time. */
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
  let reader: ReadAhead | undefined
  /** The next byte that the reader gives; unknown while a body is open. */
  let readerAt: number | undefined
  let current: Readable | undefined
  let failure: unknown
  const breathe = options.openTurns()

  const checkLast = (): void => {
    if (hash.position < source.size || options.expectedSha256 === undefined) return
    if (hash.digest('sha256') !== options.expectedSha256) throw digestMismatch()
  }
  const readerFor = (offset: number): ReadAhead => {
    if (reader && readerAt === offset) return reader
    reader?.close()
    reader = openReadAhead(source, offset, options)
    return reader
  }

  /** The chunks of a body, hashed; what goes wrong in here is our side's failure, not the provider's. */
  async function* chunks(offset: number, length: number): AsyncGenerator<Buffer, void, void> {
    if (hash.position < offset) await hashTo(offset)
    const from = readerFor(offset)
    readerAt = undefined
    let at = offset
    for await (const chunk of from.take(length)) {
      hash.update(chunk, at)
      at += chunk.length
      if (at === source.size) checkLast()
      options.onProgress(at)
      yield chunk
      releaseSpentChunks(chunk.length)
      await breathe()
    }
    if (length === 0) checkLast()
    readerAt = at
  }

  async function* carry(offset: number, length: number): AsyncGenerator<Buffer, void, void> {
    const source = chunks(offset, length)
    try {
      for (;;) {
        const { done, value } = await source.next().catch((error: unknown) => {
          failure = error
          throw error
        })
        if (done) return
        yield value
      }
    } finally {
      await source.return()
    }
  }

  const hashTo = async (position: number): Promise<void> => {
    if (hash.position >= position) return
    const catchUp = openReadAhead(source, hash.position, options)
    try {
      for await (const chunk of catchUp.take(position - hash.position)) {
        hash.update(chunk, hash.position)
        releaseSpentChunks(chunk.length)
        await breathe()
      }
      checkLast()
    } finally {
      catchUp.close()
    }
  }

  return {
    body(offset, length) {
      current?.destroy()
      failure = undefined
      current = Readable.from(carry(offset, length), { objectMode: false, highWaterMark: bodyBufferBytes })
      // Whoever reads the body sees its error; one that nobody reads any more must not end the process.
      current.on('error', () => undefined)
      return current
    },
    takeFailure() {
      const taken = failure
      failure = undefined
      return taken
    },
    hashTo,
    close() {
      current?.destroy()
      reader?.close()
    },
  }
}
