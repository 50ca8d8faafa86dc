import { describe, expect, test } from 'vitest'
import { ServiceError } from '../../../lib/errors.ts'
import { ingestObject } from '../../../lib/intake/ingest.ts'
import { contentOf } from '../../../lib/storage/bytes.ts'
import type { Driver } from '../../../lib/storage/driver.ts'
import { hallProviders, hallWorld, writes } from '../../support/hall-world.ts'
import { deliverMessage, messageOf, randomBytes, sha256 } from '../../support/intake-world.ts'

const unheard = (): never => {
  throw new ServiceError('provider_unavailable', 'No answer came.', {
    retry: { retryable: true, ambiguous: true },
  })
}

/** A drive whose last request gets no answer; it arrives there when a test says so. */
function slow(real: Driver) {
  let arrive: () => Promise<unknown> = () => Promise.resolve()
  let end: () => Promise<unknown> = () => Promise.resolve()
  const later =
    <Given extends unknown[]>(send: (...given: Given) => Promise<unknown>) =>
    (...given: Given): Promise<never> => {
      arrive = async () => await send(...given)
      return Promise.resolve().then(unheard)
    }
  const { sessions = expect.unreachable() } = real
  const driver: Driver = {
    ...real,
    write: later(real.write.bind(real)),
    sessions: {
      ...sessions,
      async begin(...given) {
        await end()
        const session = await sessions.begin(...given)
        end = async () => await sessions.cancel(session)
        return session
      },
      send: later(sessions.send.bind(sessions)),
      // That it is to end is lost as well.
      cancel: () => Promise.resolve(),
    },
  }
  return { driver, arrive: async () => await arrive() }
}

describe.each(hallProviders)('what arrives at %s after it was told to have failed', (provider) => {
  const world = hallWorld(provider)
  const { expectAtRest } = world
  const failing = async () => {
    const { driver, arrive } = slow(world.driver)
    const content = randomBytes(700)
    const putting = world.put(content, { on: { openDriver: () => Promise.resolve(driver) } })
    await expect(putting).rejects.toMatchObject({ code: 'provider_unavailable' })
    return { arrive, content }
  }

  test('is taken back', async () => {
    const { arrive, content } = await failing()
    await arrive()
    expect(await world.hashes()).toEqual([sha256(content)])
    await world.sweepAfter(61)
    expect(await world.files()).toEqual([])
    expect((await world.row()).remove).toEqual({})
    expect(await world.row()).not.toHaveProperty('open')
  })

  test('is taken back when another request has stored its document since', async () => {
    const { arrive } = await failing()
    await arrive()
    const content = randomBytes(800)
    await world.put(content)
    await world.sweepAfter(61)
    await expectAtRest(content)
  })

  test('is taken back when it is of an upload that another has ended', async () => {
    const real = world.driver
    const { driver, arrive } = slow(real)
    world.driver = driver
    await (await world.announce(randomBytes(700))).upload()
    await world.deliverOnce()
    world.driver = real
    const content = randomBytes(800)
    const next = await world.announce(content)
    // A session has read nothing yet, and its bytes have gone.
    await arrive().catch(() => undefined)
    await next.upload()
    await world.deliverQueue()
    await world.sweepAfter(61)
    await expectAtRest(content)
  })

  test('is not mixed up with its user’s own file of that name and size', async () => {
    const { arrive, content } = await failing()
    await arrive()
    const [late = expect.unreachable()] = await world.files()
    expect(late.sha256).toBe(sha256(content))
    const own = randomBytes(700)
    // Over it, or beside it where two files may have one name.
    await world.place.own('doc.bin', own)
    await world.sweepAfter(61)
    expect(await world.hashes()).toEqual([sha256(own)])
    expect((await world.row()).remove).toEqual({})
  })
})

