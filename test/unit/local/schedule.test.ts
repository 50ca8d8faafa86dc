import { expect, test } from 'vitest'
import { startSchedule, type Timer } from '../../../local/schedule.ts'

const manualTimer = () => {
  const state = { tick: (): void => undefined, everyMs: 0, stopped: false }
  const timer: Timer = (tick, ms) => {
    Object.assign(state, { tick, everyMs: ms })
    return () => void (state.stopped = true)
  }
  return { state, timer }
}

test('it runs at the start and then at the rate, until it is ended', async () => {
  const { state, timer } = manualTimer()
  const ending = new AbortController()
  let runs = 0
  const run = async (): Promise<void> => void (runs += 1)
  const stopped = startSchedule({ everyMs: 60_000, run, signal: ending.signal, timer })
  expect([runs, state.everyMs]).toEqual([1, 60_000])
  await Promise.resolve()
  state.tick()
  expect(runs).toBe(2)
  ending.abort()
  await stopped
  state.tick()
  expect([runs, state.stopped]).toEqual([2, true])
})

test('a run that is still going lets the next one pass, and ending waits for it', async () => {
  const { state, timer } = manualTimer()
  const ending = new AbortController()
  const open = Promise.withResolvers<void>()
  let runs = 0
  let done = false
  const stopped = startSchedule({
    everyMs: 1000,
    run: async () => {
      runs += 1
      await open.promise
      done = true
    },
    signal: ending.signal,
    timer,
  })
  state.tick()
  expect(runs).toBe(1)
  ending.abort()
  open.resolve()
  await stopped
  expect(done).toBe(true)
})

test('a run that fails is reported and the schedule goes on', async () => {
  const { state, timer } = manualTimer()
  const ending = new AbortController()
  const errors: unknown[] = []
  const failed = Promise.withResolvers<void>()
  const stopped = startSchedule({
    everyMs: 1000,
    run: () => Promise.reject(new Error('no')),
    signal: ending.signal,
    onError: (error) => {
      errors.push(error)
      failed.resolve()
    },
    timer,
  })
  await failed.promise
  await Promise.resolve()
  state.tick()
  ending.abort()
  await stopped
  expect(errors).toEqual([new Error('no'), new Error('no')])
})

test('without a timer of the test it keeps the time itself', async () => {
  const ending = new AbortController()
  const third = Promise.withResolvers<void>()
  let runs = 0
  const run = async (): Promise<void> => {
    runs += 1
    if (runs === 3) third.resolve()
  }
  const stopped = startSchedule({ everyMs: 1, run, signal: ending.signal })
  await third.promise
  ending.abort()
  await stopped
  expect(runs).toBeGreaterThanOrEqual(3)
})
