/**
 * Peak memory and speed of putting and getting one document through each
 * driver: `node bench/storage-memory.ts [MiB ...]`. Each measurement
 * runs in a process of its own; the servers run in this one.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import * as z from 'zod/mini'
import { systemClock } from '../lib/clock.ts'
import { objectKey, parseConnectionId, parseDocumentId, parseExtension, userId } from '../lib/ids.ts'
import { secret } from '../lib/secret.ts'
import type { ContentSource } from '../lib/storage/bytes.ts'
import type { Driver } from '../lib/storage/driver.ts'
import { StorageBackend } from '../lib/storage/storage-backend.ts'

const MiB = 1024 * 1024
const bucket = 'bench'

const taskSchema = z.object({
  provider: z.enum(['google-drive', 'onedrive', 's3']),
  endpoint: z.string(),
  token: z.string(),
  size: z.number(),
  key: z.optional(z.string()),
})
type Task = z.output<typeof taskSchema>

const resultSchema = z.object({ key: z.string(), seconds: z.number(), peakMiB: z.number() })

/** Only the one provider's libraries are loaded, as in a function. */
async function openDriver({ provider, endpoint, token }: Task): Promise<Driver> {
  const held = { token: secret(token), version: 1, expiresAt: Date.now() + 3_600_000 }
  const tokens = {
    get: () => Promise.resolve(held),
    renew: () => Promise.resolve(held),
    lost: () => Promise.resolve(),
  }
  const options = {
    connectionId: parseConnectionId('bench') ?? fail(),
    tokens,
    endpoint,
    clock: systemClock,
  }
  if (provider === 'google-drive') {
    return (await import('../lib/providers/google-drive/driver.ts')).googleDriveDriver(options)
  }
  if (provider === 'onedrive')
    return (await import('../lib/providers/onedrive/driver.ts')).oneDriveDriver(options)
  const { s3Client } = await import('../lib/providers/s3/client.ts')
  const { s3Driver } = await import('../lib/providers/s3/driver.ts')
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  return s3Driver({
    client: s3Client({ endpoint, region: 'us-east-1', credentials }),
    bucket,
    clock: systemClock,
  })
}

function fail(): never {
  throw new Error('not an id')
}

/** `size` bytes in chunks of 64 KiB, each a new buffer, as a socket or a file would give them. */
function source(size: number): ContentSource {
  return {
    size,
    open(range) {
      let left = range ? range.end - range.start + 1 : size
      return new Readable({
        read() {
          const length = Math.min(left, 64 * 1024)
          left -= length
          this.push(length > 0 ? Buffer.alloc(length, 7) : null)
        },
      })
    },
  }
}

async function work(task: Task): Promise<z.output<typeof resultSchema>> {
  const backend = new StorageBackend(await openDriver(task))
  const started = performance.now()
  let { key } = task
  if (key === undefined) {
    const id = parseDocumentId('large') ?? fail()
    const extension = parseExtension('.bin') ?? fail()
    const content = source(task.size)
    key = await backend.putObject(userId('bench'), id, content, extension, 'application/octet-stream')
  } else {
    const { body } = await backend.getObject(objectKey(key))
    let seen = 0
    for await (const chunk of body) seen += Buffer.byteLength(chunk)
    if (seen !== task.size) throw new Error(`${String(seen)} bytes came back`)
  }
  const seconds = (performance.now() - started) / 1000
  return { key, seconds, peakMiB: process.resourceUsage().maxRSS / 1024 }
}

async function measure(task: Task): Promise<z.output<typeof resultSchema>> {
  const child = fork(fileURLToPath(import.meta.url), [], {
    env: { ...process.env, TASK: JSON.stringify(task) },
  })
  const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')])
  return resultSchema.parse(message)
}

async function main(sizes: readonly number[]): Promise<void> {
  const { startS3 } = await import('../emulators/s3/server.ts')
  const { startSimulator } = await import('../test/support/simulators.ts')
  const google = await startSimulator('google')
  const microsoft = await startSimulator('microsoft')
  const stateDir = await mkdtemp(join(tmpdir(), 'driveway-bench-'))
  const s3 = await startS3({ port: 0, stateDir, buckets: [bucket] })
  try {
    const bearerOf = async (simulator: typeof google, account: string): Promise<string> =>
      (await (await simulator.signIn(account)).get()).token.reveal()
    const targets = [
      {
        provider: 'google-drive',
        endpoint: google.origin,
        token: await bearerOf(google, 'bench@example.com'),
      },
      {
        provider: 'onedrive',
        endpoint: microsoft.origin,
        token: await bearerOf(microsoft, 'bench@outlook.com'),
      },
      { provider: 's3', endpoint: s3.endpoint, token: '' },
    ] as const
    for (const target of targets) {
      for (const size of sizes) {
        const put = await measure({ ...target, size })
        const get = await measure({ ...target, size, key: put.key })
        for (const [name, { seconds, peakMiB }] of Object.entries({ put, get })) {
          const speed = (size / MiB / seconds).toFixed(0)
          console.log(
            `${target.provider} ${name} ${String(size / MiB)} MiB: peak ${peakMiB.toFixed(0)} MiB, ${speed} MiB/s`,
          )
        }
      }
    }
  } finally {
    await Promise.all([google.close(), microsoft.close(), s3.close()])
    await rm(stateDir, { recursive: true, force: true })
  }
}

const task = process.env['TASK']
if (task === undefined) {
  const sizes = process.argv.slice(2).map(Number)
  await main((sizes.length > 0 ? sizes : [64, 1024]).map((size) => size * MiB))
} else {
  process.send?.(await work(taskSchema.parse(JSON.parse(task))))
  process.disconnect()
}
