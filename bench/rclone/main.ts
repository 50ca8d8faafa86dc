/**
 * The same documents from S3 to the drives, by us and by rclone, as whole processes in one run. Both go
 * through one front that ends TLS; the drives are a round trip away. `npm run bench:rclone -- --mib 256`; the
 * other options are below. What comes out is printed, and written to `bench/results/`.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { bundle } from '../../infra/bundling/bundle.ts'
import { connectionStore } from '../../lib/catalog/connections.ts'
import type { ConnectionId } from '../../lib/ids.ts'
import { parseConnectionId, userId, userKeyOf } from '../../lib/ids.ts'
import type { CreatedObject } from '../../lib/queue/object-created.ts'
import { dynamoAt } from '../../test/support/aws-caller.ts'
import { dropLarge } from './content.ts'
import type { Usage } from './measured.ts'
import { rcloneVersion } from './measured.ts'
import type { Drive } from './names.ts'
import { inOwnNames, setDistance } from './names.ts'
import type { Order } from './ours.ts'
import type { Run } from './table.ts'
import { tableOf } from './table.ts'
import type { BenchWorld, Tokens } from './world.ts'
import { startBenchWorld, writeRcloneConfig } from './world.ts'

const MiB = 1024 * 1024
const bucket = 'driveway-intake'
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
const user = userId('bench')

/** One thing that both programs are to do. */
interface Job {
  readonly name: string
  readonly drive: Drive
  /** rclone's flags for it, and our fragments where they are not as configured. */
  readonly flags: readonly string[]
  readonly fragmentBytes?: number
  readonly count: number
  readonly bytes: number
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mib: { type: 'string', default: '256' },
      small: { type: 'string', default: '1000' },
      rounds: { type: 'string', default: '3' },
      'round-trip': { type: 'string', default: '40' },
      drives: { type: 'string', default: 'google,microsoft' },
      chunks: { type: 'string', default: 'default,big' },
      // A bundle of `ours.ts` as an earlier version was, which then takes part too.
      before: { type: 'string' },
      name: { type: 'string', default: 'rclone' },
    },
  })
  const head = `${rcloneVersion()}, node ${process.version}, ${values['round-trip']} ms to the drives`
  const jobs = (values.drives.split(',') as Drive[]).flatMap((drive) => [
    ...values.mib.split(',').flatMap((mib) => largeJobs(drive, Number(mib), values.chunks.split(','))),
    ...(values.small === '0' ? [] : [smallJob(drive, Number(values.small))]),
  ])
  const world = await startBenchWorld(Number(values['round-trip']))
  process.once('exit', () => world.close())
  const output = join(world.folder, 'bundle')
  const made = await bundle({ ours: 'bench/rclone/ours.ts' }, output)
  const ours = join(made.get('ours')?.directory ?? '', 'index.mjs')
  const runs: Run[] = []
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const job of jobs) {
      const turns = values.before === undefined ? ourTurns : (['before', ...ourTurns] as const)
      for (const who of round % 2 === 0 ? turns : turns.toReversed()) {
        const run = await doJob(world, job, who, who === 'before' ? (values.before ?? '') : ours)
        runs.push(run)
        console.log(
          `round ${String(round + 1)} ${job.name}: ${who} ${run.usage.seconds.toFixed(2)} s, CPU ${run.usage.cpuSeconds.toFixed(2)} s, ${run.usage.peakMiB.toFixed(0)} MiB; load ${(loadavg()[0] ?? 0).toFixed(1)}`,
        )
      }
    }
  }
  const loads = runs.map(({ load }) => load)
  const load = `load of the machine ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`
  const text = `# Against rclone\n\n${head}; medians of ${values.rounds} rounds; ${load}.\n\n${tableOf(runs)}`
  mkdirSync('bench/results', { recursive: true })
  writeFileSync(`bench/results/${values.name}.md`, text)
  console.log(text)
  process.exit(0)
}

function largeJobs(drive: Drive, mib: number, chunks: readonly string[]): Job[] {
  const big = {
    google: { flags: ['--drive-chunk-size', '64M'] },
    microsoft: { flags: ['--onedrive-chunk-size', '50M'], fragmentBytes: 50 * MiB },
  }[drive]
  return chunks.map((size) => ({
    name: `${drive}, ${String(mib)} MiB, ${size} chunks`,
    drive,
    count: 1,
    bytes: mib * MiB,
    ...(size === 'big' ? big : { flags: [] }),
  }))
}

function smallJob(drive: Drive, count: number): Job {
  // By itself it makes ten calls a second there.
  const unpaced = ['--drive-pacer-min-sleep', '1ms', '--drive-pacer-burst', '10000']
  const flags = ['--transfers', '8', ...(drive === 'google' ? unpaced : [])]
  return { name: `${drive}, ${String(count)} x 100 KiB`, drive, flags, count, bytes: 100 * 1024 }
}

