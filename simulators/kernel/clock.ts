/**
 * Time as a simulator sees it: epoch milliseconds. Token, session
 * and link expiry all read this, never `Date.now()`.
 */
export interface Clock {
  now(): number
}

/** A clock that tests and `POST /_sim/clock` can move forward. */
export interface AdjustableClock extends Clock {
  advance(ms: number): void
}

/**
 * Real time plus an offset that only `advance` changes.
 * @param start where time comes from; a test passes a constant function for a clock that stands still
 */
export function adjustableClock(start: () => number = Date.now): AdjustableClock {
  let offset = 0
  return {
    now: () => start() + offset,
    advance(ms) {
      offset += ms
    },
  }
}
