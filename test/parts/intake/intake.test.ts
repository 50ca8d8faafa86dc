import { DeleteObjectCommand, GetObjectTaggingCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import type { CreatedObject } from '../../../lib/queue/object-created.ts'
import { deleteDocument } from '../../../lib/documents/delete-document.ts'
import { presentDocument } from '../../../lib/documents/present.ts'
import { announceForgotten } from '../../../lib/intake/forgotten.ts'
import { ingestObject } from '../../../lib/intake/ingest.ts'
import { startIntake } from '../../../lib/intake/start-intake.ts'
import { objectCreatedBody } from '../../../lib/queue/object-created.ts'
import { parseRowMessage, rowMessage } from '../../../lib/queue/row-message.ts'
import { announcedKey } from '../../../lib/transfer/intake-key.ts'
import { sweep } from '../../../lib/transfer/sweep.ts'
import type { Driver } from '../../../lib/storage/driver.ts'
import { googleDriveDriver } from '../../../lib/providers/google-drive/driver.ts'
import type { DrivewayEvent } from '../../../lib/telemetry/events.ts'
import { asFunction } from '../../support/as-function.ts'
import type { DocumentEvents } from '../../support/document-events.ts'
import { documentEvents } from '../../support/document-events.ts'
import type { Clients, MovableClock, OpenedDeps } from '../../support/intake-world.ts'
import {
  address,
  bucketKeys,
  bucketName,
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
  let documents: DocumentEvents
  let counter = 0
  let message = 0

  beforeAll(async () => {
    world = await startWorld()
    clients = openClients(world.endpoints)
    documents = documentEvents(world.endpoints)
    simulator = await startSimulator('google')
  })
  afterAll(async () => {
    documents.close()
    clients.close()
    await simulator.close()
    await world.close()
  })
  beforeEach(async () => {
    counter += 1
    clock = movableClock()
    events = []
    opened = openDeps(clients, {
      clock,
      openDriver: () => Promise.resolve(driver),
      publish: (event) => events.push(event),
      settings: { streamBytes: fragment },
    })
    connection = await connect(opened, `user${String(counter)}`, 'google-drive')
    const tokens = await simulator.signIn(account())
    const { connectionId } = connection
    const real = googleDriveDriver({ connectionId, tokens, clock, endpoint: simulator.origin })
    // So that much smaller documents go through sessions.
    driver = { ...real, traits: { ...real.traits, singleRequestBytes: 100_000 } }
    await takeMessages(opened)
  })
  afterEach(async () => {
    await simulator.clearFaults()
    for (const key of await bucketKeys(opened)) {
      await opened.s3.send(new DeleteObjectCommand({ Bucket: bucketName, Key: key }))
    }
    for (const id of await openDocuments()) await remove(id)
  })

  const account = (): string => `intake${String(counter)}@example.com`
  const keyOf = (documentId: string, extension = '.pdf'): string =>
    dropKey(address(connection, documentId, extension))
  const idOf = (documentId: string) => address(connection, documentId).documentId
  const rowOf = async (documentId: string) => await opened.deps.documents.get(address(connection, documentId))
  const documentOf = async (documentId: string) => {
    const row = await rowOf(documentId)
    return row && presentDocument(row)
  }
  const told = async (): Promise<string[]> => (await documents.of(connection)).map(({ type }) => type)
  const files = async () => (await simulator.files(account())).filter((file) => !file.trashed)
  const hashes = async () => (await files()).map((file) => file.sha256)
  const openDocuments = async () =>
    (await opened.deps.documents.openOfUser(connection.userKey, '')).entries.map(
      ({ documentId }) => documentId,
    )
  const remove = async (documentId: string): Promise<void> =>
    await deleteDocument(documentDeps(opened), {
      ...address(connection, documentId),
      userId: connection.userId,
      signal: AbortSignal.timeout(60_000),
    })
  const delivery = (messageId = `m${String((message += 1))}`) => ({
    messageId,
    deadline: clock.now() + 60_000,
  })
  const deliver = async (object: CreatedObject, messageId?: string) =>
    await asFunction('ingest-object', () => ingestObject(opened.deps, object, delivery(messageId)))
  const deliverBody = async (body: string): Promise<void> => {
    const messageId = `m${String((message += 1))}`
    for (let deliveries = 1; deliveries <= 20; deliveries += 1) {
      const end = await asFunction('ingest-object', () => deliverMessage(opened, body, delivery(messageId)))
      if (end.kind === 'done') return
      clock.advance(end.afterSeconds * 1000)
    }
    throw new Error('The message keeps coming back.')
  }
  /** Delivers what the queue holds, until it holds nothing. */
  const deliverQueue = async (wanted = (_body: string): boolean => true): Promise<void> => {
    const bodies = (await takeMessages(opened)).filter(wanted)
    for (const body of bodies) await deliverBody(body)
    if (bodies.length > 0) await deliverQueue(wanted)
  }
  const deliverLooks = async (): Promise<void> => await deliverQueue((body) => !!parseRowMessage(body))
  const ingest = async (object: CreatedObject): Promise<void> => {
    await deliverBody(messageOf(object))
    await deliverLooks()
  }
  const start = async (
    documentId: string,
    content: Uint8Array,
    announced: { sha256?: string; size?: number } = {},
  ) =>
    await startIntake(
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
    )
  const upload = async (started: Awaited<ReturnType<typeof start>>, content: Uint8Array): Promise<number> => {
    const { url, method, headers } = started.upload
    return (await fetch(url, { method, headers, body: Buffer.from(content) })).status
  }
  const uploaded = (started: Awaited<ReturnType<typeof start>>): CreatedObject => {
    const { connectionId, change } = started.row
    return {
      bucket: bucketName,
      key: announcedKey({ ...started.row, connectionId, changeId: must(change).id }),
    }
  }
  const dropped = (documentId: string): CreatedObject => ({ bucket: bucketName, key: keyOf(documentId) })
  const slow = async (seconds = '50') =>
    await simulator.fault(
      { ...send, fragment: 2 },
      { type: 'status', status: 429, headers: { 'retry-after': seconds } },
    )

  describe('started over HTTP', () => {
    test('takes the announced bytes and stores them with their type', async () => {
      const content = randomBytes(5000)
      const started = await start('doc', content, { sha256: sha256(content).toUpperCase() })
      expect(presentDocument(started.row)).toMatchObject({ status: 'receiving', size: 5000 })
      expect(await upload(started, content)).toBe(200)
      await ingest(uploaded(started))
      expect(await documentOf('doc')).toMatchObject({
        status: 'stored',
        contentType: 'application/pdf',
        size: 5000,
      })
      expect(await hashes()).toEqual([sha256(content)])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([])
    })

    test('refuses another size than was announced', async () => {
      const started = await start('doc', randomBytes(5000))
      expect(await upload(started, randomBytes(5001))).toBeGreaterThanOrEqual(400)
    })

    test('fails when another size arrived all the same', async () => {
      const { key } = uploaded(await start('doc', randomBytes(5000)))
      await ingest(await drop(opened, key, randomBytes(4000)))
      expect(await documentOf('doc')).toMatchObject({ status: 'failed', error: { code: 'invalid_request' } })
      expect(await files()).toEqual([])
    })

    test.each([
      ['small', 5000],
      ['large', 2 * fragment + 5],
    ])('keeps nothing at the provider of %s bytes with another hash', async (_name, size) => {
      // Past S3, which refuses them at the URL.
      const { key } = uploaded(
        await start('doc', randomBytes(size), { sha256: sha256(randomBytes(3)), size }),
      )
      await ingest(await drop(opened, key, randomBytes(size)))
      expect(await documentOf('doc')).toMatchObject({ status: 'failed', error: { code: 'digest_mismatch' } })
      expect(await files()).toEqual([])
      expect(await simulator.sessions(account())).toEqual([])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([key])
    })

    test('replaces what stands in the same file, which can be read until then', async () => {
      await ingest(await drop(opened, keyOf('doc'), randomBytes(700)))
      const [first] = await files()
      const content = randomBytes(5000)
      const started = await start('doc', content)
      expect(await documentOf('doc')).toMatchObject({ status: 'receiving', size: 700, objectKey: first?.id })
      await upload(started, content)
      await ingest(uploaded(started))
      expect((await files()).map(({ id, sha256 }) => [id, sha256])).toEqual([[first?.id, sha256(content)]])
      expect(await told()).toEqual(['Document Stored', 'Document Stored'])
    })

    test('leaves what stands when it fails', async () => {
      const before = randomBytes(700)
      await ingest(await drop(opened, keyOf('doc'), before))
      const stood = must(await documentOf('doc'))
      const { key } = uploaded(await start('doc', randomBytes(5000)))
      await ingest(await drop(opened, key, randomBytes(4000)))
      expect(await documentOf('doc')).toMatchObject({ status: 'failed', size: 700, etag: stood.etag })
      expect(await hashes()).toEqual([sha256(before)])
    })

    test('ends the upload that was under way for the same document, and its bytes go', async () => {
      const before = await drop(opened, keyOf('doc'), randomBytes(2 * fragment))
      await slow('99')
      expect((await deliver(before)).kind).toBe('again')
      const content = randomBytes(3000)
      const started = await start('doc', content)
      expect(await simulator.sessions(account())).toEqual([])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([])
      await upload(started, content)
      await ingest(uploaded(started))
      expect(await hashes()).toEqual([sha256(content)])
      expect(await told()).toEqual(['Document Stored'])
    })

    test('takes bytes by the URL of the last announcement alone: those of an earlier one go', async () => {
      const earlier = await start('doc', randomBytes(900))
      const content = randomBytes(900)
      const later = await start('doc', content)
      await upload(earlier, randomBytes(900))
      await ingest(uploaded(earlier))
      expect(await bucketKeys(opened, connection.userKey)).toEqual([])
      expect(await documentOf('doc')).toMatchObject({ status: 'receiving' })
      await upload(later, content)
      await upload(earlier, randomBytes(900))
      await ingest(uploaded(later))
      await ingest(uploaded(earlier))
      expect(await hashes()).toEqual([sha256(content)])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([])
      expect(await told()).toEqual(['Document Stored'])
    })

    test('takes nothing by a URL whose document was deleted', async () => {
      const started = await start('doc', randomBytes(900))
      await remove('doc')
      await upload(started, randomBytes(900))
      await ingest(uploaded(started))
      expect(await documentOf('doc')).toBeUndefined()
      expect(await files()).toEqual([])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([])
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
      expect(events).toMatchObject([
        { type: 'Intake Rejected', detail: { bucket: bucketName, key: key(), reason } },
      ])
      const { TagSet } = await opened.s3.send(new GetObjectTaggingCommand({ Bucket: bucketName, Key: key() }))
      expect(TagSet).toEqual([{ Key: 'driveway', Value: 'rejected' }])
    })

    test.each([
      ['compressed bytes', { ContentEncoding: 'gzip' }, 'content_encoded'],
      ['an archived object', { StorageClass: 'GLACIER' }, 'archived'],
    ] as const)('%s', async (_name, odd, reason) => {
      const Key = keyOf('doc')
      await opened.s3.send(new PutObjectCommand({ Bucket: bucketName, Key, Body: 'bytes', ...odd }))
      await ingest(dropped('doc'))
      expect(events.map(({ detail }) => detail)).toMatchObject([{ bucket: bucketName, key: Key, reason }])
      expect(await rowOf('doc')).toBeUndefined()
      expect(await bucketKeys(opened, connection.userKey)).toEqual([Key])
    })

    test('a rejection that could not be told is told by the next delivery', async () => {
      const dropped = await drop(opened, 'somewhere/else', randomBytes(10))
      const publish = () => Promise.reject(new Error('The bus is down.'))
      await expect(
        ingestObject({ ...opened.deps, events: { publish } }, dropped, delivery()),
      ).rejects.toThrow('The bus is down.')
      await ingest(dropped)
      expect(events.map(({ type }) => type)).toEqual(['Intake Rejected'])
    })
  })

  describe('whatever the events say', () => {
    test('an event of an object that is gone does nothing', async () => {
      await ingest(dropped('doc'))
      expect(await rowOf('doc')).toBeUndefined()
    })

    test('the newest object wins when it replaces one on its way', async () => {
      const old = await drop(opened, keyOf('doc'), randomBytes(3 * fragment))
      await slow()
      expect((await deliver(old, 'old')).kind).toBe('again')
      const content = randomBytes(2 * fragment)
      const fresh = await drop(opened, keyOf('doc'), content)
      await ingest(fresh)
      clock.advance(50_000)
      await ingest(old)
      expect(await hashes()).toEqual([sha256(content)])
      expect(await simulator.sessions(account())).toEqual([])
      expect(await told()).toEqual(['Document Stored'])
    })

    test('the newest object is sent when its event was lost', async () => {
      const old = await drop(opened, keyOf('doc'), randomBytes(3 * fragment))
      await slow()
      await deliver(old, 'old')
      const content = randomBytes(2 * fragment)
      await drop(opened, keyOf('doc'), content)
      clock.advance(50_000)
      await deliverBody(rowMessage(must(await rowOf('doc'))))
      expect(await hashes()).toEqual([sha256(content)])
      expect(await simulator.sessions(account())).toEqual([])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([])
    })

    test('an event that is older than what is being sent changes nothing', async () => {
      const dropped = await drop(opened, keyOf('doc'), randomBytes(3 * fragment))
      await slow()
      await deliver({ ...dropped, sequencer: '0B' })
      await simulator.clearRequests()
      const before = await rowOf('doc')
      expect((await deliver({ ...dropped, etag: 'older', sequencer: '0A' })).kind).toBe('again')
      expect(await simulator.requests()).toEqual([])
      expect(await rowOf('doc')).toEqual(before)
    })

    test('an object that is removed on its way fails its document', async () => {
      const dropped = await drop(opened, keyOf('doc'), randomBytes(3 * fragment))
      await slow()
      await deliver(dropped, 'first')
      await opened.s3.send(new DeleteObjectCommand({ Bucket: bucketName, Key: dropped.key }))
      clock.advance(50_000)
      await deliverBody(rowMessage(must(await rowOf('doc'))))
      expect(await documentOf('doc')).toMatchObject({ status: 'failed', error: { code: 'object_missing' } })
      expect(await simulator.sessions(account())).toEqual([])
      expect(await openDocuments()).toEqual([])
    })

    test('an event of a drop that was stored and removed meanwhile tells of no failure', async () => {
      const content = randomBytes(500)
      const dropped = await drop(opened, keyOf('doc'), content)
      // Two deliveries have both seen the object and no row; one of them is faster.
      const seen = Promise.withResolvers<undefined>()
      const goOn = Promise.withResolvers<undefined>()
      const { bucket } = opened.deps
      const head: typeof bucket.head = async (...args) => {
        const found = await bucket.head(...args)
        seen.resolve(undefined)
        await goOn.promise
        return found
      }
      const late = ingestObject({ ...opened.deps, bucket: { ...bucket, head } }, dropped, delivery())
      await seen.promise
      await ingest(dropped)
      goOn.resolve(undefined)
      expect((await late).kind).toBe('again')
      await ingest(dropped)
      expect(await documentOf('doc')).toMatchObject({ status: 'stored', size: 500 })
      expect(await told()).toEqual(['Document Stored'])
    })

    test('little time left gives the message back with what was acknowledged', async () => {
      const content = randomBytes(3 * fragment)
      const dropped = await drop(opened, keyOf('doc'), content)
      const end = await ingestObject(opened.deps, dropped, { messageId: 'm', deadline: clock.now() + 4000 })
      expect(end).toEqual({ kind: 'again', afterSeconds: 0 })
      await ingest(dropped)
      expect(await hashes()).toEqual([sha256(content)])
    })

    test('a claim that somebody holds is not disturbed, and void when it is not renewed', async () => {
      const object = await drop(opened, keyOf('doc'), randomBytes(500))
      await parkedClaim(object)
      expect(await deliver(object)).toEqual({ kind: 'done' })
      await deliverBody(rowMessage(must(await rowOf('doc'))))
      expect(await files()).toEqual([])
      clock.advance(60_001)
      await deliverBody(rowMessage(must(await rowOf('doc'))))
      await deliverLooks()
      expect(await files()).toHaveLength(1)
      expect(await told()).toEqual(['Document Stored'])
    })
  })

  test('a delete in the middle of sending leaves nothing behind', async () => {
    const object = await drop(opened, keyOf('doc'), randomBytes(2 * fragment))
    await simulator.fault({ ...send, fragment: 2 }, { type: 'delay', ms: 1000 })
    const sending = deliver(object)
    await expect
      .poll(async () => (await simulator.sessions(account())).map(({ received }) => received), {
        timeout: 10_000,
      })
      .toEqual([fragment])
    await remove('doc')
    expect(await sending).toEqual({ kind: 'done' })
    expect(await files()).toEqual([])
    expect(await rowOf('doc')).toBeUndefined()
    expect(await bucketKeys(opened, connection.userKey)).toEqual([])
    expect(await simulator.sessions(account())).toEqual([])
    expect(await told()).toEqual(['Document Deleted'])
  })

  /** The state that a process leaves which was killed in its first request. */
  const parkedClaim = async (object: CreatedObject): Promise<void> => {
    await simulator.fault(
      { method: 'POST', path: 'multipart' },
      { type: 'status', status: 429, headers: { 'retry-after': '10' } },
    )
    await deliver(object, 'a')
    const row = must(await rowOf('doc'))
    const claim = { state: 'sending', owner: 'x', message: 'x', until: clock.now() + 60_000 } as const
    must(await opened.deps.documents.work(row, { ...claim, notBefore: undefined }))
  }

  describe('the sweeper', () => {
    const idleMs = 600_000
    const deadline = (): number => clock.now() + 60_000
    const rows = async (options: { idleMs?: number; restarted?: boolean } = {}) =>
      (
        await asFunction('sweep-transfers', () =>
          sweep(opened.deps, { deadline: deadline(), idleMs, ...options }),
        )
      ).rows
    const objects = async (): Promise<number> => {
      const announce = async (object: CreatedObject) => {
        await opened.sqs.send(
          new SendMessageCommand({
            QueueUrl: world.endpoints.arrivalsQueueUrl,
            MessageBody: objectCreatedBody(object, clock.now()),
          }),
        )
      }
      const found = await announceForgotten({ ...opened.deps, announce }, { deadline: deadline(), idleMs })
      return found.announced
    }

    test('announces an object that no event announced, once it is old enough', async () => {
      await drop(opened, keyOf('doc'), randomBytes(10))
      await takeMessages(opened)
      expect(await objects()).toBe(0)
      clock.advance(700_000)
      expect(await objects()).toBe(1)
      await deliverQueue()
      expect(await documentOf('doc')).toMatchObject({ status: 'stored' })
    })

    test('announces bytes of an upload whose event was lost', async () => {
      const content = randomBytes(10)
      await upload(await start('doc', content), content)
      await takeMessages(opened)
      clock.advance(700_000)
      expect(await objects()).toBe(1)
      await deliverQueue()
      expect(await hashes()).toEqual([sha256(content)])
    })

    test('leaves what was rejected, has failed or is on its way alone', async () => {
      await ingest(await drop(opened, 'off/the', randomBytes(10)))
      await simulator.setQuota(account(), 5)
      await ingest(await drop(opened, keyOf('doc'), randomBytes(10)))
      await simulator.setQuota(account(), 1e9)
      await slow('900')
      await deliver(await drop(opened, keyOf('other'), randomBytes(3 * fragment)))
      await takeMessages(opened)
      clock.advance(700_000)
      expect([await objects(), await rows()]).toEqual([0, 0])
    })

    test('has a transfer looked at that nobody works on', async () => {
      const content = randomBytes(3 * fragment)
      const dropped = await drop(opened, keyOf('doc'), content)
      await slow()
      await deliver(dropped)
      await takeMessages(opened)
      expect(await rows()).toBe(0)
      clock.advance(700_000)
      expect(await rows()).toBe(1)
      await deliverQueue()
      expect(await hashes()).toEqual([sha256(content)])
      expect(await rows({ idleMs: 0 })).toBe(0)
    })

    test('takes over at once after a restart, whatever claims stand', async () => {
      await parkedClaim(await drop(opened, keyOf('doc'), randomBytes(500)))
      await takeMessages(opened)
      expect(await rows({ idleMs: 0, restarted: true })).toBe(1)
      await deliverQueue()
      expect(await files()).toHaveLength(1)
    })

    test('fails an upload that never came, after its URL has ended', async () => {
      await start('doc', randomBytes(10))
      clock.advance(61 * 60_000)
      await rows({ idleMs: 0 })
      await deliverQueue()
      expect(await documentOf('doc')).toMatchObject({ status: 'receiving' })
      clock.advance(60 * 60_000)
      expect(await rows()).toBe(1)
      await deliverQueue()
      expect(await documentOf('doc')).toMatchObject({ status: 'failed', error: { code: 'object_missing' } })
      expect(await told()).toEqual(['Document Failed'])
    })

    test('ends a delete that a crash cut short', async () => {
      await deliver(await drop(opened, keyOf('doc'), randomBytes(300)))
      await slow()
      await deliver(await drop(opened, keyOf('doc'), randomBytes(3 * fragment)))
      const { documents } = opened.deps
      const crash = () => Promise.reject(new Error('killed'))
      const dying = { ...documentDeps(opened), openDriver: crash, documents: { ...documents, settle: crash } }
      const request = { ...address(connection, 'doc'), userId: connection.userId }
      await expect(
        deleteDocument(dying, { ...request, signal: AbortSignal.timeout(60_000) }),
      ).rejects.toThrow('killed')
      expect((await rowOf('doc'))?.change?.door).toBe('delete')
      clock.advance(700_000)
      await takeMessages(opened)
      expect(await rows()).toBe(1)
      await deliverQueue()
      expect(await rowOf('doc')).toBeUndefined()
      expect(await files()).toEqual([])
      expect(await simulator.sessions(account())).toEqual([])
      expect(await bucketKeys(opened, connection.userKey)).toEqual([])
    })

    test('wakes what is parked on a connection that works again, and fails it when the connection is gone', async () => {
      const dead = must(await opened.connections.update(connection, { status: 'requires_reauth' }))
      await ingest(await drop(opened, keyOf('doc'), randomBytes(10)))
      expect(await documentOf('doc')).toMatchObject({ status: 'parked' })
      await takeMessages(opened)
      clock.advance(700_000)
      expect([await objects(), await rows()]).toEqual([0, 0])
      const active = must(await opened.connections.update(dead, { status: 'active' }))
      expect(await rows()).toBe(1)
      await takeMessages(opened)
      await opened.connections.update(active, { status: 'disconnected' })
      expect(await rows()).toBe(1)
      await deliverQueue()
      expect(await documentOf('doc')).toMatchObject({
        status: 'failed',
        error: { code: 'connection_not_found' },
      })
    })
  })
})
