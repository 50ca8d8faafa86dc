import type { Readable } from 'node:stream'
import { finished } from 'node:stream'
import type { ServiceError } from '../../errors.ts'
import { exactly, sourceFailure } from '../../net/exactly.ts'

export interface S3Bytes {
  readonly size: number
  readonly body: Readable
}

/**
 * Hands a body to the SDK, which listens for no error of it: an unheard one would end the process. A source
 * that fails takes the request down with it, and it is the source's error that the caller sees.
 */
export async function sending<Answer>(
  { size, body }: S3Bytes,
  signal: AbortSignal | undefined,
  send: (checked: Readable, options: { abortSignal: AbortSignal }) => Promise<Answer>,
): Promise<Answer> {
  const broken = new AbortController()
  let failure: ServiceError | undefined
  let sent = false
  const checked = exactly(body, size)
  finished(checked, { writable: false }, (error) => {
    // What comes after the answer is only that the body is let go.
    if (!error || sent) return
    failure = sourceFailure(error)
    broken.abort()
  })
  try {
    return await send(checked, {
      abortSignal: signal ? AbortSignal.any([signal, broken.signal]) : broken.signal,
    })
  } catch (error) {
    throw failure ?? error
  } finally {
    sent = true
    checked.destroy()
  }
}
