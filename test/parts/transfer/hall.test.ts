import { describe, expect, test } from 'vitest'
import type { DocumentDeps } from '../../../lib/documents/deps.ts'
import { announceForgotten } from '../../../lib/intake/forgotten.ts'
import { rowMessage } from '../../../lib/queue/row-message.ts'
import type { Driver } from '../../../lib/storage/driver.ts'
import type { Claimed } from '../../../lib/transfer/hall.ts'
import { settleFailed } from '../../../lib/transfer/settle.ts'
import { hallWorld, writes } from '../../support/hall-world.ts'
import { deliverMessage, messageOf, randomBytes, takeMessages } from '../../support/intake-world.ts'

/**
 * A drive whose writes stop, before they are sent or before their
 * answer is heard, until somebody lets them go on.
 */
function stopping(real: Driver, where: 'before' | 'after') {
  const reached = Promise.withResolvers<undefined>()
  const goOn = Promise.withResolvers<undefined>()
  const stop = async (): Promise<void> => {
    reached.resolve(undefined)
    await goOn.promise
  }
  const around = async <T>(write: () => Promise<T>): Promise<T> => {
    if (where === 'before') await stop()
    const answer = await write()
    if (where === 'after') await stop()
    return answer
  }
  const { sessions = expect.unreachable() } = real
  const driver: Driver = {
    ...real,
    write: async (...args) => await around(async () => await real.write(...args)),
    sessions: {
      ...sessions,
      begin: async (...args) =>
        where === 'before'
          ? await around(async () => await sessions.begin(...args))
          : await sessions.begin(...args),
      send: async (...args) =>
        where === 'after'
          ? await around(async () => await sessions.send(...args))
          : await sessions.send(...args),
    },
  }
  return { driver, reached: reached.promise, goOn: () => goOn.resolve(undefined) }
}

