import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import type { DocumentDeps } from '../../../lib/documents/deps.ts'
import { presentDocument } from '../../../lib/documents/present.ts'
import { putDocument } from '../../../lib/documents/put-document.ts'
import { announceForgotten } from '../../../lib/intake/forgotten.ts'
import { startIntake } from '../../../lib/intake/start-intake.ts'
import { googleDriveDriver } from '../../../lib/providers/google-drive/driver.ts'
import { oneDriveDriver } from '../../../lib/providers/onedrive/driver.ts'
import { rowMessage } from '../../../lib/queue/row-message.ts'
import type { Driver } from '../../../lib/storage/driver.ts'
import { announcedKey } from '../../../lib/transfer/intake-key.ts'
import { sweep } from '../../../lib/transfer/sweep.ts'
import type { DocumentEvents } from '../../support/document-events.ts'
import { documentEvents } from '../../support/document-events.ts'
import type { Clients, MovableClock, OpenedDeps } from '../../support/intake-world.ts'
import {
  address,
  bucketKeys,
  connect,
  deliverMessage,
  documentDeps,
  drop,
  dropKey,
  messageOf,
  movableClock,
  must,
  openClients,
  openDeps,
  randomBytes,
  sha256,
  startWorld,
  takeMessages,
} from '../../support/intake-world.ts'
import type { Simulator } from '../../support/simulators.ts'
import { startSimulator } from '../../support/simulators.ts'

const drives = {
  'google-drive': { simulator: 'google', open: googleDriveDriver, fragment: 256 * 1024, send: 'upload_id=' },
  onedrive: { simulator: 'microsoft', open: oneDriveDriver, fragment: 320 * 1024, send: 'upload' },
} as const

