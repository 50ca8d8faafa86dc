import { describe, expect, test } from 'vitest'
import { walkConnection } from '../../../lib/transfer/wake.ts'
import { hallProviders, hallWorld } from '../../support/hall-world.ts'
import { randomBytes } from '../../support/intake-world.ts'

describe.each(hallProviders)('bytes of an upload that failed, on their way to %s', (provider) => {
  const world = hallWorld(provider)
  const { expectAtRest } = world
  /** Fails an upload by a full drive; answers where its bytes are kept. */
  const failing = async (content = randomBytes(3000)): Promise<string> => {
    await world.place.full(true)
    const key = await world.upload(content)
    await world.place.full(false)
    expect(await world.document()).toMatchObject({ error: { code: 'provider_quota_exceeded' } })
    expect(await world.intake()).toEqual([key])
    return key
  }

  test('are kept, and go with the document when it is deleted', async () => {
    await failing()
    await world.remove()
    expect(await world.intake()).toEqual([])
    expect(await world.isThere()).toBe(false)
  })

  test('go with a document that stands when it is deleted', async () => {
    await world.put(randomBytes(100))
    await failing()
    await world.remove()
    expect(await world.intake()).toEqual([])
    expect(await world.files()).toEqual([])
    expect(await world.isThere()).toBe(false)
  })

  test.each([
    ['a put', async (content: Buffer) => void (await world.put(content))],
    ['an upload', async (content: Buffer) => void (await world.upload(content))],
    ['a drop', async (content: Buffer) => await world.ingest(content)],
  ])('go when %s brings a newer version', async (_door, bring) => {
    await failing()
    const content = randomBytes(500)
    await bring(content)
    await expectAtRest(content)
  })

  test('stay while what follows them fails, but for those of a newer upload', async () => {
    const first = await failing()
    await world.place.full(true)
    await expect(world.put(randomBytes(500))).rejects.toMatchObject({ code: 'provider_quota_exceeded' })
    await world.place.full(false)
    expect(await world.intake()).toEqual([first])
    const second = await failing(randomBytes(4000))
    expect(second).not.toBe(first)
    await world.remove()
    expect(await world.intake()).toEqual([])
  })

  test('stay under a key that the same bytes are dropped to again, until these are stored', async () => {
    const content = randomBytes(700)
    await world.place.full(true)
    await world.ingest(content)
    await world.ingest(content)
    expect(await world.intake()).toHaveLength(1)
    await world.place.full(false)
    // Dropped once more, it has no tag any more.
    await world.ingest(content)
    await expectAtRest(content)
  })

  test('stay as kept when they are sent once more by their URL', async () => {
    const upload = await world.announce(randomBytes(3000))
    await upload.upload()
    await world.place.full(true)
    await world.deliverQueue()
    await world.place.full(false)
    await upload.upload()
    await world.deliverQueue()
    expect(await world.intake()).toEqual([upload.key])
    expect(await world.opened.deps.bucket.keptAs(upload.key)).toBe('failed')
    await world.remove()
    expect(await world.intake()).toEqual([])
  })

  test('are those that failed: what comes by their URL later does not stay', async () => {
    const upload = await world.announce(randomBytes(3000))
    const { connections, deps } = world.opened
    await connections.update(world.connection, { status: 'disconnected' })
    await walkConnection(deps, world.connection, deps.clock.now() + 60_000)
    await upload.upload()
    await world.deliverQueue()
    expect(await world.intake()).toEqual([])
  })

  test('do not stay on a connection that is given up while a put has pushed them aside', async () => {
    const upload = await world.announce(randomBytes(3000))
    await upload.upload()
    const { documents } = world.opened.deps
    const die = () => Promise.reject(new Error('killed'))
    const dying = { documents: { ...documents, settle: die } }
    await expect(world.put(randomBytes(500), { on: dying })).rejects.toThrow('killed')
    const { connections, deps } = world.opened
    await connections.update(world.connection, { status: 'disconnected' })
    await walkConnection(deps, world.connection, deps.clock.now() + 60_000)
    await world.deliverQueue()
    expect(await world.intake()).toEqual([])
    expect(await world.document()).toMatchObject({ error: { code: 'connection_not_found' } })
    expect(await world.row()).not.toHaveProperty('open')
  })
})
