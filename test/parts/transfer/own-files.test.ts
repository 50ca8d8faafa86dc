import { describe, expect, test } from 'vitest'
import type { Driver } from '../../../lib/storage/driver.ts'
import { hallProviders, hallWorld, writes } from '../../support/hall-world.ts'
import { messageOf, randomBytes, sha256 } from '../../support/intake-world.ts'

const named = ['onedrive', 's3'] as const

describe.each(named)('a file of the document’s name that is not its own, on %s', (provider) => {
  const world = hallWorld(provider)
  const sizes = [
    ['empty', 0],
    ['small', 900],
    ['large', writes[provider].large],
  ] as const

  test.each(
    sizes.flatMap(([name, size]) =>
      (['put', 'drop', 'upload'] as const)
        .filter((door) => door !== 'put' || size < 1_000_000)
        .map((door) => [name, door, size] as const),
    ),
  )('with the very same bytes, %s, stays its user’s when they come by a %s', async (_name, door, size) => {
    const content = randomBytes(size)
    const id = await world.place.own('doc.bin', content)
    if (door === 'put') await world.put(content)
    else if (door === 'drop') await world.ingest(content)
    else await world.upload(content)
    expect((await world.row()).objectKey).not.toBe(id)
    expect(await world.hashes()).toEqual([sha256(content), sha256(content)])
    await world.remove()
    expect((await world.files()).map((file) => file.id)).toEqual([id])
  })

  test('stays its user’s when it is empty, as what a dead process was to write there just after', async () => {
    const id = await world.place.own('doc.bin', Buffer.alloc(0))
    const reached = Promise.withResolvers<undefined>()
    const write = () => {
      reached.resolve(undefined)
      return new Promise<never>(() => undefined)
    }
    const on = { openDriver: () => Promise.resolve({ ...world.driver, write }) }
    void world.put(Buffer.alloc(0), { on }).catch(() => undefined)
    await reached.promise
    await world.pass(61)
    const content = randomBytes(900)
    await world.ingest(content)
    await world.sweepAfter(600)
    expect((await world.hashes()).toSorted()).toEqual([sha256(Buffer.alloc(0)), sha256(content)].toSorted())
    expect(await world.row()).toMatchObject({ standing: { size: 900 } })
    await world.remove()
    expect((await world.files()).map((file) => file.id)).toEqual([id])
  })

  test('stays its user’s when the process died that was to write next to it', async () => {
    const content = randomBytes(900)
    const id = await world.place.own('doc.bin', content)
    await world.pass(600)
    const dead = { ...world.driver, ...stoppingBefore(world.driver) }
    await expect(world.put(content, { on: { openDriver: () => Promise.resolve(dead) } })).rejects.toThrow(
      'killed',
    )
    await world.sweepAfter(3600)
    expect(await world.document()).toMatchObject({ status: 'failed' })
    await world.remove()
    expect((await world.files()).map((file) => file.id)).toEqual([id])
  })
})

describe('a key in a bucket', () => {
  const world = hallWorld('s3')

  test('is its user’s when they have put something else there since', async () => {
    await world.put(randomBytes(900))
    const { objectKey = expect.unreachable() } = await world.row()
    const own = randomBytes(500)
    expect(await world.place.own('doc.bin', own)).toBe(objectKey)
    const content = randomBytes(700)
    await world.put(content)
    await world.deliverQueue()
    expect((await world.hashes()).toSorted()).toEqual([sha256(own), sha256(content)].toSorted())
    expect((await world.row()).remove).toEqual({})
  })

  test.each([
    ['the very same bytes', true],
    ['other bytes', false],
  ])(
    'is another document’s when it has put %s there since, whoever lost a claim meanwhile',
    async (_name, isSame) => {
      const { documents } = world.opened.deps
      const [report, plain] = [world.where('report', '.pdf'), world.where('report.pdf', '')]
      const content = randomBytes(900)
      const other = isSame ? content : randomBytes(900)
      const settle: typeof documents.settle = async (...given) => {
        await documents.settle(...given)
        // Its answer is lost, and much happens before it is asked again.
        await world.remove('report')
        await world.put(other, plain)
        return undefined
      }
      const putting = world.put(content, { ...report, on: { documents: { ...documents, settle } } })
      await expect(putting).rejects.toMatchObject({ code: 'document_busy' })
      expect(await world.hashes()).toEqual([sha256(other)])
    },
  )
})

describe.each(hallProviders)('two documents that want one name, on %s', (provider) => {
  const world = hallWorld(provider)

  test.each([
    ['the very same bytes', true],
    ['other bytes', false],
  ])('put at the same moment with %s are two files', async (_name, isSame) => {
    const one = randomBytes(900)
    const other = isSame ? one : randomBytes(900)
    const ends = await Promise.allSettled([
      world.put(one, world.where('report', '.pdf')),
      world.put(other, world.where('report.pdf', '')),
    ])
    const stored = ends.filter(({ status }) => status === 'fulfilled').length
    expect(stored).toBeGreaterThan(0)
    expect(await world.files()).toHaveLength(stored)
    await world.remove('report')
    expect(await world.files()).toHaveLength(stored - 1)
    await world.remove('report.pdf')
    expect(await world.files()).toEqual([])
  })
})

describe.each(hallProviders)(
  'a session that had its last byte before it could be ended, on %s',
  (provider) => {
    const world = hallWorld(provider)
    const { expectAtRest } = world
    const content = randomBytes(writes[provider].large)

    test.each([
      ['and its worker still lives', true],
      ['and its worker is dead', false],
    ])('leaves no file when a put has come first %s', async (_name, isAlive) => {
      const answered = Promise.withResolvers<undefined>()
      const goOn = Promise.withResolvers<undefined>()
      const { sessions = expect.unreachable() } = world.driver
      const holding: Driver = {
        ...world.driver,
        sessions: {
          ...sessions,
          async send(...given) {
            const progress = await sessions.send(...given)
            if (progress.state !== 'done') return progress
            answered.resolve(undefined)
            await goOn.promise
            return progress
          },
        },
      }
      const plain = world.driver
      world.driver = holding
      const sending = world.deliverBody(messageOf(await world.drop(content)))
      await answered.promise
      world.driver = plain
      const newer = randomBytes(700)
      await world.put(newer)
      if (isAlive) {
        goOn.resolve(undefined)
        await sending
      }
      await world.sweepAfter(120)
      await expectAtRest(newer)
      goOn.resolve(undefined)
      await sending
      await expectAtRest(newer)
    })
  },
)

/** A driver that dies before it asks the provider for anything. */
function stoppingBefore({ sessions }: Driver): Partial<Driver> {
  const die = () => Promise.reject(new TypeError('killed'))
  return { write: die, ...(sessions ? { sessions: { ...sessions, begin: die } } : {}) }
}
