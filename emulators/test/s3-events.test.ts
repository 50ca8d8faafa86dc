import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { startS3 } from '../s3/server.ts'
import { closeAfterTest, eventually, s3Client, temporaryDirectory } from './support.ts'

const Bucket = 'driveway-intake'

interface S3Record {
  readonly eventName: string
  readonly s3: { readonly object: { readonly key: string; readonly sequencer: string } }
}

const start = async (stateDir: string, deliver: (bodies: readonly string[]) => Promise<void>) => {
  const server = await startS3({
    port: 0,
    stateDir,
    buckets: [Bucket, 'driveway-storage'],
    notification: { bucket: Bucket, deliver },
  })
  closeAfterTest(server)
  return { server, client: s3Client(server.endpoint) }
}

const recordsOf = (bodies: readonly string[]): S3Record[] =>
  bodies.flatMap((body) => (JSON.parse(body) as { Records?: S3Record[] }).Records ?? [])

test('every kind of write gives a record in the shape of AWS, the sequencer growing', async () => {
  const bodies: string[] = []
  const { client } = await start(await temporaryDirectory(), async (more) => void bodies.push(...more))
  await client.send(new PutObjectCommand({ Bucket, Key: 'a b/ü+(1).txt', Body: 'hello' }))
  await client.send(
    new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/a%20b/%C3%BC%2B(1).txt` }),
  )
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'multi' }))
  const { ETag } = await client.send(
    new UploadPartCommand({ Bucket, Key: 'multi', UploadId, PartNumber: 1, Body: 'x' }),
  )
  await client.send(
    new CompleteMultipartUploadCommand({
      Bucket,
      Key: 'multi',
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    }),
  )
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'copy' }))
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'was never there' }))
  await client.send(new PutObjectCommand({ Bucket: 'driveway-storage', Key: 'silent', Body: 'x' }))
  const records = await eventually(() => (recordsOf(bodies).length === 4 ? recordsOf(bodies) : undefined))
  expect(JSON.parse(bodies[0] ?? '')).toMatchObject({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket })
  expect(records.map((record) => record.eventName)).toEqual([
    'ObjectCreated:Put',
    'ObjectCreated:Copy',
    'ObjectCreated:CompleteMultipartUpload',
    'ObjectRemoved:Delete',
  ])
  expect(records[0]).toMatchObject({
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    requestParameters: { sourceIPAddress: '127.0.0.1' },
    s3: {
      s3SchemaVersion: '1.0',
      bucket: { name: Bucket, arn: `arn:aws:s3:::${Bucket}` },
      object: {
        key: 'a+b/%C3%BC%2B%281%29.txt',
        size: 5,
        eTag: '5d41402abc4b2a76b9719d911017c592',
        sequencer: expect.stringMatching(/^[0-9A-F]{18}$/),
      },
    },
  })
  expect(decodeURIComponent((records[0]?.s3.object.key ?? '').replaceAll('+', ' '))).toBe('a b/ü+(1).txt')
  const sequencers = records.map((record) => record.s3.object.sequencer)
  expect(sequencers).toEqual([...new Set(sequencers)].toSorted())
})

test('records wait on disk while the queue is away, also over a restart, and come in order', async () => {
  const stateDir = await temporaryDirectory()
  let refused = 0
  const first = await start(stateDir, async (bodies) => {
    if (bodies[0]?.includes('s3:TestEvent') === true) return
    refused += 1
    throw new Error('no queue')
  })
  for (let index = 0; index < 25; index += 1)
    await first.client.send(new PutObjectCommand({ Bucket, Key: `k${index}`, Body: 'x' }))
  await eventually(() => (refused > 0 ? true : undefined))
  await first.server.close()
  const bodies: string[] = []
  await start(stateDir, async (more) => void bodies.push(...more))
  const records = await eventually(() => (recordsOf(bodies).length === 25 ? recordsOf(bodies) : undefined))
  expect(records.map((record) => record.s3.object.key)).toEqual(
    Array.from({ length: 25 }, (_, index) => `k${index}`),
  )
  expect(bodies.some((body) => body.includes('TestEvent'))).toBe(false)
})