let jobsDone = 0

const ourTurns = ['ours', 'rclone'] as const

async function doJob(world: BenchWorld, job: Job, who: Run['who'], ours: string): Promise<Run> {
  setDistance(false)
  const tokens = await world.renew(job.drive)
  jobsDone += 1
  const connectionId = parseConnectionId(`bench-${String(jobsDone)}`) as ConnectionId
  const objects = await prepare(world, job, connectionId)
  await world.requests()
  setDistance(true)
  const usage =
    who !== 'rclone'
      ? await runOurs(world, job, { connectionId, objects, tokens, ours })
      : await runRclone(world, job, objects, tokens)
  if (usage.status !== 0) throw new Error(`${job.name}, ${who}: ${usage.output.slice(-1000)}`)
  setDistance(false)
  const hashes = new Set((await world.files(job.drive)).map(({ sha256 }) => sha256))
  const missing = objects.filter(({ sha256 }) => !hashes.has(sha256)).length
  if (missing > 0) throw new Error(`${job.name}, ${who}: ${String(missing)} documents did not arrive whole.`)
  const requests = await world.requests()
  return { job: job.name, documents: job.count, who, usage, requests, load: loadavg()[0] ?? 0 }
}

type Prepared = CreatedObject & { readonly sha256: string }

async function prepare(world: BenchWorld, job: Job, connectionId: ConnectionId): Promise<Prepared[]> {
  const provider = job.drive === 'google' ? 'google-drive' : 'onedrive'
  const connections = connectionStore(dynamoAt(world.origins.dynamoDb), 'connections', Date.now)
  const userKey = userKeyOf(user)
  await connections.create({ userKey, userId: user, connectionId, provider, status: 'active' })
  const s3 = new S3Client({
    endpoint: world.origins.s3,
    region: 'us-east-1',
    credentials,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  })
  const objects: Prepared[] = []
  for (let index = 0; index < job.count; index += 1) {
    const key = `${userKey}/${connectionId}/d${String(jobsDone)}-${String(index)}.bin`
    const send = async (body: NonNullable<PutObjectCommand['input']['Body']>): Promise<string> => {
      const put = new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: body,
        ContentLength: job.bytes,
        ContentType: 'application/pdf',
      })
      return ((await s3.send(put)).ETag ?? '').replaceAll('"', '')
    }
    objects.push({ bucket, key, size: job.bytes, ...(await dropLarge(job.bytes, randomBytes(8), send)) })
  }
  s3.destroy()
  return objects
}

async function runOurs(
  world: BenchWorld,
  job: Job,
  {
    connectionId,
    objects,
    tokens,
    ours,
  }: {
    readonly connectionId: ConnectionId
    readonly objects: readonly CreatedObject[]
    readonly tokens: Tokens
    readonly ours: string
  },
): Promise<Usage> {
  const order: Order = {
    drive: job.drive,
    connectionId,
    accessToken: tokens.access,
    objects,
    atOnce: 8,
    ...(job.fragmentBytes === undefined ? {} : { fragmentBytes: job.fragmentBytes }),
  }
  const path = join(world.folder, 'order.json')
  writeFileSync(path, JSON.stringify(order))
  return await world.run([process.execPath, ours, path], {
    CONNECTIONS_TABLE: 'connections',
    DOCUMENTS_TABLE: 'documents',
    INTAKE_BUCKET: bucket,
    INTAKE_QUEUE_URL: 'https://sqs.bench.example/none',
    SHORT_QUEUE_URL: 'https://sqs.bench.example/none',
    LONG_QUEUE_URL: 'https://sqs.bench.example/none',
    EVENT_BUS: 'none',
    BUCKETS_BY_PATH: 'true',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_S3: `https://${world.hosts.s3}`,
    AWS_ENDPOINT_URL_DYNAMODB: `https://${world.hosts.dynamoDb}`,
  })
}

async function runRclone(
  world: BenchWorld,
  job: Job,
  objects: readonly CreatedObject[],
  tokens: Tokens,
): Promise<Usage> {
  const config = await writeRcloneConfig(world, job.drive, tokens)
  const [first] = objects
  const folder = first?.key.slice(0, first.key.lastIndexOf('/')) ?? ''
  const from = `s3:${bucket}/${folder}`
  return await world.run([
    'rclone',
    'copy',
    from,
    `${job.drive}:`,
    '--config',
    config,
    '--retries',
    '1',
    ...job.flags,
  ])
}

if (await inOwnNames()) await main()
