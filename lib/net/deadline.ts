import type { Clock } from '../clock.ts'
import { ServiceError } from '../errors.ts'

/** How long the work at hand may still take. */
export interface Deadline {
  /** Aborts when the time is up, or with the parent signal. */
  readonly signal: AbortSignal
  /** Milliseconds left, never negative. */
  remainingMs(): number
  /** Lets go of timer and listeners; `signal` then never aborts by time. */
  end(): void
}

export interface DeadlineOptions {
  readonly clock: Clock
  /** Lambda's `getRemainingTimeInMillis`, or the like. */
  readonly remainingMs: () => number
  /** Kept back for what has to happen after the work: an answer, a checkpoint. Milliseconds. */
  readonly reserveMs: number
  readonly signal?: AbortSignal
}

/**
 * A deadline `reserveMs` before the function is ended. Its signal aborts with `provider_unavailable`, worth another try later.
 */
export function deadline(options: DeadlineOptions): Deadline {
  const { clock, reserveMs } = options
  const remainingMs = (): number => Math.max(0, options.remainingMs() - reserveMs)
  const up = new AbortController()
  const ended = new AbortController()
  clock.sleep(remainingMs(), ended.signal).then(
    () => up.abort(outOfTime()),
    // Only `end` aborts this sleep.
    () => undefined,
  )
  return {
    signal: options.signal ? AbortSignal.any([up.signal, options.signal]) : up.signal,
    remainingMs,
    end: () => ended.abort(),
  }
}

function outOfTime(): ServiceError {
  return new ServiceError('provider_unavailable', 'There was not enough time left to finish this call.', {
    retry: { retryable: true, ambiguous: true },
  })
}