describe('bytes that the drive has stored wrongly', () => {
  const world = hallWorld('onedrive')
  const { expectAtRest } = world

  test('are replaced by an upload also when the drive did not say at once what it has', async () => {
    await world.played.fault(writes.onedrive.small, { type: 'corrupt' })
    const real = world.driver
    let isBusy = true
    world.driver = {
      ...real,
      async stat(...given) {
        if (!isBusy) return await real.stat(...given)
        isBusy = false
        throw new ServiceError('provider_unavailable', 'It is busy.', { retry: { retryable: true } })
      },
    }
    const content = randomBytes(700)
    await world.upload(content)
    expect(isBusy).toBe(false)
    await expectAtRest(content)
  })

  test('go when their claim is lost before they are sent again', async () => {
    await world.played.fault(writes.onedrive.small, { type: 'corrupt' })
    const object = await world.drop(randomBytes(500))
    const [stored, goOn] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()]
    const { sessions = expect.unreachable() } = world.driver
    const send: typeof sessions.send = async (...given) => {
      const end = await sessions.send(...given)
      stored.resolve(undefined)
      await goOn.promise
      return end
    }
    const driver = { ...world.driver, sessions: { ...sessions, send } }
    const deps = { ...world.opened.deps, openDriver: () => Promise.resolve(driver) }
    const delivery = { messageId: 'one', deadline: world.clock.now() + 120_000 }
    const end = deliverMessage({ deps }, messageOf(object), delivery)
    await stored.promise
    expect(await world.files()).toHaveLength(1)
    await world.announce(randomBytes(600))
    goOn.resolve(undefined)
    expect(await end).toEqual({ kind: 'done' })
    expect(await world.files()).toEqual([])
  })

  test('leave no file of a put when the drive does not say what it has', async () => {
    await world.played.fault(writes.onedrive.small, { type: 'corrupt' })
    const locked = () => Promise.reject(new ServiceError('provider_unavailable', 'It is locked.'))
    const on = { openDriver: () => Promise.resolve({ ...world.driver, stat: locked }) }
    await expect(world.put(randomBytes(700), { on })).rejects.toMatchObject({ code: 'provider_unavailable' })
    expect(await world.files()).toEqual([])
    expect((await world.row()).remove).toEqual({})
  })
})

describe.each([
  ['wrongly, and nobody could ask', true],
  ['well, and nobody could write down', false],
])('what the drive has stored over what stood, %s', (_how, isDamaged) => {
  const world = hallWorld('onedrive')
  const { expectAtRest } = world
  const unavailable = () => Promise.reject(new ServiceError('provider_unavailable', 'It is locked.'))
  const putLocked = async (content: Buffer) => {
    if (isDamaged) await world.played.fault(writes.onedrive.small, { type: 'corrupt' })
    const { documents } = world.opened.deps
    const on = isDamaged
      ? { openDriver: () => Promise.resolve({ ...world.driver, stat: unavailable }) }
      : { documents: { ...documents, settle: unavailable } }
    await expect(world.put(content, { on })).rejects.toMatchObject({ code: 'provider_unavailable' })
  }

  test('is looked at by whoever comes next', async () => {
    const before = randomBytes(700)
    await world.put(before)
    const content = randomBytes(700)
    await putLocked(content)
    await world.sweepAfter(1)
    expect(await world.hashes()).toEqual([sha256(isDamaged ? before : content)])
    expect(await world.document()).toMatchObject({
      status: isDamaged ? 'failed' : 'stored',
      checksum: { verdict: 'verified' },
    })
  })

  test('is settled before another writer owns it', async () => {
    await world.put(randomBytes(700))
    await putLocked(randomBytes(700))
    const content = randomBytes(800)
    await world.put(content)
    await expectAtRest(content)
    expect(await world.told()).toEqual([
      'Document Stored',
      isDamaged ? 'Document Failed' : 'Document Stored',
      'Document Stored',
    ])
  })
})

describe('an upload that the drive has stored wrongly, and nobody could ask', () => {
  const world = hallWorld('onedrive')
  const { expectAtRest } = world

  test('is written over when it is known again, also when its session is gone', async () => {
    await world.played.fault(writes.onedrive.small, { type: 'corrupt' })
    const real = world.driver
    const { sessions = expect.unreachable() } = real
    const locked = () =>
      Promise.reject(
        new ServiceError('provider_unavailable', 'It is locked.', {
          retry: { retryable: true, afterSeconds: 30 },
        }),
      )
    world.driver = { ...real, stat: locked }
    const content = randomBytes(700)
    await (await world.announce(content)).upload()
    await world.deliverOnce()
    const gone = () => Promise.resolve({ state: 'gone' } as const)
    world.driver = { ...real, sessions: { ...sessions, ask: gone } }
    await world.sweepAfter(60)
    await expectAtRest(content)
  })
})

describe('a file that was thrown away after its last byte', () => {
  const world = hallWorld('google-drive')

  test('stays away when its session is asked once more', async () => {
    const content = randomBytes(writes['google-drive'].large)
    const { sessions = expect.unreachable(), places } = world.driver
    const objectKey = await places?.make()
    const session = await sessions.begin({
      userId: world.connection.userId,
      contentType: 'application/pdf',
      size: content.length,
      target: { kind: 'new', file: 'doc.pdf', ...(objectKey ? { objectKey } : {}) },
    })
    const body = contentOf(content)
    const end = await sessions.send(session, { body, offset: 0, total: content.length })
    expect(end).toMatchObject({ state: 'done', entry: { objectKey } })
    await world.driver.remove(objectKey ?? expect.unreachable())
    expect(await sessions.ask(session, content.length)).toEqual({ state: 'gone' })
    expect(await world.files()).toEqual([])
  })
})

