import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../lib/clock.ts'
import { deadline } from '../../../lib/net/deadline.ts'

/** A clock on which the test says when a wait is over. */
function heldClock(): Clock & { readonly asked: number[]; release(): Promise<void> } {
  const asked: number[] = []
  let over: (() => void) | undefined
  return {
    asked,
    now: () => 0,
    sleep(ms, signal) {
      asked.push(ms)
      return new Promise((resolve, reject) => {
        over = resolve
        signal?.addEventListener('abort', () => reject(new Error('ended')))
      })
    },
    async release() {
      over?.()
      await Promise.resolve()
      await Promise.resolve()
    },
  }
}

describe('a deadline', () => {
  it('aborts its reserve before the end, with an error that is worth another try', async () => {
    const clock = heldClock()
    const due = deadline({ clock, remainingMs: () => 10_000, reserveMs: 1_500 })
    expect(clock.asked).toEqual([8_500])
    expect(due.remainingMs()).toBe(8_500)
    expect(due.signal.aborted).toBe(false)
    await clock.release()
    expect(due.signal.aborted).toBe(true)
    expect(due.signal.reason).toMatchObject({ code: 'provider_unavailable', retry: { retryable: true } })
  })

  it('never counts below zero', () => {
    expect(deadline({ clock: heldClock(), remainingMs: () => 100, reserveMs: 500 }).remainingMs()).toBe(0)
  })

  it('aborts with its parent', () => {
    const parent = new AbortController()
    const { signal } = deadline({
      clock: heldClock(),
      remainingMs: () => 10,
      reserveMs: 0,
      signal: parent.signal,
    })
    parent.abort('enough')
    expect(signal.reason).toBe('enough')
  })

  it('does not abort once it has ended', async () => {
    const clock = heldClock()
    const due = deadline({ clock, remainingMs: () => 10, reserveMs: 0 })
    due.end()
    await clock.release()
    expect(due.signal.aborted).toBe(false)
  })
})
