import { Readable } from 'node:stream'
import { exactly } from '../../net/exactly.ts'
import type { Pieces } from '../../net/exactly.ts'

/**
 * Hands bytes to the SDK, which listens for no error of its body and does not say when it is done with a
 * piece: so it gets copies. A source that fails takes the request down with it, and it is the source's error
 * that the caller sees.
 */
export async function sending<Answer>(
  bytes: Pieces,
  signal: AbortSignal | undefined,
  send: (checked: Readable, options: { abortSignal: AbortSignal }) => Promise<Answer>,
): Promise<Answer> {
  const broken = new AbortController()
  let failure: unknown
  async function* copies(): AsyncGenerator<Uint8Array, void, void> {
    try {
      for await (const piece of exactly(bytes)) {
        const copy = bytes.spent ? Buffer.from(piece) : piece
        bytes.spent?.(piece)
        yield copy
      }
    } catch (error) {
      failure = error
      broken.abort()
    }
  }
  const checked = Readable.from(copies(), { objectMode: false })
  try {
    return await send(checked, {
      abortSignal: signal ? AbortSignal.any([signal, broken.signal]) : broken.signal,
    })
  } catch (error) {
    throw failure ?? error
  } finally {
    checked.destroy()
  }
}
