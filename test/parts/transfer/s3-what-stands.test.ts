import type { S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import { deleteDocument } from '../../../lib/documents/delete-document.ts'
import type { DocumentDeps } from '../../../lib/documents/deps.ts'
import { getDocument } from '../../../lib/documents/get-document.ts'
import { presentDocument } from '../../../lib/documents/present.ts'
import { putDocument } from '../../../lib/documents/put-document.ts'
import { ingestObject } from '../../../lib/intake/ingest.ts'
import { s3Client } from '../../../lib/providers/s3/client.ts'
import { s3Driver } from '../../../lib/providers/s3/driver.ts'
import type { FaultProxy } from '../../support/fault-proxy.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import type { Clients, MovableClock, OpenedDeps } from '../../support/intake-world.ts'
import {
  address,
  connect,
  documentDeps,
  drop,
  dropKey,
  movableClock,
  must,
  openClients,
  openDeps,
  randomBytes,
  startWorld,
} from '../../support/intake-world.ts'

const bucket = 'driveway-storage'

describe('what stands in a bucket', () => {
  let world: Awaited<ReturnType<typeof startWorld>>
  let clients: Clients
  let proxy: FaultProxy
  let target: S3Client
  let clock: MovableClock
  let opened: OpenedDeps
  let deps: DocumentDeps
  let connection: Connection
  let counter = 0

  beforeAll(async () => {
    world = await startWorld()
    clients = openClients(world.endpoints)
    proxy = await startFaultProxy(world.endpoints.s3)
    const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
    target = s3Client({ region: 'us-east-1', credentials, endpoint: proxy.origin })
  })
  afterAll(async () => {
    target.destroy()
    clients.close()
    await proxy.close()
    await world.close()
  })
  beforeEach(async () => {
    counter += 1
    clock = movableClock()
    opened = openDeps(clients, {
      clock,
      openDriver: () => Promise.resolve(s3Driver({ client: target, bucket, clock })),
      publish: () => undefined,
    })
    deps = documentDeps(opened)
    connection = await connect(opened, `stands-${String(counter)}`, 's3')
  })

  const request = () => {
    const { userId, userKey } = connection
    const { documentId } = address(connection, 'doc')
    return { userId, userKey, documentId, signal: new AbortController().signal }
  }
  const put = async (bytes: Buffer) =>
    await putDocument(deps, {
      ...request(),
      connectionId: connection.connectionId,
      extension: address(connection, 'doc', '.bin').extension,
      contentType: 'application/octet-stream',
      bytes,
      contentDigest: undefined,
    })
  const read = async (): Promise<Buffer> => {
    const asked = { range: undefined, ifNoneMatch: undefined, ifRange: undefined, isHead: false }
    const outcome = await getDocument(deps, { ...request(), ...asked })
    if (outcome.kind !== 'content') throw new Error(`It is ${outcome.kind}.`)
    return Buffer.concat(await outcome.body.toArray())
  }
  const view = async () => presentDocument(must(await opened.deps.documents.get(request())))
  const expectStanding = async (
    bytes: Buffer,
    before: Awaited<ReturnType<typeof view>>,
    status: string,
  ): Promise<void> => {
    const { etag, size, objectKey, checksum } = before
    expect(await view()).toMatchObject({ status, etag, size, objectKey, checksum })
    expect((await read()).equals(bytes)).toBe(true)
  }

  test('is read while an upload is under way, and replaced when it ends', async () => {
    const bytes = randomBytes(900)
    await put(bytes)
    const before = await view()
    const next = randomBytes(90_000)
    const object = await drop(opened, dropKey(address(connection, 'doc', '.bin')), next)
    proxy.fault({ method: 'PUT' }, { type: 'status', status: 503, reason: 'SlowDown' }, 100)
    const delivery = { messageId: 'one', deadline: clock.now() + 60_000 }
    const end = await ingestObject(opened.deps, object, delivery)
    expect(end.kind).toBe('again')
    await expectStanding(bytes, before, 'uploading')
    proxy.clearFaults()
    clock.advance(end.kind === 'again' ? end.afterSeconds * 1000 : 0)
    const again = await ingestObject(opened.deps, object, { ...delivery, deadline: clock.now() + 60_000 })
    expect(again.kind).toBe('done')
    await expectStanding(next, await view(), 'stored')
  })

  test('is read after a replacement that the bucket refused', async () => {
    const bytes = randomBytes(900)
    await put(bytes)
    const before = await view()
    proxy.fault({ method: 'PUT' }, { type: 'status', status: 403, reason: 'AccessDenied' }, 100)
    await expect(put(randomBytes(1000))).rejects.toMatchObject({ code: 'operator_attention' })
    proxy.clearFaults()
    await expectStanding(bytes, before, 'failed')
    const next = randomBytes(1000)
    await put(next)
    await expectStanding(next, await view(), 'stored')
  })

  test('is read after a delete that the bucket did not take', async () => {
    const bytes = randomBytes(900)
    await put(bytes)
    const before = await view()
    proxy.fault({ method: 'DELETE' }, { type: 'status', status: 503, reason: 'SlowDown' }, 100)
    await expect(deleteDocument(deps, request())).rejects.toMatchObject({ code: expect.any(String) })
    proxy.clearFaults()
    await expectStanding(bytes, before, 'stored')
    await deleteDocument(deps, request())
    expect(await opened.deps.documents.get(request())).toBeUndefined()
  })
})
