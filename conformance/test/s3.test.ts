import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { s3Driver } from '../../lib/providers/s3/driver.ts'
import { s3Client } from '../../lib/providers/s3/client.ts'
import { sha256Of } from '../../test/support/content.ts'
import { startFaultProxy } from '../../test/support/fault-proxy.ts'
import { instantClock } from '../../test/support/instant-clock.ts'
import { startS3Server } from '../../test/support/s3-server.ts'
import type { FaultMatch } from '../../test/support/simulators.ts'
import type { FaultPoint, Harness, Held } from '../harness.ts'
import { conformance } from '../suite.ts'

const points: Record<FaultPoint, FaultMatch> = {
  write: { method: 'PUT', path: 'x-id=PutObject' },
  replace: { method: 'PUT', path: 'x-id=PutObject' },
  begin: { method: 'POST', path: String.raw`\?uploads` },
  send: { method: 'PUT', path: 'x-id=UploadPart' },
  stat: { method: 'HEAD' },
  download: { method: 'GET', path: 'x-id=GetObject' },
  delete: { method: 'DELETE' },
}

async function s3(): Promise<Harness> {
  const stateDir = await mkdtemp(join(tmpdir(), 'driveway-s3-'))
  let buckets = 0
  const names = Array.from({ length: 100 }, (_, index) => `bucket-${String(index)}`)
  const server = await startS3Server({ stateDir, buckets: names })
  const proxy = await startFaultProxy(server.endpoint)
  const settings = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }
  const client = s3Client({ ...settings, endpoint: proxy.origin })
  const direct = s3Client({ ...settings, endpoint: server.endpoint })
  return {
    async close() {
      client.destroy()
      direct.destroy()
      await proxy.close()
      await server.close()
      await rm(stateDir, { recursive: true, force: true })
    },
    world() {
      const bucket = names[buckets] ?? 'none left'
      buckets += 1
      const clock = instantClock()
      return Promise.resolve({
        clock,
        driver: () => s3Driver({ client, bucket, clock }),
        async held() {
          const held: Held[] = []
          const { Contents = [] } = await direct.send(new ListObjectsV2Command({ Bucket: bucket }))
          for (const { Key = '', Size = 0 } of Contents) {
            const { Body } = await direct.send(new GetObjectCommand({ Bucket: bucket, Key }))
            const sha256 = Body instanceof Readable ? await sha256Of(Body) : ''
            held.push({ name: Key.slice(Key.lastIndexOf('/') + 1), path: `/${Key}`, size: Size, sha256 })
          }
          return held
        },
        async openSessions() {
          const { Uploads = [] } = await direct.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
          return Uploads.length
        },
        faults: {
          arm: (point, action, times) => Promise.resolve(proxy.fault(points[point], action, times)),
          armLast: (action) =>
            Promise.resolve(
              proxy.fault({ method: 'POST', path: 'x-id=CompleteMultipartUpload|uploadId=' }, action),
            ),
          unmet: () => Promise.resolve(proxy.pendingFaults()),
        },
        async binned() {
          const { Versions = [], DeleteMarkers = [] } = await direct.send(
            new ListObjectVersionsCommand({ Bucket: bucket }),
          )
          return Versions.filter(({ IsLatest }) => !IsLatest).length + DeleteMarkers.length
        },
        async removeAsUser(key) {
          await direct.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
        },
        async expireSessions() {
          const { Uploads = [] } = await direct.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
          for (const { Key = '', UploadId = '' } of Uploads) {
            await direct.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }))
          }
        },
      })
    },
  }
}

conformance('S3', {
  sample: () => s3Driver({ client: s3Client({}), bucket: 'sample', clock: instantClock() }),
  pathOf: (userKey, file) => `/${userKey}/${file}`,
  faults: {
    throttling: { status: 503, reason: 'SlowDown' },
    // The answer to a HEAD has no body that could be something else.
    garbage: [502],
  },
  start: s3,
})
