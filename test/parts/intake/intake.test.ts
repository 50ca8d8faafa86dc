import { DeleteObjectCommand, GetObjectTaggingCommand } from '@aws-sdk/client-s3'
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import type { CreatedObject } from '../../../lib/queue/object-created.ts'
import { cancelTransfer } from '../../../lib/intake/cancel.ts'
import { ingestObject } from '../../../lib/intake/ingest.ts'
import { intakeKeyOf } from '../../../lib/intake/intake-key.ts'
import { startIntake } from '../../../lib/intake/start-intake.ts'
import { sweepTransfers } from '../../../lib/intake/sweep.ts'
import { parseObjectCreated } from '../../../lib/queue/object-created.ts'
import type { Driver } from '../../../lib/storage/driver.ts'
import { googleDriveDriver } from '../../../lib/providers/google-drive/driver.ts'
import type { DrivewayEvent } from '../../../lib/telemetry/events.ts'
import { asFunction } from '../../support/as-function.ts'
import type { Clients, MovableClock, OpenedDeps } from '../../support/intake-world.ts'
import {
  address,
  bucketKeys,
  bucketName,
  connect,
  drop,
  movableClock,
  must,
  openClients,
  openDeps,
  randomBytes,
  sha256,
  startWorld,
} from '../../support/intake-world.ts'
import type { Simulator } from '../../support/simulators.ts'
import { startSimulator } from '../../support/simulators.ts'

const fragment = 1.25 * 1024 * 1024
const send = { method: 'PUT', path: 'upload_id=' }

