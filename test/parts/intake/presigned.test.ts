import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import { deleteDocument } from '../../../lib/documents/delete-document.ts'
import { presentDocument } from '../../../lib/documents/present.ts'
import { createUploadUrl } from '../../../lib/documents/presigned-urls.ts'
import { announcedKey } from '../../../lib/transfer/intake-key.ts'
import { sweep } from '../../../lib/transfer/sweep.ts'
import { s3Driver } from '../../../lib/providers/s3/driver.ts'
import { s3Client } from '../../../lib/providers/s3/client.ts'
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
  movableClock,
  must,
  openClients,
  openDeps,
  randomBytes,
  sha256,
  startWorld,
  takeMessages,
} from '../../support/intake-world.ts'

const bucket = 'driveway-storage'
const minute = 60_000

describe('a document that its client puts by a URL to a bucket', () => {
  let world: Awaited<ReturnType<typeof startWorld>>
  let clients: Clients
  let target: ReturnType<typeof s3Client>
  let clock: MovableClock
  let opened: OpenedDeps
  let connection: Connection
  let events: DocumentEvents
  let counter = 0

  beforeAll(async () => {
    world = await startWorld()
    clients = openClients(world.endpoints)
    events = documentEvents(world.endpoints)
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
    target = s3Client({ region: 'us-east-1', credentials, endpoint: world.endpoints.s3 })
  })
  afterAll(async () => {
    events.close()
    target.destroy()
    clients.close()
    await world.close()
  })
  beforeEach(async () => {
    counter += 1
    clock = movableClock()
    const openDriver = () => Promise.resolve(s3Driver({ client: target, bucket, clock }))
    opened = openDeps(clients, { clock, openDriver, publish: () => undefined })
    connection = await connect(opened, `past-${String(counter)}`, 's3')
  })
  afterEach(async () => {
    await takeMessages(opened)
  })

  const who = () => address(connection, 'doc', '.txt')
  const giveUrl = async (announced: { size?: number; sha256?: string } = {}) =>
    await createUploadUrl(documentDeps(opened), {
      ...who(),
      userId: connection.userId,
      contentType: 'text/plain',
      size: announced.size,
      sha256: announced.sha256,
      minutes: 15,
      signal: AbortSignal.timeout(60_000),
    })
  type Upload = Awaited<ReturnType<typeof giveUrl>>
  const put = async ({ url, method, headers }: Upload, content: Uint8Array): Promise<number> =>
    (await fetch(url, { method, headers, body: Buffer.from(content) })).status
  const row = async () => await opened.deps.documents.get(who())
  const document = async () => presentDocument(must(await row()))
  const told = async (): Promise<string[]> => (await events.of(connection)).map(({ type }) => type)
  /** The content of every object of this user in the storage bucket. */
  const stored = async (): Promise<string[]> => {
    const Prefix = `${connection.userKey}/`
    const { Contents = [] } = await target.send(new ListObjectsV2Command({ Bucket: bucket, Prefix }))
    const bodies = Contents.map(async ({ Key }) => {
      const { Body } = await target.send(new GetObjectCommand({ Bucket: bucket, Key }))
      return sha256((await Body?.transformToByteArray()) ?? new Uint8Array())
    })
    return await Promise.all(bodies)
  }
  /** Delivers all that the queue holds. */
  const deliver = async (): Promise<void> => {
    const bodies = await takeMessages(opened)
    for (const [index, body] of bodies.entries()) {
      const delivery = { messageId: `m${String(index)}`, deadline: clock.now() + minute }
      expect(await deliverMessage(opened, body, delivery)).toEqual({ kind: 'done' })
    }
    if (bodies.length > 0) await deliver()
  }
  const sweepAll = async (): Promise<void> => {
    await sweep(opened.deps, { deadline: clock.now() + 60 * minute, idleMs: 10 * minute })
    await deliver()
  }

  test('is stored as soon as its bytes are there, whatever their number, and that is told', async () => {
    const upload = await giveUrl()
    expect(await document()).toMatchObject({ status: 'receiving' })
    const content = randomBytes(600)
    expect(await put(upload, content)).toBe(200)
    // Until then nothing of it is to be seen in the bucket that holds the documents.
    expect(await stored()).toEqual([])
    await deliver()
    expect(await document()).toMatchObject({
      status: 'stored',
      size: 600,
      contentType: 'text/plain',
      checksum: { verdict: 'verified' },
    })
    expect(await stored()).toEqual([sha256(content)])
    expect(await told()).toEqual(['Document Stored'])
    expect(await bucketKeys(opened, connection.userKey)).toEqual([])
    expect(await row()).not.toHaveProperty('open')
  })

  test('is held to the size and the hash that were announced', async () => {
    const content = randomBytes(600)
    const upload = await giveUrl({ size: 600, sha256: sha256(content) })
    expect(await put(upload, randomBytes(601))).toBeGreaterThanOrEqual(400)
    expect(await put(upload, randomBytes(600))).toBeGreaterThanOrEqual(400)
    expect(await put(upload, content)).toBe(200)
    await deliver()
    expect(await stored()).toEqual([sha256(content)])
  })

  test('is stored once its URL has ended when the event of its bytes was lost', async () => {
    await put(await giveUrl(), randomBytes(600))
    await takeMessages(opened)
    clock.advance(14 * minute)
    await sweepAll()
    expect(await document()).toMatchObject({ status: 'receiving' })
    clock.advance(12 * minute)
    await sweepAll()
    expect(await document()).toMatchObject({ status: 'stored', size: 600 })
    expect(await told()).toEqual(['Document Stored'])
  })

  test('has failed when nothing came, an hour after its URL ended', async () => {
    await giveUrl()
    clock.advance(26 * minute)
    await sweepAll()
    expect(await document()).toMatchObject({ status: 'receiving' })
    clock.advance(60 * minute)
    await sweepAll()
    expect(await document()).toMatchObject({ status: 'failed', error: { code: 'object_missing' } })
    expect(await told()).toEqual(['Document Failed'])
    expect(await row()).not.toHaveProperty('open')
  })

  test('that stands stays as it is while the next is waited for, and when that never comes', async () => {
    const content = randomBytes(600)
    await put(await giveUrl(), content)
    await deliver()
    const settled = await document()
    await giveUrl()
    expect(await document()).toMatchObject({ status: 'receiving', etag: settled.etag, size: 600 })
    clock.advance(90 * minute)
    await sweepAll()
    expect(await document()).toMatchObject({ status: 'failed', etag: settled.etag, size: 600 })
    expect(await stored()).toEqual([sha256(content)])
  })

  test('is taken by the newer of two URLs alone', async () => {
    const older = await giveUrl()
    clock.advance(10 * minute)
    const newer = await giveUrl()
    await put(older, randomBytes(500))
    await deliver()
    expect(await document()).toMatchObject({ status: 'receiving' })
    clock.advance(10 * minute)
    await sweepAll()
    expect(await document()).toMatchObject({ status: 'receiving' })
    const content = randomBytes(700)
    await put(newer, content)
    await put(older, randomBytes(500))
    await deliver()
    expect(await document()).toMatchObject({ status: 'stored', size: 700 })
    expect(await stored()).toEqual([sha256(content)])
    expect(await bucketKeys(opened, connection.userKey)).toEqual([])
  })

  test('is replaced by another put to its URL no more once it is stored', async () => {
    const upload = await giveUrl()
    const content = randomBytes(500)
    await put(upload, content)
    await deliver()
    await put(upload, randomBytes(500))
    await deliver()
    expect(await stored()).toEqual([sha256(content)])
    expect(await bucketKeys(opened, connection.userKey)).toEqual([])
    expect(await told()).toEqual(['Document Stored'])
  })

  test('that was deleted is not brought back by its URL', async () => {
    const upload = await giveUrl()
    await deleteDocument(documentDeps(opened), {
      ...who(),
      userId: connection.userId,
      signal: AbortSignal.timeout(60_000),
    })
    await put(upload, randomBytes(500))
    await deliver()
    expect(await row()).toBeUndefined()
    expect(await stored()).toEqual([])
    expect(await bucketKeys(opened, connection.userKey)).toEqual([])
  })

  test('may be dropped instead, which ends the announcement', async () => {
    const upload = await giveUrl()
    const content = randomBytes(800)
    await drop(opened, dropKey(who()), content, 'text/plain')
    await deliver()
    expect(await document()).toMatchObject({ status: 'stored', size: 800 })
    await put(upload, randomBytes(500))
    await deliver()
    expect(await stored()).toEqual([sha256(content)])
    expect(await bucketKeys(opened, connection.userKey)).toEqual([])
    expect(await told()).toEqual(['Document Stored'])
  })

  test('arrives under a key of its own, and large ones in parts', async () => {
    const upload = await giveUrl()
    const { change } = must(await row())
    const key = announcedKey({ ...who(), changeId: must(change).id })
    expect(decodeURIComponent(new URL(upload.url).pathname)).toContain(key)
    const content = randomBytes(10 * 1024 * 1024 + 5)
    await put(upload, content)
    expect(await bucketKeys(opened, connection.userKey)).toEqual([key])
    await deliver()
    expect(await stored()).toEqual([sha256(content)])
  })
})
