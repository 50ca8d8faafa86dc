import { describe, expect, test } from 'vitest'
import type { Driver, ObjectEntry } from '../../../lib/storage/driver.ts'
import { hallWorld, writes } from '../../support/hall-world.ts'
import { randomBytes } from '../../support/intake-world.ts'

describe('a hash that comes late and is of other bytes than were sent', () => {
  const world = hallWorld('onedrive')
  const { expectAtRest } = world
  const { small, large } = writes.onedrive
  const doors = [
    ['a small upload', 900, async (content: Buffer) => void (await world.upload(content))],
    ['a large upload', large, async (content: Buffer) => void (await world.upload(content))],
    ['a drop', 900, async (content: Buffer) => await world.ingest(content)],
  ] as const

  /** The drive computes its hashes only when it is asked to, from now on. */
  const late = (): { compute(): void } => {
    let isLate = true
    const plain = world.driver
    const { sessions = expect.unreachable() } = plain
    const said = (entry: ObjectEntry): ObjectEntry => (isLate ? { ...entry, checksums: {} } : entry)
    const slow: Driver = {
      ...plain,
      stat: async (...given) => said(await plain.stat(...given)),
      sessions: {
        ...sessions,
        async send(...given) {
          const progress = await sessions.send(...given)
          return progress.state === 'done' ? { ...progress, entry: said(progress.entry) } : progress
        },
      },
    }
    world.driver = slow
    return {
      compute() {
        isLate = false
      },
    }
  }

  test.each(doors)('has the right ones of %s sent again by itself', async (_door, size, bring) => {
    const hashes = late()
    await world.played.fault({ ...small, fragment: 1 }, { type: 'corrupt' })
    const content = randomBytes(size)
    await bring(content)
    expect(await world.document()).toMatchObject({ status: 'stored', checksum: { verdict: 'unverified' } })
    hashes.compute()
    await world.sweepAfter(20)
    await expectAtRest(content)
    expect(await world.document()).toMatchObject({ status: 'stored', checksum: { verdict: 'verified' } })
    expect(await world.told()).toEqual(['Document Stored', 'Document Stored'])
  })

  test('is damage also of a kind of file that the drive rewrites, when the size is as it was', async () => {
    const hashes = late()
    world.driver = { ...world.driver, traits: { ...world.driver.traits, rewrites: () => true } }
    await world.played.fault({ ...small, fragment: 1 }, { type: 'corrupt' })
    const content = randomBytes(900)
    await world.upload(content)
    hashes.compute()
    await world.sweepAfter(20)
    await expectAtRest(content)
  })

  test.each(doors)('again and again is told, and the bytes of %s are kept', async (_door, size, bring) => {
    const hashes = late()
    await world.played.fault({ ...small, fragment: 1 }, { type: 'corrupt' }, 3)
    await bring(randomBytes(size))
    hashes.compute()
    await world.sweepAfter(20)
    for (const seconds of [20, 60]) await world.sweepAfter(seconds)
    expect(await world.played.pendingFaults()).toBe(0)
    expect(await world.document()).toMatchObject({ status: 'failed', checksum: { verdict: 'mismatch' } })
    expect((await world.told()).at(-1)).toBe('Document Failed')
    expect(await world.intake()).toHaveLength(1)
    expect(await world.row()).not.toHaveProperty('open')
    await world.remove()
    expect([await world.intake(), await world.files()]).toEqual([[], []])
  })

  test.each([
    ['its connection waits for its user', true],
    ['nobody came to ask', false],
  ])('finds the right ones also when %s for longer than a hash takes', async (_why, isRevoked) => {
    const hashes = late()
    await world.played.fault({ ...small, fragment: 1 }, { type: 'corrupt' })
    const content = randomBytes(900)
    await world.upload(content)
    hashes.compute()
    const { connections } = world.opened
    const { connectionId } = world.connection
    const become = async (status: 'requires_reauth' | 'active') =>
      await connections.change(world.connection, connectionId, () => ({ status }))
    if (isRevoked) {
      await become('requires_reauth')
      await world.sweepAfter(20)
      expect(await world.document()).toMatchObject({ checksum: { verdict: 'unverified' } })
    }
    await world.pass(3600)
    expect(await world.intake()).toHaveLength(1)
    if (isRevoked) await become('active')
    await world.sweepAfter(1)
    await expectAtRest(content)
    expect(await world.document()).toMatchObject({ status: 'stored', checksum: { verdict: 'verified' } })
  })

  test('of a put, whose bytes are nowhere else, is told', async () => {
    const hashes = late()
    await world.played.fault({ ...small, fragment: 1 }, { type: 'corrupt' })
    await world.put(randomBytes(900))
    hashes.compute()
    await world.sweepAfter(20)
    expect(await world.document()).toMatchObject({
      status: 'failed',
      error: { code: 'provider_error' },
      checksum: { verdict: 'mismatch' },
    })
    expect(await world.told()).toEqual(['Document Stored', 'Document Failed'])
    const content = randomBytes(300)
    await world.put(content)
    await expectAtRest(content)
  })

  test('keeps nothing of a document that is deleted or replaced before it comes', async () => {
    late()
    await world.upload(randomBytes(900))
    expect(await world.intake()).toHaveLength(1)
    await world.remove()
    expect([await world.intake(), await world.files()]).toEqual([[], []])
    expect(await world.isThere()).toBe(false)
    await world.upload(randomBytes(900))
    const key = await world.upload(randomBytes(800))
    expect(await world.intake()).toEqual([key])
  })

  test('is not asked for any more once it has proven the bytes, which go at once', async () => {
    const hashes = late()
    const content = randomBytes(900)
    await world.upload(content)
    hashes.compute()
    await world.sweepAfter(20)
    await expectAtRest(content)
  })
})
