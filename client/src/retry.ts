import { DrivewayError } from './errors.ts'

export interface RetrySettings {
  /** Tries in all. */
  readonly attempts: number
  /**
   * A Retry-After longer than this is not waited for: the error goes
   * to the caller, who sees `retryAfterSeconds`. Milliseconds.
   */
  readonly maxWaitMs: number
  /** Waits; rejects with the signal's reason when aborted. Replaceable for tests. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>
}

/**
 * `always`: doing it twice is doing it once. `when-refused`: only an answer
 * that proves that nothing was done is retried, never a broken connection.
 */
export type Repeatable = 'always' | 'when-refused'

const firstDelayMs = 300

/**
 * Runs `attempt` until it succeeds, fails for good, or the tries are
 * used up; waits as Retry-After says, else doubling with jitter.
 */
export async function retrying<T>(
  settings: RetrySettings,
  repeatable: Repeatable,
  attempt: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      if (tries >= settings.attempts || !isWorthRepeating(error, repeatable)) throw error
      const wait =
        error.retryAfterSeconds === undefined ? backOff(tries, firstDelayMs) : error.retryAfterSeconds * 1000
      if (wait > settings.maxWaitMs) throw error
      await settings.wait(wait, signal)
    }
  }
}

function isWorthRepeating(error: unknown, repeatable: Repeatable): error is DrivewayError {
  if (!(error instanceof DrivewayError)) return false
  if (error.status === 429) return true
  if (repeatable === 'when-refused' || error.code === 'provider_not_configured') return false
  if (
    error.code === 'network_error' ||
    error.code === 'internal_error' ||
    error.code === 'provider_unavailable'
  )
    return true
  return error.code === 'unexpected_answer' && [500, 502, 503, 504].includes(error.status ?? 0)
}

/**
 * Half of the doubled delay for sure, the other half by chance, so that clients do not come back together.
 */
export function backOff(tries: number, firstMs: number): number {
  const full = firstMs * 2 ** (tries - 1)
  return full / 2 + (Math.random() * full) / 2
}

/** Waits on the real clock. */
export function realWait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
