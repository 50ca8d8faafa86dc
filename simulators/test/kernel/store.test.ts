import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { adjustableClock } from '../../kernel/clock.ts'
import { openRandom } from '../../kernel/random.ts'
import { createRouter } from '../../kernel/routes.ts'
import { openStore } from '../../kernel/store.ts'

interface Row {
  name: string
  owner?: string
}
let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'store-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

it('0 keeps records across openings, and finds them by index in the order they came', () => {
  const file = join(dir, 'a', 'state.sqlite')
  const first = openStore(file)
  const rows = first.collection<Row>('rows', { owner: (row) => row.owner })
  rows.put('1', { name: 'one', owner: 'ada' })
  rows.put('2', { name: 'two' })
  rows.put('3', { name: 'three', owner: 'ada' })
  rows.put('1', { name: 'uno', owner: 'ada' })
  first.close()
  const second = openStore(file)
  const again = second.collection<Row>('rows', { owner: (row) => row.owner, name: (row) => row.name })
  expect(again.where('owner', 'ada')).toEqual([
    { name: 'uno', owner: 'ada' },
    { name: 'three', owner: 'ada' },
  ])
  expect([again.get('2'), again.get('4'), again.all().length]).toEqual([{ name: 'two' }, undefined, 3])
  expect([again.delete('2'), again.delete('2')]).toEqual([true, false])
  expect(() => again.where('nothing', 'x')).toThrow('no index')
  second.close()
})

it('0 undoes all writes of a transaction that throws, inner ones too', () => {
  const store = openStore(join(dir, 'state.sqlite'))
  const rows = store.collection<Row>('rows')
  expect(() =>
    store.transaction(() => {
      rows.put('1', { name: 'gone' })
      store.transaction(() => rows.put('2', { name: 'gone too' }))
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(rows.all()).toEqual([])
  expect(store.transaction(() => 7)).toBe(7)
  expect(() => store.collection('drop table')).toThrow('not a usable')
  store.close()
})

it('0 a seed repeats itself, and a second start on the same state does not repeat the first', () => {
  const draw = (seed: number | undefined, run?: number): string => openRandom(seed, run).text(40)
  expect(draw(1)).toBe(draw(1))
  expect(new Set([draw(1), draw(2), draw(1, 2), draw(undefined), draw(undefined)]).size).toBe(5)
  expect(draw(1)).toMatch(/^[\w-]{40}$/)
  const random = openRandom(3)
  expect(Array.from({ length: 100 }, () => random.integer(7)).every((n) => n >= 0 && n < 7)).toBe(true)
})

it('0 a clock advances on top of where its time comes from', () => {
  let real = 1000
  const clock = adjustableClock(() => real)
  clock.advance(50)
  real += 5
  expect(clock.now()).toBe(1055)
})

it('0 a router takes the first route that fits and decodes what its names match', () => {
  const handler = (): void => undefined
  const route = createRouter([
    { method: 'GET', path: '/files/special', handler },
    { method: 'GET', path: '/files/:id', handler },
    { method: 'PUT', path: /^\/up(?:\/(?<id>\w+))?$/, handler },
  ])
  expect(route('GET', '/files/special')?.params).toEqual({})
  expect(route('GET', '/files/a%20b')?.params).toEqual({ id: 'a b' })
  expect(route('PUT', '/up')?.params).toEqual({ id: '' })
  expect([route('GET', '/files/a/b'), route('POST', '/files/a'), route('GET', '/filesXspecial')]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})