describe('a drop that a newer one under its key ends after the drive had it', () => {
  const world = hallWorld('onedrive')
  const { expectAtRest } = world

  test('leaves no file, although its bytes are gone', async () => {
    const real = world.driver
    const { sessions = expect.unreachable() } = real
    world.driver = {
      ...real,
      sessions: {
        ...sessions,
        send: async (...given) => {
          await sessions.send(...given)
          return unheard()
        },
        ask: () => Promise.resolve().then(unheard),
      },
    }
    await world.drop(randomBytes(700))
    await world.deliverOnce()
    world.driver = real
    expect(await world.files()).toHaveLength(1)
    const content = randomBytes(800)
    await world.ingest(content)
    await world.sweepAfter(61)
    await expectAtRest(content)
  })
})

describe.each(hallProviders)('what a process has made at %s that nobody heard of any more', (provider) => {
  const world = hallWorld(provider)
  const { expectAtRest } = world

  test('goes although the object that it was made of has been replaced in the bucket', async () => {
    const real = world.driver
    const { sessions = expect.unreachable() } = real
    const landed = Promise.withResolvers<undefined>()
    const lands =
      <Given extends unknown[]>(call: (...given: Given) => Promise<unknown>) =>
      async (...given: Given): Promise<never> => {
        await call(...given)
        landed.resolve(undefined)
        return await new Promise<never>(() => undefined)
      }
    world.driver = {
      ...real,
      write: lands(real.write.bind(real)),
      sessions: { ...sessions, send: lands(sessions.send.bind(sessions)) },
    }
    const object = await world.drop(randomBytes(700))
    void ingestObject(world.opened.deps, object, world.delivery()).catch(() => undefined)
    await landed.promise
    world.driver = real
    const content = randomBytes(800)
    await world.ingest(content)
    await world.sweepAfter(61)
    await expectAtRest(content)
  })
})

// Where a place has an id of its own, whoever takes the claim over has that file, too.
describe.each(['onedrive', 'dropbox', 's3'] as const)('what a sender has made at %s', (provider) => {
  const world = hallWorld(provider)

  test('goes when its claim was lost, also where the drive is busy at first', async () => {
    const real = world.driver
    const { sessions = expect.unreachable() } = real
    const lost =
      <Given extends unknown[], Answer>(call: (...given: Given) => Promise<Answer>) =>
      async (...given: Given): Promise<Answer> => {
        const answer = await call(...given)
        const row = await world.row()
        const fence = (row.change?.fence ?? 0) + 1
        await world.opened.deps.documents.work(row, { fence, owner: 'another', until: world.clock.now() })
        return answer
      }
    let refusals = 0
    const driver: Driver = {
      ...real,
      write: lost(real.write.bind(real)),
      sessions: { ...sessions, send: lost(sessions.send.bind(sessions)) },
      async remove(...given) {
        refusals += 1
        if (refusals < 3)
          throw new ServiceError('provider_throttled', 'Slower.', { retry: { retryable: true } })
        await real.remove(...given)
      },
    }
    const putting = world.put(randomBytes(700), { on: { openDriver: () => Promise.resolve(driver) } })
    await expect(putting).rejects.toMatchObject({ code: 'document_busy' })
    expect(refusals).toBe(3)
    expect(await world.files()).toEqual([])
  })
})

describe('a put whose file has no hash yet when its answer is lost', () => {
  const world = hallWorld('onedrive')

  test('leaves one file, although it has to take another name', async () => {
    const real = world.driver
    const { sessions = expect.unreachable() } = real
    let sent = 0
    const driver: Driver = {
      ...real,
      sessions: {
        ...sessions,
        async send(...given) {
          const answer = await sessions.send(...given)
          sent += 1
          return sent === 1 ? unheard() : answer
        },
        ask: () => Promise.resolve().then(unheard),
      },
      async find(...given) {
        if (sent === 1) {
          sent += 1
          return unheard()
        }
        const entry = await real.find(...given)
        return entry && { ...entry, checksums: {} }
      },
    }
    const content = randomBytes(700)
    await world.put(content, { on: { openDriver: () => Promise.resolve(driver) } })
    expect(await world.files()).toHaveLength(2)
    await world.sweepAfter(61)
    await world.expectAtRest(content)
  })
})
