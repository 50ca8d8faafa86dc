import { expect, it } from 'vitest'
import { gate } from '../../../web/src/gate.ts'

const never = new AbortController().signal

it('lets so many run at a time, the others in the order they came', async () => {
  const pass = gate(2)
  const started: number[] = []
  const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
  const all = ends.map(({ promise }, index) =>
    pass(async () => {
      started.push(index)
      await promise
    }, never),
  )
  await Promise.resolve()
  expect(started).toEqual([0, 1])
  ends[1]?.resolve()
  await all[1]
  await Promise.resolve()
  expect(started).toEqual([0, 1, 2])
  for (const end of ends) end.resolve()
  await Promise.all(all)
  expect(started).toEqual([0, 1, 2, 3])
})

it('goes on after one that failed, and forgets one that is aborted while it waits', async () => {
  const pass = gate(1)
  const first = Promise.withResolvers<void>()
  const failing = pass(() => first.promise, never)
  const stop = new AbortController()
  const waiting = pass(async () => 'never', stop.signal)
  const last = pass(async () => 'last', never)
  stop.abort(new Error('no longer wanted'))
  await expect(waiting).rejects.toThrow('no longer wanted')
  first.reject(new Error('broken'))
  await expect(failing).rejects.toThrow('broken')
  expect(await last).toBe('last')
})
