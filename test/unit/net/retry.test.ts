import { describe, expect, it } from 'vitest'
import type { RetryAdvice } from '../../../lib/errors.ts'
import { ServiceError } from '../../../lib/errors.ts'
import { defaultRetryPolicy, retrying } from '../../../lib/net/retry.ts'
import { instantClock } from '../../support/instant-clock.ts'

const failing = (retry: RetryAdvice) => new ServiceError('provider_unavailable', 'down', { retry })
const temporary = failing({ retryable: true })

/** Fails with `errors` in turn, then answers how often it ran. */
function work(...errors: unknown[]) {
  let runs = 0
  const run = async (): Promise<number> => {
    const error = errors[runs]
    runs += 1
    // oxlint-disable-next-line typescript/only-throw-error -- what is thrown is the test's business
    if (error !== undefined) throw error
    return runs
  }
  return { run, runs: () => runs }
}

describe('retrying', () => {
  it('repeats what is worth it, with growing random pauses', async () => {
    const clock = instantClock()
    const { run } = work(temporary, temporary, temporary)
    expect(await retrying(run, { clock, random: () => 1 })).toBe(4)
    expect(clock.waits).toEqual([250, 500, 1000])
  })

  it('draws each pause from zero up', async () => {
    const clock = instantClock()
    await retrying(work(temporary).run, { clock, random: () => 0 })
    expect(clock.waits).toEqual([0])
  })

  it('gives up after the policy’s attempts with the last error', async () => {
    const clock = instantClock()
    const { run, runs } = work(...Array.from({ length: 10 }, () => temporary))
    await expect(retrying(run, { clock })).rejects.toBe(temporary)
    expect(runs()).toBe(defaultRetryPolicy.attempts)
  })

  it.each([failing({ retryable: false }), new Error('a bug')])('never repeats %o', async (error) => {
    const { run, runs } = work(error)
    await expect(retrying(run, { clock: instantClock() })).rejects.toBe(error)
    expect(runs()).toBe(1)
  })

  it('waits at least as long as the provider asks', async () => {
    const clock = instantClock()
    await retrying(work(failing({ retryable: true, afterSeconds: 3 })).run, { clock, random: () => 0.5 })
    expect(clock.waits).toEqual([3125])
  })

  it('hands a longer pause up instead of waiting', async () => {
    const error = failing({ retryable: true, afterSeconds: 60 })
    const clock = instantClock()
    await expect(retrying(work(error).run, { clock })).rejects.toBe(error)
    expect(clock.waits).toEqual([])
  })

  it('begins no pause that does not fit into the time left', async () => {
    const clock = instantClock()
    const options = { clock, random: () => 1, remainingMs: () => 400 }
    const { run, runs } = work(temporary, temporary)
    await expect(retrying(run, options)).rejects.toBe(temporary)
    expect(runs()).toBe(2)
    expect(clock.waits).toEqual([250])
  })

  it('repeats what may have been done only where that does no harm', async () => {
    const unclear = failing({ retryable: true, ambiguous: true })
    const clock = instantClock()
    expect(await retrying(work(unclear).run, { clock })).toBe(2)
    await expect(retrying(work(unclear).run, { clock, repeatable: false })).rejects.toBe(unclear)
  })

  it('stops when its caller gives up, also in a pause', async () => {
    const given = new AbortController()
    const clock = instantClock()
    const { run, runs } = work(temporary, temporary)
    const options = { clock, signal: given.signal, onRetry: () => given.abort() }
    await expect(retrying(run, options)).rejects.toBe(temporary)
    expect(runs()).toBe(1)
    expect(clock.waits).toEqual([])
  })
})
