import { describe, expect, test } from 'vitest'
import { hallWorld, writes } from '../../support/hall-world.ts'
import { randomBytes, sha256 } from '../../support/intake-world.ts'

describe.each(['google-drive', 'onedrive'] as const)('a drive that stores other bytes, %s', (provider) => {
  const world = hallWorld(provider)
  const { expectAtRest } = world
  const { small, send, large } = writes[provider]
  const damage = async (times: number): Promise<void> => {
    await world.played.fault(small, { type: 'corrupt' }, times)
  }
  const doors = [
    ['a put', async (content: Buffer) => void (await world.put(content))],
    ['an upload', async (content: Buffer) => void (await world.upload(content))],
  ] as const

  test.each(doors)('twice gets the right ones of %s once more', async (_door, bring) => {
    await world.put(randomBytes(500))
    await damage(2)
    const content = randomBytes(900)
    await bring(content)
    expect(await world.played.pendingFaults()).toBe(0)
    await expectAtRest(content)
  })

  test.each([
    ...doors,
    ['a large upload', async () => void (await world.upload(randomBytes(large)))] as const,
  ])(
    'in place of what stands, again and again, has to give back what stood: %s has failed',
    async (door, bring) => {
      const before = randomBytes(door === 'a large upload' ? large : 700)
      await (door === 'a large upload' ? world.upload(before) : world.put(before))
      const stood = await world.document()
      await world.played.fault(
        door === 'a large upload' ? { ...send, fragment: 1 } : small,
        { type: 'corrupt' },
        3,
      )
      // Of the same size as what stood, so that the size alone tells nothing.
      const bringing = bring(randomBytes(700))
      if (door === 'a put') await expect(bringing).rejects.toMatchObject({ code: 'provider_error' })
      else await bringing
      expect(await world.played.pendingFaults()).toBe(0)
      expect(await world.hashes()).toEqual([sha256(before)])
      const { objectKey, size, checksum } = stood
      expect(await world.document()).toMatchObject({ status: 'failed', objectKey, size, checksum })
      expect((await world.document()).error?.detail).toContain('the earlier version stands')
      const [file] = await world.files()
      expect((await world.driver.stat((await world.row()).objectKey ?? expect.unreachable())).etag).toBe(
        (await world.row()).standing?.revision,
      )
      expect(file?.id).toBe(objectKey)
    },
  )

  test('once, and is down then, has to give back what stood when somebody looks', async () => {
    const before = randomBytes(700)
    await world.put(before)
    await damage(1)
    const { work } = world.opened.deps.documents
    const die = async (...given: Parameters<typeof work>): ReturnType<typeof work> => {
      await work(...given)
      throw new Error('killed')
    }
    const { documents } = world.opened.deps
    const dead = () => Promise.reject(new Error('killed'))
    await expect(
      world.put(randomBytes(700), { on: { documents: { ...documents, work: die, settle: dead } } }),
    ).rejects.toThrow('killed')
    await world.sweepAfter(60)
    expect(await world.hashes()).toEqual([sha256(before)])
    expect(await world.document()).toMatchObject({ status: 'failed', checksum: { verdict: 'verified' } })
  })

  test('once, of a drop, has to give back what stood when an announcement comes before the right ones', async () => {
    const before = randomBytes(700)
    await world.put(before)
    await damage(1)
    await world.drop(randomBytes(700))
    await world.deliverOnce()
    expect((await world.row()).change).toMatchObject({ damaged: 1, state: 'waiting' })
    await world.announce(randomBytes(900))
    expect(await world.hashes()).toEqual([sha256(before)])
    expect(await world.document()).toMatchObject({ status: 'receiving', checksum: { verdict: 'verified' } })
    expect(await world.told()).toEqual(['Document Stored', 'Document Failed'])
  })

  test('without giving back what stood is told as what it is', async () => {
    await world.put(randomBytes(700))
    await damage(3)
    const { history: _none, ...forgetful } = world.driver
    world.driver = forgetful
    await expect(world.put(randomBytes(900))).rejects.toMatchObject({ code: 'provider_error' })
    expect(await world.document()).toMatchObject({ size: 900, checksum: { verdict: 'mismatch' } })
    const content = randomBytes(300)
    await world.put(content)
    await expectAtRest(content)
  })

  test('of a document that is new leaves nothing, whatever comes then', async () => {
    await damage(3)
    await expect(world.put(randomBytes(900))).rejects.toMatchObject({ code: 'digest_mismatch' })
    expect(await world.files()).toEqual([])
    await damage(1)
    await (await world.announce(randomBytes(900))).upload()
    await world.deliverOnce()
    expect((await world.row()).change).toMatchObject({ damaged: 1, state: 'waiting' })
    await world.place.full(true)
    await world.sweepAfter(60)
    await world.place.full(false)
    expect(await world.document()).toMatchObject({ error: { code: 'provider_quota_exceeded' } })
    expect(await world.files()).toEqual([])
  })

  test('of an upload leaves nothing either when a put comes before the right ones', async () => {
    await damage(1)
    const { upload } = await world.announce(randomBytes(900))
    await upload()
    await world.deliverOnce()
    expect((await world.row()).change).toMatchObject({ damaged: 1, state: 'waiting' })
    const content = randomBytes(300)
    await world.put(content)
    await world.deliverQueue()
    await expectAtRest(content)
  })
})
