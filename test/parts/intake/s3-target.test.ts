import type { S3Client } from '@aws-sdk/client-s3'
import { GetObjectCommand, ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import { presentDocument } from '../../../lib/documents/present.ts'
import { ingestObject } from '../../../lib/intake/ingest.ts'
import { s3Driver } from '../../../lib/providers/s3/driver.ts'
import { s3Client } from '../../../lib/providers/s3/client.ts'
import { asFunction } from '../../support/as-function.ts'
import type { FaultProxy } from '../../support/fault-proxy.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import type { Clients, MovableClock, OpenedDeps } from '../../support/intake-world.ts'
import {
  address,
  bucketKeys,
  connect,
  drop,
  dropKey,
  movableClock,
  must,
  openClients,
  openDeps,
  randomBytes,
  sha256,
  startWorld,
} from '../../support/intake-world.ts'
import type { FaultAction, FaultMatch } from '../../support/simulators.ts'

const part = 10 * 1024 * 1024
const bucket = 'driveway-storage'

describe('a document on its way to a bucket', () => {
  let world: Awaited<ReturnType<typeof startWorld>>
  let clients: Clients
  let proxy: FaultProxy
  let target: S3Client
  let clock: MovableClock
  let opened: OpenedDeps
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
    connection = await connect(opened, `bucket-${String(counter)}`, 's3')
  })

  const store = async (content: Uint8Array): Promise<void> => {
    const object = await drop(opened, dropKey(address(connection, 'doc', '.pdf')), content)
    for (let deliveries = 1; deliveries <= 60; deliveries += 1) {
      const delivery = { messageId: `m${String(counter)}`, deadline: clock.now() + 60_000 }
      const end = await asFunction('ingest-object', () => ingestObject(opened.deps, object, delivery))
      if (end.kind === 'done') return
      clock.advance(end.afterSeconds * 1000)
    }
    throw new Error('The message keeps coming back.')
  }
  const expectStored = async (content: Uint8Array): Promise<void> => {
    expect(proxy.pendingFaults()).toBe(0)
    const { Contents = [] } = await clients.s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: `${connection.userKey}/` }),
    )
    expect(Contents.map(({ Size }) => Size)).toEqual([content.length])
    const { Body } = await clients.s3.send(
      new GetObjectCommand({ Bucket: bucket, Key: Contents[0]?.Key ?? '' }),
    )
    expect(sha256((await Body?.transformToByteArray()) ?? new Uint8Array())).toBe(sha256(content))
    const row = must(await opened.deps.documents.get(address(connection, 'doc')))
    expect(presentDocument(row)).toMatchObject({
      status: 'stored',
      size: content.length,
      objectKey: Contents[0]?.Key,
      // The hash of an object in parts is one of hashes, which says nothing of the whole.
      checksum: { verdict: content.length > part ? 'unverified' : 'verified' },
    })
    expect(row.open).toBeUndefined()
    expect(await bucketKeys(opened, connection.userKey)).toEqual([])
  }

  test.each([
    ['empty', 0],
    ['small', 70_001],
    ['exactly one part', part],
    ['two parts, the last one short', part + 5],
  ])('is stored once and bit for bit when it is %s', async (_name, size) => {
    const content = randomBytes(size)
    await store(content)
    await expectStored(content)
  })

  const steps: [string, FaultMatch, number][] = [
    ['opening the multipart upload', { method: 'POST', path: String.raw`\?uploads` }, part + 5],
    ['a part', { method: 'PUT', path: 'x-id=UploadPart' }, part + 5],
    ['completing it', { method: 'POST', path: 'uploadId=' }, part + 5],
    ['a small document', { method: 'PUT', path: 'x-id=PutObject' }, 90_000],
  ]
  const faults: [string, FaultAction][] = [
    ['a reset', { type: 'reset' }],
    ['a lost answer', { type: 'commit-then-reset' }],
    ['503', { type: 'status', status: 503, reason: 'SlowDown' }],
    ['500', { type: 'status', status: 500 }],
    ['HTML for an answer', { type: 'garbage' }],
  ]
  test.each(
    steps.flatMap(([step, match, size]) =>
      faults.map(([fault, action]) => [fault, step, match, action, size] as const),
    ),
  )('%s at %s leaves one whole document', async (fault, step, match, action, size) => {
    const content = randomBytes(size)
    proxy.fault(match, action)
    await store(content)
    await expectStored(content)
    // An upload id that was lost is ended by the bucket's lifecycle rule.
    const lost = step === 'opening the multipart upload' && fault === 'a lost answer' ? 1 : 0
    const { Uploads = [] } = await clients.s3.send(
      new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: `${connection.userKey}/` }),
    )
    expect(Uploads).toHaveLength(lost)
  })
})
