import type { Clock } from '../../lib/clock.ts'

/** A clock on which every wait is over at once; `waits` says how long they would have been. */
export interface InstantClock extends Clock {
  readonly waits: readonly number[]
}

export function instantClock(start = Date.now()): InstantClock {
  let time = start
  const waits: number[] = []
  return {
    waits,
    now: () => time,
    sleep(ms, signal) {
      signal?.throwIfAborted()
      waits.push(ms)
      time += ms
      return Promise.resolve()
    },
  }
}
