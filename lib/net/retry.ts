import type { Clock } from '../clock.ts'
import { ServiceError } from '../errors.ts'

/** Milliseconds, and how often. */
export interface RetryPolicy {
  /** Tries in all, the first included. */
  readonly attempts: number
  /** The n-th wait is random between 0 and `baseMs * 2^n`, at most `capMs`. */
  readonly baseMs: number
  readonly capMs: number
  /** A longer pause than this is not waited for: the error goes up with its `retryAfterSeconds`. */
  readonly longestPauseMs: number
}

export const defaultRetryPolicy: RetryPolicy = {
  attempts: 4,
  baseMs: 250,
  capMs: 8_000,
  longestPauseMs: 8_000,
}

export interface RetryOptions {
  readonly clock: Clock
  /** 0 to below 1. */
  readonly random?: (() => number) | undefined
  readonly policy?: RetryPolicy
  readonly signal?: AbortSignal | undefined
  /** A pause that would not fit into this is not begun. */
  readonly remainingMs?: (() => number) | undefined
  /** False for work that must not be done twice: an error that leaves open whether it was goes up at once. */
  readonly repeatable?: boolean
  onRetry?(error: ServiceError, pauseMs: number): void
}

/**
 * The one place that repeats a provider call: reads the advice that was attached where the answer was parsed,
 * and pauses with exponential back-off and full jitter, or as long as the provider asked.
 * https://developers.google.com/workspace/drive/api/guides/limits#exponential
 */
export async function retrying<Result>(
  work: (attempt: number) => Promise<Result>,
  options: RetryOptions,
): Promise<Result> {
  const { clock, random = Math.random, policy = defaultRetryPolicy, signal, repeatable = true } = options
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work(attempt)
    } catch (error) {
      if (!(error instanceof ServiceError) || !error.retry.retryable) throw error
      if (attempt >= policy.attempts || signal?.aborted) throw error
      if (error.retry.ambiguous && !repeatable) throw error
      const asked = (error.retry.afterSeconds ?? 0) * 1000
      if (asked > policy.longestPauseMs) throw error
      const jitter = random() * Math.min(policy.capMs, policy.baseMs * 2 ** (attempt - 1))
      // At least as long as the provider asked; jitter keeps throttled callers from coming back together.
      const pauseMs = Math.ceil(asked + jitter)
      if (options.remainingMs && pauseMs >= options.remainingMs()) throw error
      options.onRetry?.(error, pauseMs)
      try {
        await clock.sleep(pauseMs, signal)
      } catch {
        // Given up while waiting: the caller learns what it was waiting for.
        throw error
      }
    }
  }
}
