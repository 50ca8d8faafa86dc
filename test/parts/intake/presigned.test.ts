import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import type { DocumentDeps } from '../../../lib/documents/deps.ts'
import { createUploadUrl } from '../../../lib/documents/presigned-urls.ts'
import { statDocument } from '../../../lib/documents/stat-document.ts'
import { cancelTransfer } from '../../../lib/intake/cancel.ts'
import { ingestObject } from '../../../lib/intake/ingest.ts'
import { intakeKeyOf } from '../../../lib/intake/intake-key.ts'
import { awaitPresigned } from '../../../lib/intake/presigned.ts'
import { sweepTransfers } from '../../../lib/intake/sweep.ts'
import { s3Driver } from '../../../lib/providers/s3/driver.ts'
import { s3Client } from '../../../lib/providers/s3/client.ts'
import type { DrivewayEvent } from '../../../lib/telemetry/events.ts'
import { asFunction } from '../../support/as-function.ts'
import type { Clients, MovableClock, OpenedDeps } from '../../support/intake-world.ts'
import {
  address,
  connect,
  drop,
  movableClock,
  must,
  openClients,
  openDeps,
  randomBytes,
  startWorld,
} from '../../support/intake-world.ts'
import { startHash } from '../../support/hashes.ts'

const bucket = 'driveway-storage'
const minute = 60_000

describe('a document that its client puts past us', () => {
  let world: Awaited<ReturnType<typeof startWorld>>
  let clients: Clients
  let target: ReturnType<typeof s3Client>
  let clock: MovableClock
  let opened: OpenedDeps
  let connection: Connection
  let events: DrivewayEvent[]
  let deps: DocumentDeps
  let counter = 0

  beforeAll(async () => {
    world = await startWorld()
    clients = openClients(world.endpoints)
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
    target = s3Client({ region: 'us-east-1', credentials, endpoint: world.endpoints.s3 })
  })
  afterAll(async () => {
    target.destroy()
    clients.close()
    await world.close()
  })
  beforeEach(async () => {
    counter += 1
    clock = movableClock()
    events = []
    const openDriver = () => Promise.resolve(s3Driver({ client: target, bucket, clock }))
    const publish = (event: DrivewayEvent): void => void events.push(event)
    opened = openDeps(clients, { clock, openDriver, publish })
    connection = await connect(opened, `past-${String(counter)}`, 's3')
    deps = {
      documents: opened.deps.documents,
      connections: opened.connections,
      openDriver,
      startHash,
      retry: (run) => run(),
      cancelTransfer: (row) => cancelTransfer(opened.deps, row),
      awaitUpload: (upload) => awaitPresigned(opened.deps, upload),
      stageDownload: () => Promise.reject(new Error('nothing is staged here')),
      now: () => clock.now(),
    }
  })

  const who = () => address(connection, 'doc', '.txt')
  const giveUrl = async () => {
    const { userKey, documentId, connectionId, extension } = who()
    const asked = { userKey, documentId, connectionId, extension, userId: connection.userId }
    return await createUploadUrl(deps, { ...asked, contentType: 'text/plain', minutes: 15 })
  }
  const upload = async (size: number): Promise<void> => {
    const Key = must((await row())?.objectKey)
    await target.send(
      new PutObjectCommand({ Bucket: bucket, Key, Body: randomBytes(size), ContentType: 'text/plain' }),
    )
  }
  const row = async () => await deps.documents.getDocument(connection, who().documentId)
  const transfer = async () => await opened.deps.transfers.get(connection.userKey, who().documentId)
  const sweep = async () =>
    await asFunction('sweep-transfers', () =>
      sweepTransfers(opened.deps, { deadline: clock.now() + 60 * minute, idleMs: 10 * minute }),
    )

  test('is stored once its URL has ended, and that is told', async () => {
    await giveUrl()
    await upload(600)
    clock.advance(14 * minute)
    await sweep()
    expect((await row())?.status).toBe('receiving')
    clock.advance(2 * minute)
    await sweep()
    expect(await row()).toMatchObject({ status: 'stored', size: 600, objectExists: true })
    expect(events.map(({ type }) => type)).toEqual(['Document Stored'])
    expect(await transfer()).toBeUndefined()
  })

  test('has failed when nothing came, an hour after its URL ended', async () => {
    await giveUrl()
    clock.advance(16 * minute)
    await sweep()
    expect((await row())?.status).toBe('receiving')
    clock.advance(60 * minute)
    await sweep()
    expect(await row()).toMatchObject({ status: 'failed', error: { code: 'object_missing' } })
    expect(events.map(({ type }) => type)).toEqual(['Document Failed'])
    expect(await transfer()).toBeUndefined()
  })

  test('that a reader has found stays as it is', async () => {
    await giveUrl()
    await upload(600)
    const { documentId } = who()
    expect((await statDocument(deps, connection, documentId, AbortSignal.timeout(10_000))).status).toBe(
      'stored',
    )
    const settled = await row()
    clock.advance(90 * minute)
    await sweep()
    expect(await row()).toEqual(settled)
    expect(await transfer()).toBeUndefined()
  })

  test('waits for the newer of two URLs', async () => {
    await giveUrl()
    clock.advance(10 * minute)
    await giveUrl()
    await upload(700)
    clock.advance(10 * minute)
    await sweep()
    expect((await row())?.status).toBe('receiving')
    clock.advance(6 * minute)
    await sweep()
    expect(await row()).toMatchObject({ status: 'stored', size: 700 })
  })

  test('may come through the intake instead', async () => {
    await giveUrl()
    const object = await drop(opened, intakeKeyOf(who()), randomBytes(800), 'text/plain')
    const delivery = { messageId: 'm', deadline: clock.now() + minute }
    expect(await asFunction('ingest-object', () => ingestObject(opened.deps, object, delivery))).toEqual({
      kind: 'done',
    })
    const stored = must(await row())
    expect(stored).toMatchObject({ status: 'stored', size: 800 })
    const head = await target.send(new HeadObjectCommand({ Bucket: bucket, Key: must(stored.objectKey) }))
    expect(head.ContentLength).toBe(800)
    expect(await transfer()).toBeUndefined()
  })
})