describe.each(['google-drive', 'onedrive'] as const)('one row a document, on %s', (provider) => {
  const world = hallWorld(provider)
  const { where, row, document, told, intake, announce, deliverBody, deliverQueue, expectAtRest } = world
  const { large, send } = writes[provider]
  const put = async (bytes: Buffer, on: Partial<DocumentDeps> = {}) => await world.put(bytes, { on })
  /** A put that nobody hears of any more once it has stopped. */
  const putStopping = async (bytes: Buffer, at: 'before' | 'after') => {
    const stopped = stopping(world.driver, at)
    const answer = put(bytes, { openDriver: () => Promise.resolve(stopped.driver) })
    answer.catch(() => undefined)
    await stopped.reached
    return { answer, goOn: stopped.goOn }
  }
  /** Its time is over: its claim is void. */
  const passRequest = (): void => world.clock.advance(world.opened.deps.settings.requestMs + 1)

  describe('a put lays an earlier change aside', () => {
    test('which is waited for again when the put fails', async () => {
      const content = randomBytes(3000)
      const upload = await announce(content)
      await world.place.full(true)
      await expect(put(randomBytes(500))).rejects.toMatchObject({ code: 'provider_quota_exceeded' })
      await world.place.full(false)
      expect(await document()).toMatchObject({ status: 'receiving' })
      await upload.upload()
      await deliverQueue()
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Failed', 'Document Stored'])
    })

    test('which goes on by itself when it was under way and the put fails', async () => {
      const content = randomBytes(large)
      const object = await world.drop(content)
      await world.played.fault(
        { ...send, fragment: 2 },
        { type: 'status', status: 429, headers: { 'retry-after': '600' } },
      )
      const delivery = { messageId: 'drop', deadline: world.clock.now() + 60_000 }
      expect((await deliverMessage(world.opened, messageOf(object), delivery)).kind).toBe('again')
      await takeMessages(world.opened)
      await world.place.full(true)
      await expect(put(randomBytes(500))).rejects.toMatchObject({ code: 'provider_quota_exceeded' })
      await world.place.full(false)
      await deliverQueue()
      await expectAtRest(content)
    })

    test('which is over when the put is stored: its bytes are taken by nobody and go', async () => {
      const upload = await announce(randomBytes(3000))
      const content = randomBytes(500)
      await put(content)
      await upload.upload()
      await deliverQueue()
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Stored'])
    })
  })

  test('bytes that arrive while a put is under way wait for its end', async () => {
    const content = randomBytes(3000)
    const upload = await announce(content)
    await world.place.full(true)
    const putting = await putStopping(randomBytes(500), 'before')
    await upload.upload()
    const [body = ''] = (await takeMessages(world.opened)).filter((one) => one.includes('ObjectCreated'))
    const delivery = { messageId: 'up', deadline: world.clock.now() + 60_000 }
    expect((await deliverMessage(world.opened, body, delivery)).kind).toBe('again')
    expect(await intake()).toEqual([upload.key])
    putting.goOn()
    await expect(putting.answer).rejects.toMatchObject({ code: 'provider_quota_exceeded' })
    await world.place.full(false)
    await deliverBody(body)
    await expectAtRest(content)
  })

  test('who lost the claim tells nothing and undoes nothing of who has it', async () => {
    const slow = await putStopping(randomBytes(500), 'after')
    passRequest()
    const content = randomBytes(700)
    await put(content)
    slow.goOn()
    // Its bytes were found and told of before it was replaced.
    await slow.answer.catch((error: unknown) => expect(error).toMatchObject({ code: 'document_busy' }))
    await expectAtRest(content)
    expect(await told()).toEqual(['Document Stored', 'Document Stored'])
    expect(new Set((await world.events()).map(({ id }) => id)).size).toBe(2)
  })

  test('a claim whose answer was lost, and that somebody has ended since, is another change the next time', async () => {
    const { deps } = world.opened
    const { documents } = deps
    let isFirst = true
    const claim: typeof documents.claim = async (...given) => {
      const claimed = await documents.claim(...given)
      if (!isFirst) return claimed
      isFirst = false
      await settleFailed(deps, claimed as Claimed, { code: 'connection_not_found', detail: 'It was ended.' })
      return undefined
    }
    const content = randomBytes(500)
    await put(content, { documents: { ...documents, claim } })
    await world.sweepAfter(61)
    await expectAtRest(content)
    expect(await told()).toEqual(['Document Failed', 'Document Stored'])
    expect(new Set((await world.events()).map(({ id }) => id)).size).toBe(2)
  })

  test('a worker that was taken for dead writes nothing more, while another works on the same change', async () => {
    const content = randomBytes(500)
    const object = await world.drop(content)
    const work = async (body: string, messageId: string) => {
      const stopped = stopping(world.driver, 'before')
      const deps = { ...world.opened.deps, openDriver: () => Promise.resolve(stopped.driver) }
      const end = deliverMessage({ deps }, body, { messageId, deadline: world.clock.now() + 120_000 })
      await stopped.reached
      return { end, goOn: stopped.goOn }
    }
    const first = await work(messageOf(object), 'first')
    world.clock.advance(world.opened.deps.settings.leaseMs + 1)
    await deliverBody(rowMessage(where()))
    const second = await work(rowMessage(where()), 'second')
    const { change } = await row()
    first.goOn()
    expect(await first.end).toEqual({ kind: 'done' })
    expect((await row()).change).toEqual(change)
    expect(await told()).toEqual([])
    second.goOn()
    expect(await second.end).toEqual({ kind: 'done' })
    await expectAtRest(content)
    expect(await told()).toEqual(['Document Stored'])
  })

  describe('a change whose sender is gone is settled before another owns the row', () => {
    test('as stored when the drive has it', async () => {
      await putStopping(randomBytes(500), 'after')
      passRequest()
      const content = randomBytes(700)
      expect((await put(content)).created).toBe(false)
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Stored', 'Document Stored'])
    })

    test('as failed when the drive has not', async () => {
      await putStopping(randomBytes(500), 'before')
      passRequest()
      const content = randomBytes(700)
      expect((await put(content)).created).toBe(true)
      // What the first one sent may still arrive: it is looked for once more.
      await world.sweepAfter(60)
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Failed', 'Document Stored'])
    })

    test('and what it had laid aside goes on when it has failed', async () => {
      const upload = await announce(randomBytes(3000))
      await putStopping(randomBytes(500), 'before')
      passRequest()
      await world.sweepAfter(0)
      expect(await document()).toMatchObject({ status: 'receiving' })
      await upload.upload()
      await deliverQueue()
      expect(await document()).toMatchObject({ status: 'stored', size: 3000 })
    })
  })

  describe('a single request under a living claim', () => {
    test('is waited for, and then replaced', async () => {
      const first = await putStopping(randomBytes(500), 'after')
      const content = randomBytes(700)
      let waits = 0
      const waiting = {
        ...world.clock,
        sleep: async () => {
          waits += 1
          first.goOn()
          await first.answer
        },
      }
      const second = await put(content, { clock: waiting })
      expect(waits).toBe(1)
      expect((await first.answer).created).toBe(true)
      expect(second.created).toBe(false)
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Stored', 'Document Stored'])
    })

    test('is not disturbed by who will not wait so long', async () => {
      const content = randomBytes(500)
      const first = await putStopping(content, 'after')
      // At once, so that the first claim outlives both on a slow machine too.
      const others = await Promise.allSettled([put(randomBytes(700)), announce(randomBytes(700))])
      const refused = { status: 'rejected', reason: { code: 'document_busy' } }
      expect(others).toMatchObject([refused, refused])
      first.goOn()
      await first.answer
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Stored'])
    })
  })

  describe('the sweep looks at the drive before it tells of a put whose process died', () => {
    test('that it is stored', async () => {
      const content = randomBytes(500)
      await putStopping(content, 'after')
      passRequest()
      await world.sweepAfter(0)
      expect(await document()).toMatchObject({ status: 'stored', checksum: { verdict: 'verified' } })
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Stored'])
    })

    test('that it has failed, and what stood stands', async () => {
      const content = randomBytes(500)
      const { row: before } = await put(content)
      await putStopping(randomBytes(700), 'before')
      passRequest()
      await world.sweepAfter(0)
      expect(await document()).toMatchObject({ status: 'failed', error: { code: 'provider_unavailable' } })
      expect((await row()).standing).toEqual(before.standing)
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Stored', 'Document Failed'])
    })

    test('that it has not ended while its claim lives', async () => {
      const content = randomBytes(500)
      const living = await putStopping(content, 'before')
      await deliverBody(rowMessage(where()))
      expect(await document()).toMatchObject({ status: 'uploading' })
      living.goOn()
      await living.answer
      await expectAtRest(content)
    })
  })

  describe('what is left is named in the row until it is gone', () => {
    test('the bytes of an upload whose process died when it was stored', async () => {
      const content = randomBytes(500)
      const object = await world.drop(content)
      const { bucket } = world.opened.deps
      const remove = () => Promise.reject(new Error('killed'))
      await deliverMessage(
        { deps: { ...world.opened.deps, bucket: { ...bucket, remove } } },
        messageOf(object),
        {
          messageId: 'killed',
          deadline: world.clock.now() + 60_000,
        },
      )
      expect(await intake()).toEqual([object.key])
      expect(Object.values((await row()).remove ?? {})).toMatchObject([{ kind: 'source', key: object.key }])
      await takeMessages(world.opened)
      await world.sweepAfter(0)
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Stored'])
    })

    test('the session of an upload that was pushed aside while the drive was down', async () => {
      const object = await world.drop(randomBytes(large))
      await world.played.fault(
        { ...send, fragment: 2 },
        { type: 'status', status: 429, headers: { 'retry-after': '600' } },
      )
      const delivery = { messageId: 'drop', deadline: world.clock.now() + 60_000 }
      await deliverMessage(world.opened, messageOf(object), delivery)
      expect(await world.place.sessions()).toBe(1)
      await world.played.fault({ method: 'DELETE' }, { type: 'status', status: 503 })
      const content = randomBytes(900)
      const upload = await announce(content)
      expect(await world.place.sessions()).toBe(1)
      await upload.upload()
      await deliverQueue()
      await world.sweepAfter(0)
      await expectAtRest(content)
    })
  })

  test('bytes that no row names, and whose event was lost, are found in the bucket and go', async () => {
    const earlier = await announce(randomBytes(300))
    const content = randomBytes(400)
    const later = await announce(content)
    await later.upload()
    await deliverQueue()
    await earlier.upload()
    await takeMessages(world.opened)
    world.clock.advance(3_600_000)
    expect(await intake()).toEqual([earlier.key])
    const announced: string[] = []
    await announceForgotten(
      { ...world.opened.deps, announce: (object) => Promise.resolve(void announced.push(messageOf(object))) },
      { deadline: world.clock.now() + 60_000, idleMs: 600_000 },
    )
    for (const body of announced) if (body.includes(world.connection.userKey)) await deliverBody(body)
    await expectAtRest(content)
    expect(await told()).toEqual(['Document Stored'])
  })
})