let world: Awaited<ReturnType<typeof startWorld>>
let clients: Clients
let events: DocumentEvents
beforeAll(async () => {
  world = await startWorld()
  clients = openClients(world.endpoints)
  events = documentEvents(world.endpoints)
})
afterAll(async () => {
  events.close()
  clients.close()
  await world.close()
})

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
  const drive = drives[provider]
  const large = 2 * drive.fragment + 1
  let simulator: Simulator
  let opened: OpenedDeps
  let clock: MovableClock
  let connection: Connection
  let driver: Driver
  let counter = 0
  let message = 0

  beforeAll(async () => {
    simulator = await startSimulator(drive.simulator)
  })
  afterAll(async () => await simulator.close())
  beforeEach(async () => {
    counter += 1
    clock = movableClock()
    opened = openDeps(clients, {
      clock,
      openDriver: () => Promise.resolve(driver),
      publish: () => undefined,
      settings: { streamBytes: drive.fragment },
    })
    connection = await connect(opened, `hall${String(counter)}-${drive.simulator}`, provider)
    const tokens = await simulator.signIn(account())
    const { connectionId } = connection
    const real = drive.open({ connectionId, tokens, clock, endpoint: simulator.origin })
    const { sessions = expect.unreachable() } = real
    driver = {
      ...real,
      traits: { ...real.traits, singleRequestBytes: Math.min(100_000, real.traits.singleRequestBytes) },
      sessions: { ...sessions, fragmentBytes: drive.fragment },
    }
    await takeMessages(opened)
  })
  afterEach(async () => await simulator.clearFaults())

  const account = (): string => `hall${String(counter)}@example.com`
  const where = () => address(connection, 'doc', '.bin')
  const row = async () => must(await opened.deps.documents.get(where()))
  const document = async () => presentDocument(await row())
  const files = async () => (await simulator.files(account())).filter((file) => !file.trashed)
  const hashes = async () => (await files()).map((file) => file.sha256)
  const told = async (): Promise<string[]> => (await events.of(connection)).map(({ type }) => type)
  const put = async (bytes: Buffer, on: Partial<DocumentDeps> = {}) =>
    await putDocument(
      { ...documentDeps(opened), ...on },
      {
        ...where(),
        userId: connection.userId,
        contentType: 'application/octet-stream',
        bytes,
        contentDigest: undefined,
        signal: AbortSignal.timeout(60_000),
      },
    )
  /** A put that nobody hears of any more once it has stopped. */
  const putStopping = async (bytes: Buffer, at: 'before' | 'after') => {
    const stopped = stopping(driver, at)
    const answer = put(bytes, { openDriver: () => Promise.resolve(stopped.driver) })
    answer.catch(() => undefined)
    await stopped.reached
    return { answer, goOn: stopped.goOn }
  }
  const announce = async (content: Uint8Array) => {
    const started = await startIntake(
      { ...opened.deps, chooseConnection: () => Promise.resolve(connection) },
      {
        ...where(),
        userId: connection.userId,
        contentType: 'application/octet-stream',
        size: content.length,
      },
    )
    const { url, method, headers } = started.upload
    return {
      key: announcedKey({ ...where(), changeId: must(started.row.change).id }),
      upload: async () => await fetch(url, { method, headers, body: Buffer.from(content) }),
    }
  }
  const deliverBody = async (body: string): Promise<void> => {
    const messageId = `m${String((message += 1))}`
    for (let deliveries = 1; deliveries <= 20; deliveries += 1) {
      const end = await deliverMessage(opened, body, { messageId, deadline: clock.now() + 60_000 })
      if (end.kind === 'done') return
      clock.advance(end.afterSeconds * 1000)
    }
    throw new Error('The message keeps coming back.')
  }
  const deliverQueue = async (): Promise<void> => {
    const bodies = await takeMessages(opened)
    for (const body of bodies) if (body.includes(connection.userKey)) await deliverBody(body)
    if (bodies.length > 0) await deliverQueue()
  }
  const sweepAll = async (): Promise<void> => {
    await sweep(opened.deps, { deadline: clock.now() + 60_000, idleMs: 0 })
    await deliverQueue()
  }
  const full = async (): Promise<void> => await simulator.setQuota(account(), 1)
  const roomy = async (): Promise<void> => await simulator.setQuota(account(), 1e9)
  /** Its time is over: its claim is void. */
  const passRequest = (): void => clock.advance(opened.deps.settings.requestMs + 1)

  /** What holds at rest: one file, that of the row, and nothing left anywhere. */
  const expectAtRest = async (content: Uint8Array): Promise<void> => {
    expect(await hashes()).toEqual([sha256(content)])
    expect(await document()).toMatchObject({ objectKey: (await files())[0]?.id, size: content.length })
    expect(await row()).not.toHaveProperty('open')
    expect(await row()).toMatchObject({ remove: {} })
    expect(await bucketKeys(opened, connection.userKey)).toEqual([])
    expect(await simulator.sessions(account())).toEqual([])
  }

  describe('a put lays an earlier change aside', () => {
    test('which is waited for again when the put fails', async () => {
      const content = randomBytes(3000)
      const upload = await announce(content)
      await full()
      await expect(put(randomBytes(500))).rejects.toMatchObject({ code: 'provider_quota_exceeded' })
      await roomy()
      expect(await document()).toMatchObject({ status: 'receiving' })
      await upload.upload()
      await deliverQueue()
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Failed', 'Document Stored'])
    })

    test('which goes on by itself when it was under way and the put fails', async () => {
      const content = randomBytes(large)
      const object = await drop(opened, dropKey(where()), content)
      await simulator.fault(
        { method: 'PUT', path: drive.send, fragment: 2 },
        { type: 'status', status: 429, headers: { 'retry-after': '600' } },
      )
      const delivery = { messageId: 'drop', deadline: clock.now() + 60_000 }
      expect((await deliverMessage(opened, messageOf(object), delivery)).kind).toBe('again')
      await takeMessages(opened)
      await full()
      await expect(put(randomBytes(500))).rejects.toMatchObject({ code: 'provider_quota_exceeded' })
      await roomy()
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
    await full()
    const putting = await putStopping(randomBytes(500), 'before')
    await upload.upload()
    const [body = ''] = (await takeMessages(opened)).filter((one) => one.includes('ObjectCreated'))
    const delivery = { messageId: 'up', deadline: clock.now() + 60_000 }
    expect((await deliverMessage(opened, body, delivery)).kind).toBe('again')
    expect(await bucketKeys(opened, connection.userKey)).toEqual([upload.key])
    putting.goOn()
    await expect(putting.answer).rejects.toMatchObject({ code: 'provider_quota_exceeded' })
    await roomy()
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
    expect(new Set((await events.of(connection)).map(({ id }) => id)).size).toBe(2)
  })

  test('a worker that was taken for dead writes nothing more, while another works on the same change', async () => {
    const content = randomBytes(500)
    const object = await drop(opened, dropKey(where()), content)
    const work = async (body: string, messageId: string) => {
      const stopped = stopping(driver, 'before')
      const deps = { ...opened.deps, openDriver: () => Promise.resolve(stopped.driver) }
      const end = deliverMessage({ deps }, body, { messageId, deadline: clock.now() + 120_000 })
      await stopped.reached
      return { end, goOn: stopped.goOn }
    }
    const first = await work(messageOf(object), 'first')
    clock.advance(opened.deps.settings.leaseMs + 1)
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
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Failed', 'Document Stored'])
    })

    test('and what it had laid aside goes on when it has failed', async () => {
      const upload = await announce(randomBytes(3000))
      await putStopping(randomBytes(500), 'before')
      passRequest()
      await sweepAll()
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
        ...clock,
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
      await sweepAll()
      expect(await document()).toMatchObject({ status: 'stored', checksum: { verdict: 'verified' } })
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Stored'])
    })

    test('that it has failed, and what stood stands', async () => {
      const content = randomBytes(500)
      const { row: before } = await put(content)
      await putStopping(randomBytes(700), 'before')
      passRequest()
      await sweepAll()
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
      const object = await drop(opened, dropKey(where()), content)
      const { bucket } = opened.deps
      const remove = () => Promise.reject(new Error('killed'))
      await deliverMessage({ deps: { ...opened.deps, bucket: { ...bucket, remove } } }, messageOf(object), {
        messageId: 'killed',
        deadline: clock.now() + 60_000,
      })
      expect(await bucketKeys(opened, connection.userKey)).toEqual([object.key])
      expect(Object.values((await row()).remove ?? {})).toMatchObject([{ kind: 'source', key: object.key }])
      await takeMessages(opened)
      await sweepAll()
      await expectAtRest(content)
      expect(await told()).toEqual(['Document Stored'])
    })

    test('the session of an upload that was pushed aside while the drive was down', async () => {
      const object = await drop(opened, dropKey(where()), randomBytes(large))
      await simulator.fault(
        { method: 'PUT', path: drive.send, fragment: 2 },
        { type: 'status', status: 429, headers: { 'retry-after': '600' } },
      )
      const delivery = { messageId: 'drop', deadline: clock.now() + 60_000 }
      await deliverMessage(opened, messageOf(object), delivery)
      expect(await simulator.sessions(account())).toHaveLength(1)
      await simulator.fault({ method: 'DELETE' }, { type: 'status', status: 503 })
      const content = randomBytes(900)
      const upload = await announce(content)
      expect(await simulator.sessions(account())).toHaveLength(1)
      await upload.upload()
      await deliverQueue()
      await sweepAll()
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
    await takeMessages(opened)
    clock.advance(3_600_000)
    expect(await bucketKeys(opened, connection.userKey)).toEqual([earlier.key])
    const announced: string[] = []
    await announceForgotten(
      { ...opened.deps, announce: (object) => Promise.resolve(void announced.push(messageOf(object))) },
      { deadline: clock.now() + 60_000, idleMs: 600_000 },
    )
    for (const body of announced) if (body.includes(connection.userKey)) await deliverBody(body)
    await expectAtRest(content)
    expect(await told()).toEqual(['Document Stored'])
  })
})
