import { describe, expect, test } from 'vitest'
import { getDocument } from '../../../lib/documents/get-document.ts'
import { statDocument } from '../../../lib/documents/stat-document.ts'
import { ingestObject } from '../../../lib/intake/ingest.ts'
import { hallWorld } from '../../support/hall-world.ts'
import { documentDeps, randomBytes } from '../../support/intake-world.ts'

describe('what stands in a bucket', () => {
  const world = hallWorld('s3')
  const { put, document } = world
  const read = async (): Promise<Buffer> => {
    const { userId } = world.connection
    const asked = { range: undefined, ifNoneMatch: undefined, ifRange: undefined, isHead: false }
    const outcome = await getDocument(documentDeps(world.opened), {
      ...world.where(),
      userId,
      signal: new AbortController().signal,
      ...asked,
    })
    if (outcome.kind !== 'content') throw new Error(`It is ${outcome.kind}.`)
    return Buffer.concat(await outcome.body.toArray())
  }
  const expectStanding = async (
    bytes: Buffer,
    before: Awaited<ReturnType<typeof document>>,
    status: string,
  ): Promise<void> => {
    const { etag, size, objectKey, checksum } = before
    expect(await document()).toMatchObject({ status, etag, size, objectKey, checksum })
    expect((await read()).equals(bytes)).toBe(true)
  }

  test('is read while an upload is under way, and replaced when it ends', async () => {
    const bytes = randomBytes(900)
    await put(bytes)
    const before = await document()
    const next = randomBytes(90_000)
    const object = await world.drop(next)
    await world.played.fault({ method: 'PUT' }, { type: 'status', status: 503, reason: 'SlowDown' }, 100)
    const delivery = { messageId: 'one', deadline: world.clock.now() + 60_000 }
    const end = await ingestObject(world.opened.deps, object, delivery)
    expect(end.kind).toBe('again')
    await expectStanding(bytes, before, 'uploading')
    await world.played.clearFaults()
    world.clock.advance(end.kind === 'again' ? end.afterSeconds * 1000 : 0)
    const again = await ingestObject(world.opened.deps, object, {
      ...delivery,
      deadline: world.clock.now() + 60_000,
    })
    expect(again.kind).toBe('done')
    await expectStanding(next, await document(), 'stored')
  })

  test('is read after a replacement that the bucket refused', async () => {
    const bytes = randomBytes(900)
    await put(bytes)
    const before = await document()
    await world.played.fault({ method: 'PUT' }, { type: 'status', status: 403, reason: 'AccessDenied' }, 100)
    await expect(put(randomBytes(1000))).rejects.toMatchObject({ code: 'operator_attention' })
    await world.played.clearFaults()
    await expectStanding(bytes, before, 'failed')
    const next = randomBytes(1000)
    await put(next)
    await expectStanding(next, await document(), 'stored')
  })

  test('is read after a delete that the bucket did not take', async () => {
    const bytes = randomBytes(900)
    await put(bytes)
    const before = await document()
    await world.played.fault({ method: 'DELETE' }, { type: 'status', status: 503, reason: 'SlowDown' }, 100)
    await expect(world.remove()).rejects.toMatchObject({ code: expect.any(String) })
    await world.played.clearFaults()
    await expectStanding(bytes, before, 'stored')
    await world.remove()
    expect(await world.isThere()).toBe(false)
  })

  describe.each([true, false])(
    'that was replaced while the bucket took its time (a stranger there: %s)',
    (own) => {
      /** The first call that `name` has is as slow as it takes to be overtaken. */
      const overtaken = async (name: 'read' | 'stat'): Promise<Buffer> => {
        await put(randomBytes(900))
        const real = world.driver
        const next = randomBytes(700)
        let isFirst = true
        const slowly =
          <Given extends unknown[], Answer>(call: (...given: Given) => Promise<Answer>) =>
          async (...given: Given): Promise<Answer> => {
            if (isFirst) {
              isFirst = false
              const [old] = await world.files()
              await put(next)
              if (own) await world.place.own(old?.name ?? '', Buffer.from('a stranger'))
            }
            return await call(...given)
          }
        world.driver = { ...real, [name]: slowly(real[name].bind(real) as typeof real.read) }
        return next
      }

      test('is read as it stands then', async () => {
        const next = await overtaken('read')
        expect((await read()).equals(next)).toBe(true)
      })

      test('is looked at as it stands then', async () => {
        const next = await overtaken('stat')
        const { userId } = world.connection
        const request = { ...world.where(), userId, signal: new AbortController().signal }
        const row = await statDocument(documentDeps(world.opened), request)
        expect(row.standing).toMatchObject({ size: next.length })
        expect(await document()).toMatchObject({ size: next.length })
      })
    },
  )
})