describe('the intake', () => {
  let world: Awaited<ReturnType<typeof startWorld>>
  let clients: Clients
  let simulator: Simulator
  let opened: OpenedDeps
  let clock: MovableClock
  let connection: Connection
  let driver: Driver
  let events: DrivewayEvent[]
  let publish: (event: DrivewayEvent) => void
  let counter = 0
  let message = 0

  beforeAll(async () => {
    world = await startWorld()
    clients = openClients(world.endpoints)
    simulator = await startSimulator('google')
  })
  afterAll(async () => {
    clients.close()
    await simulator.close()
    await world.close()
  })
  beforeEach(async () => {
    counter += 1
    clock = movableClock()
    events = []
    publish = (event) => events.push(event)
    opened = openDeps(clients, {
      clock,
      openDriver: () => Promise.resolve(driver),
      publish: (event) => publish(event),
      settings: { streamBytes: fragment },
    })
    connection = await connect(opened, `user${String(counter)}`, 'google-drive')
    const tokens = await simulator.signIn(account())
    const { connectionId } = connection
    const real = googleDriveDriver({ connectionId, tokens, clock, endpoint: simulator.origin })
    // So that much smaller documents go through sessions.
    driver = { ...real, traits: { ...real.traits, singleRequestBytes: 100_000 } }
    await messages()
  })
  afterEach(async () => {
    await simulator.clearFaults()
    for (const key of await bucketKeys(opened)) {
      await opened.s3.send(new DeleteObjectCommand({ Bucket: bucketName, Key: key }))
    }
    const { rows } = await opened.deps.transfers.scan(100)
    for (const row of rows) await opened.deps.transfers.remove(row)
  })

  const account = (): string => `intake${String(counter)}@example.com`
  const keyOf = (documentId: string, extension = '.pdf'): string =>
    intakeKeyOf(address(connection, documentId, extension))
  const idOf = (documentId: string) => address(connection, documentId).documentId
  const documentOf = async (documentId: string) =>
    await opened.deps.documents.getDocument(connection, idOf(documentId))
  const transferOf = async (documentId: string) =>
    await opened.deps.transfers.get(connection.userKey, idOf(documentId))
  const files = async () => (await simulator.files(account())).filter((file) => !file.trashed)
  const deliver = async (object: CreatedObject, messageId = `m${String((message += 1))}`) =>
    await asFunction('ingest-object', () =>
      ingestObject(opened.deps, object, { messageId, deadline: clock.now() + 60_000 }),
    )
  const ingest = async (object: CreatedObject): Promise<void> => {
    const messageId = `m${String((message += 1))}`
    for (let deliveries = 1; deliveries <= 20; deliveries += 1) {
      const end = await deliver(object, messageId)
      if (end.kind === 'done') return
      clock.advance(end.afterSeconds * 1000)
    }
    throw new Error('The message keeps coming back.')
  }
  /** Takes all that the queue holds. */
  const messages = async (): Promise<CreatedObject[]> => {
    const all: CreatedObject[] = []
    for (;;) {
      const { Messages = [] } = await opened.sqs.send(
        new ReceiveMessageCommand({ QueueUrl: world.endpoints.intakeQueueUrl, MaxNumberOfMessages: 10 }),
      )
      if (Messages.length === 0) return all
      for (const { Body = '' } of Messages) all.push(...parseObjectCreated(Body))
    }
  }
  const start = async (
    documentId: string,
    content: Uint8Array,
    announced: { sha256?: string; size?: number } = {},
  ) =>
    await asFunction('start-intake', () =>
      startIntake(
        { ...opened.deps, chooseConnection: () => Promise.resolve(connection) },
        {
          userId: connection.userId,
          userKey: connection.userKey,
          documentId: idOf(documentId),
          contentType: 'application/pdf',
          extension: address(connection, documentId, '.pdf').extension,
          size: announced.size ?? content.length,
          sha256: announced.sha256,
        },
      ),
    )
  const upload = async (started: Awaited<ReturnType<typeof start>>, content: Uint8Array): Promise<number> => {
    const { url, method, headers } = started.upload
    return (await fetch(url, { method, headers, body: Buffer.from(content) })).status
  }
  const object = (documentId: string): CreatedObject => ({ bucket: bucketName, key: keyOf(documentId) })

  describe('started over HTTP', () => {
    test('takes the announced bytes and stores them with their type', async () => {
      const content = randomBytes(5000)
      const started = await start('doc', content, { sha256: sha256(content).toUpperCase() })
      expect(started.row).toMatchObject({ status: 'receiving', size: 5000 })
      expect(await upload(started, content)).toBe(200)
      await ingest(object('doc'))
      expect(await documentOf('doc')).toMatchObject({
        status: 'stored',
        contentType: 'application/pdf',
        size: 5000,
      })
      expect((await files()).map((file) => file.sha256)).toEqual([sha256(content)])
    })

    test('refuses another size than was announced', async () => {
      const started = await start('doc', randomBytes(5000))
      expect(await upload(started, randomBytes(5001))).toBeGreaterThanOrEqual(400)
    })

    test('fails when another size arrived all the same', async () => {
      await start('doc', randomBytes(5000))
      await ingest(await drop(opened, keyOf('doc'), randomBytes(4000)))
      expect(await documentOf('doc')).toMatchObject({ status: 'failed', error: { code: 'invalid_request' } })
      expect(await files()).toEqual([])
    })

    test.each([
      ['small', 5000],
      ['large', 2 * fragment + 5],
    ])('keeps nothing at the provider of %s bytes with another hash', async (_name, size) => {
      const started = await start('doc', randomBytes(size), { sha256: sha256(randomBytes(3)), size })
      await upload(started, randomBytes(size))
      await ingest(object('doc'))
      expect(await documentOf('doc')).toMatchObject({ status: 'failed', error: { code: 'digest_mismatch' } })
      expect(await files()).toEqual([])
      expect(await simulator.sessions(account())).toEqual([])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([keyOf('doc')])
    })

    test('ends the upload that was under way for the same document', async () => {
      await drop(opened, keyOf('doc'), randomBytes(2 * fragment))
      await simulator.fault(
        { ...send, fragment: 2 },
        { type: 'status', status: 429, headers: { 'retry-after': '99' } },
      )
      expect((await deliver(object('doc'))).kind).toBe('again')
      const content = randomBytes(3000)
      const started = await start('doc', content)
      expect(await simulator.sessions(account())).toEqual([])
      await upload(started, content)
      await ingest(object('doc'))
      expect((await files()).map((file) => file.sha256)).toEqual([sha256(content)])
    })

    test('refuses an id that has the file name of another document', async () => {
      await start('report', randomBytes(10))
      await expect(
        startIntake(
          { ...opened.deps, chooseConnection: () => Promise.resolve(connection) },
          {
            ...connection,
            documentId: idOf('report.pdf'),
            contentType: 'a/b',
            size: 1,
            connectionId: undefined,
          },
        ),
      ).rejects.toMatchObject({ code: 'invalid_request' })
    })
  })

  describe('rejects, keeps and tags', () => {
    test.each([
      ['a key off the scheme', () => 'somewhere/else', 'key_not_in_scheme'],
      ['an unknown connection', () => `${connection.userKey}/nobody/doc.pdf`, 'connection_unknown'],
      ['another user’s connection', () => `mallory/${connection.connectionId}/doc.pdf`, 'connection_unknown'],
    ])('%s', async (_name, key, reason) => {
      const dropped = await drop(opened, key(), randomBytes(10))
      await ingest(dropped)
      await ingest(dropped)
      expect(events).toEqual([
        { type: 'Intake Rejected', detail: { bucket: bucketName, key: key(), reason } },
      ])
      const { TagSet } = await opened.s3.send(new GetObjectTaggingCommand({ Bucket: bucketName, Key: key() }))
      expect(TagSet).toEqual([{ Key: 'driveway', Value: 'rejected' }])
    })
  })

  describe('whatever the events say', () => {
    test('an event of an object that is gone does nothing', async () => {
      await ingest(object('doc'))
      expect(await documentOf('doc')).toBeUndefined()
      expect(await transferOf('doc')).toBeUndefined()
    })

    test('the newest object wins when it replaces one on its way', async () => {
      const old = await drop(opened, keyOf('doc'), randomBytes(3 * fragment))
      await simulator.fault(
        { ...send, fragment: 2 },
        { type: 'status', status: 429, headers: { 'retry-after': '50' } },
      )
      expect((await deliver(old, 'old')).kind).toBe('again')
      const content = randomBytes(2 * fragment)
      const fresh = await drop(opened, keyOf('doc'), content)
      await ingest(fresh)
      clock.advance(50_000)
      await ingest(old)
      expect((await files()).map((file) => file.sha256)).toEqual([sha256(content)])
      expect(await simulator.sessions(account())).toEqual([])
    })

    test('an event that is older than what is being sent is dropped', async () => {
      const dropped = await drop(opened, keyOf('doc'), randomBytes(3 * fragment))
      await simulator.fault(
        { ...send, fragment: 2 },
        { type: 'status', status: 429, headers: { 'retry-after': '50' } },
      )
      await deliver({ ...dropped, sequencer: '0B' })
      await simulator.clearRequests()
      expect(await deliver({ ...dropped, etag: 'older', sequencer: '0A' })).toEqual({ kind: 'done' })
      expect(await simulator.requests()).toEqual([])
    })

    test('an object that is removed on its way fails its document', async () => {
      const dropped = await drop(opened, keyOf('doc'), randomBytes(3 * fragment))
      await simulator.fault(
        { ...send, fragment: 2 },
        { type: 'status', status: 429, headers: { 'retry-after': '50' } },
      )
      await deliver(dropped, 'first')
      await opened.s3.send(new DeleteObjectCommand({ Bucket: bucketName, Key: dropped.key }))
      clock.advance(50_000)
      await ingest(dropped)
      expect(await documentOf('doc')).toMatchObject({ status: 'failed', error: { code: 'object_missing' } })
      expect(await simulator.sessions(account())).toEqual([])
      expect(await transferOf('doc')).toBeUndefined()
    })

    test('an outcome that could not be told is told by the next delivery', async () => {
      const content = randomBytes(500)
      const dropped = await drop(opened, keyOf('doc'), content)
      publish = () => {
        throw new Error('The bus is down.')
      }
      await expect(deliver(dropped, 'm')).rejects.toThrow('The bus is down.')
      expect(await bucketKeys(opened, connection.userKey)).toEqual([dropped.key])
      publish = (event) => events.push(event)
      await ingest(dropped)
      expect(events.map((event) => event.type)).toEqual(['Document Stored'])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([])
      expect(await files()).toHaveLength(1)
    })

    test('little time left gives the message back with what was acknowledged', async () => {
      const content = randomBytes(3 * fragment)
      const dropped = await drop(opened, keyOf('doc'), content)
      const end = await ingestObject(opened.deps, dropped, { messageId: 'm', deadline: clock.now() + 4000 })
      expect(end).toEqual({ kind: 'again', afterSeconds: 0 })
      await ingest(dropped)
      expect((await files()).map((file) => file.sha256)).toEqual([sha256(content)])
    })

    test('a claim that somebody holds is not disturbed, and void when it is not renewed', async () => {
      const dropped = await drop(opened, keyOf('doc'), randomBytes(500))
      await simulator.fault(
        { method: 'POST', path: 'multipart' },
        { type: 'status', status: 429, headers: { 'retry-after': '10' } },
      )
      await deliver(dropped, 'a')
      const row = must(await transferOf('doc'))
      await opened.deps.transfers.save(row, {
        owner: 'x',
        messageId: 'x',
        claimUntil: clock.now() + 60_000,
        notBefore: undefined,
      })
      expect(await deliver(dropped)).toEqual({ kind: 'done' })
      expect(await files()).toEqual([])
      clock.advance(60_001)
      expect(await deliver(dropped)).toEqual({ kind: 'done' })
      expect(await files()).toHaveLength(1)
    })
  })

  test('a cancellation in the middle of sending leaves nothing behind', async () => {
    const dropped = await drop(opened, keyOf('doc'), randomBytes(2 * fragment))
    await simulator.fault({ ...send, fragment: 2 }, { type: 'delay', ms: 400 })
    const sending = deliver(dropped)
    await expect.poll(async () => (await transferOf('doc'))?.offset).toBe(fragment)
    await cancelTransfer(opened.deps, must(await documentOf('doc')))
    await opened.deps.documents.deleteDocument(must(await documentOf('doc')))
    expect(await sending).toEqual({ kind: 'done' })
    expect(await files()).toEqual([])
    expect(await documentOf('doc')).toBeUndefined()
    expect(await bucketKeys(opened, connection.userKey)).toEqual([])
    expect(await transferOf('doc')).toBeUndefined()
  })

  describe('the sweeper', () => {
    const sweep = async (options: { idleMs?: number; restarted?: boolean } = {}) =>
      await asFunction('sweep-transfers', () =>
        sweepTransfers(opened.deps, { deadline: clock.now() + 60_000, idleMs: 600_000, ...options }),
      )

    test('announces an object that no event announced, once it is old enough', async () => {
      await drop(opened, keyOf('doc'), randomBytes(10))
      await messages()
      expect(await sweep()).toMatchObject({ announced: 0 })
      clock.advance(700_000)
      expect(await sweep()).toMatchObject({ announced: 1 })
      const [announced] = await messages()
      await ingest(must(announced))
      expect(await documentOf('doc')).toMatchObject({ status: 'stored' })
    })

    test('leaves what was rejected or has failed alone', async () => {
      await ingest(await drop(opened, 'off/the', randomBytes(10)))
      await simulator.setQuota(account(), 5)
      await ingest(await drop(opened, keyOf('doc'), randomBytes(10)))
      await messages()
      clock.advance(700_000)
      expect(await sweep()).toEqual({ announced: 0, stored: 0, failed: 0, cancelled: 0 })
    })

    test('puts a transfer back into the queue that nobody works on, once', async () => {
      const content = randomBytes(3 * fragment)
      const dropped = await drop(opened, keyOf('doc'), content)
      await simulator.fault(
        { ...send, fragment: 2 },
        { type: 'status', status: 429, headers: { 'retry-after': '50' } },
      )
      await deliver(dropped)
      await messages()
      expect(await sweep()).toMatchObject({ announced: 0 })
      clock.advance(700_000)
      expect(await sweep()).toMatchObject({ announced: 1 })
      expect(await sweep()).toMatchObject({ announced: 0 })
      await ingest(must((await messages())[0]))
      expect((await files()).map((file) => file.sha256)).toEqual([sha256(content)])
    })

    test('takes over at once after a restart, whatever claims stand', async () => {
      const dropped = await drop(opened, keyOf('doc'), randomBytes(500))
      await simulator.fault(
        { method: 'POST', path: 'multipart' },
        { type: 'status', status: 429, headers: { 'retry-after': '50' } },
      )
      await deliver(dropped, 'a')
      const row = must(await transferOf('doc'))
      await opened.deps.transfers.save(row, { owner: 'x', messageId: 'x', claimUntil: clock.now() + 60_000 })
      await messages()
      expect(await sweep({ idleMs: 0, restarted: true })).toMatchObject({ announced: 1 })
      await ingest(must((await messages())[0]))
      expect(await files()).toHaveLength(1)
    })

    test('fails an upload that never came, after its URL has ended', async () => {
      await start('doc', randomBytes(10))
      clock.advance(61 * 60_000)
      expect(await sweep()).toMatchObject({ failed: 0 })
      clock.advance(60 * 60_000)
      expect(await sweep()).toMatchObject({ failed: 1 })
      expect(await documentOf('doc')).toMatchObject({ status: 'failed', error: { code: 'object_missing' } })
      expect(events.map((event) => event.type)).toEqual(['Document Failed'])
    })

    test('ends a cancellation that a crash cut short', async () => {
      const dropped = await drop(opened, keyOf('doc'), randomBytes(3 * fragment))
      await simulator.fault(
        { ...send, fragment: 2 },
        { type: 'status', status: 429, headers: { 'retry-after': '50' } },
      )
      await deliver(dropped)
      await opened.deps.transfers.save(must(await transferOf('doc')), { phase: 'cancelled' })
      expect(await sweep()).toMatchObject({ cancelled: 1 })
      expect(await simulator.sessions(account())).toEqual([])
      expect(await transferOf('doc')).toBeUndefined()
    })

    test('wakes what is parked on a connection that works again, and fails it when the connection is gone', async () => {
      const dead = must(await opened.connections.update(connection, { status: 'requires_reauth' }))
      await ingest(await drop(opened, keyOf('doc'), randomBytes(10)))
      expect(await documentOf('doc')).toMatchObject({ status: 'parked' })
      await messages()
      clock.advance(700_000)
      expect(await sweep()).toEqual({ announced: 0, stored: 0, failed: 0, cancelled: 0 })
      const active = must(await opened.connections.update(dead, { status: 'active' }))
      expect(await sweep()).toMatchObject({ announced: 1 })
      await opened.connections.update(active, { status: 'disconnected' })
      clock.advance(700_000)
      expect(await sweep()).toMatchObject({ failed: 1 })
      expect(await documentOf('doc')).toMatchObject({ error: { code: 'connection_not_found' } })
    })
  })
})
