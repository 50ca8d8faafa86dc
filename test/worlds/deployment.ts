import { functionPlans } from '../../infra/functions.ts'
import { compose } from '../../lib/compose/compose.ts'
import { outbox } from '../../lib/contract/outbox.ts'
import { startCommonHash } from '../../lib/transfer/hash.ts'
import type { Aws, Secret } from './aws.ts'
import { clientsOf } from './aws.ts'
import { Buckets } from './buckets.ts'
import type { CloudRecords, Clouds } from './drives.ts'
import { openClouds } from './drives.ts'
import type { Item } from './expressions.ts'
import { copy } from './expressions.ts'
import { feedIn } from './feed.ts'
import { Lambda } from './lambda.ts'
import type { Network } from './network.ts'
import { sendIn } from './provider-http.ts'
import { Queue } from './queue.ts'
import { storageHost } from './storage-wire.ts'
import type { StreamRecord } from './tables.ts'
import { streamEvent, Tables } from './tables.ts'
import type { Process } from './process.ts'

const environment = {
  CONNECTIONS_TABLE: 'connections',
  DOCUMENTS_TABLE: 'documents',
  TRANSFERS_TABLE: 'transfers',
  TOKENS_TABLE: 'tokens',
  GRANTS_TABLE: 'grants',
  CELLS_TABLE: 'cells',
  AUTHORIZATIONS_TABLE: 'authorizations',
  USERS_TABLE: 'users',
  WEBHOOKS_TABLE: 'webhooks',
  SECRET_PREFIX: 'driveway/worlds',
  PUBLIC_URL: 'https://api.example',
  ALLOWED_RETURN_URLS: 'https://app.example',
  DRIVE_FOLDER: 'Driveway',
  INTAKE_BUCKET: 'driveway-intake',
  STORAGE_BUCKET: 'driveway-storage',
  STORAGE_REGION: 'us-east-1',
  STORAGE_ENDPOINT: `https://${storageHost}`,
  ARRIVALS_QUEUE_URL: 'https://sqs.example/arrivals',
  SHORT_QUEUE_URL: 'https://sqs.example/short',
  LONG_QUEUE_URL: 'https://sqs.example/long',
  LANE_WORKERS: '20',
  EVENT_BUS: 'worlds',
}
export const intakeBucket = environment.INTAKE_BUCKET
export const storageBucket = environment.STORAGE_BUCKET

/** What a deployment begins with: rows, secrets, and what the clouds know. */
export interface Beginning {
  readonly rows: Map<string, Map<string, Item>>
  readonly secrets: ReadonlyMap<string, Secret>
  readonly clouds: CloudRecords
}

/** One deployment in a world: AWS, the clouds, its functions, and what carries events between them. */
export interface Deployment {
  readonly aws: Aws
  readonly clouds: Clouds
  readonly lambda: Lambda
  /** Every write of a table with a change stream. */
  readonly written: readonly StreamRecord[]
  /** Events of writes that `tell` has not had yet. */
  readonly untold: StreamRecord[]
  /** Runs every few minutes from now on. */
  startSweeping(): void
}

const sweepEveryMs = 300_000
// At other moments than the sweep; it takes as long as all the rest, and so a world of three has it.
const followEveryMs = 1_130_000
export async function openDeployment(network: Network, beginning: Beginning): Promise<Deployment> {
  const { world } = network
  const queueFor = (name: string, by: 'sort-intake' | 'ingest-object'): Queue => {
    const seconds = 6 * functionPlans[by].timeoutSeconds
    const queue: Queue = new Queue(world, name, seconds, () => deliver(lambda, queue, by))
    return queue
  }
  const written: StreamRecord[] = []
  const untold: StreamRecord[] = []
  const clouds = await openClouds(world, beginning.clouds)
  const rows = new Map([...beginning.rows].map(([name, table]) => [name, copyOf(table)]))
  const tables = new Tables(rows, (record) => {
    written.push(record)
    outboxes.wrote(record)
  })
  const queues = {
    arrivals: queueFor('arrivals', 'sort-intake'),
    short: queueFor('short', 'ingest-object'),
    long: queueFor('long', 'ingest-object'),
  }
  const buckets = new Buckets((bucket, key, stored, sequencer) => {
    if (bucket === intakeBucket)
      notify(network, queues.arrivals, {
        bucket,
        key,
        size: stored.bytes.length,
        etag: stored.etag,
        sequencer,
      })
  })
  const aws: Aws = { tables, buckets, queues, secrets: new Map(beginning.secrets), told: [] }
  const lambda = new Lambda(world, (process) => composeIn(network, aws, clouds, process))
  const outboxes = tellFrom(network, lambda, untold)

  const every = (ms: number, name: 'sweep-transfers' | 'follow-drives'): void => {
    world.after(ms, () => {
      void lambda.invoke(name, {}, `${name} ${String(world.now)}`)
      every(ms, name)
    })
  }
  return {
    aws,
    clouds,
    lambda,
    written,
    untold,
    startSweeping() {
      every(sweepEveryMs, 'sweep-transfers')
      if (world.seed % 3 === 0) every(followEveryMs, 'follow-drives')
    },
  }
}

/** Lambda's mapping of a queue to its function, a message at a time. */
function deliver(lambda: Lambda, queue: Queue, by: 'sort-intake' | 'ingest-object'): void {
  for (let message = queue.receive(); message; message = queue.receive()) {
    const { id, body, receives, receipt } = message
    const record = {
      messageId: id,
      receiptHandle: receipt,
      body,
      attributes: { ApproximateReceiveCount: String(receives) },
      eventSourceARN: `arn:aws:sqs:us-east-1:1:${id.split('-')[0] ?? ''}`,
    }
    void lambda.invoke(by, { Records: [record] }, `${id} ${body} ${String(receives)}`).then((outcome) => {
      if (outcome.kind !== 'answer') return
      const { batchItemFailures } = outcome.answer as { readonly batchItemFailures: readonly unknown[] }
      if (batchItemFailures.length === 0) queue.remove(receipt)
    })
  }
}

const copyOf = (table: Map<string, Item>): Map<string, Item> =>
  new Map([...table].map(([key, item]) => [key, copy(item)]))

function composeIn(network: Network, aws: Aws, clouds: Clouds, process: () => Process) {
  const { world } = network
  const clients = clientsOf(network, aws, process)
  const clock = world.clockOf(process)
  let ids = 0
  const newId = (): string => {
    ids += 1
    return uuidOf(world.dice(`${process().name} ${String(ids)}`))
  }
  return compose(environment, {
    clock,
    random: () => process().chance(),
    newId,
    aws: () => clients.caller,
    dynamo: () => clients.dynamo,
    s3: () => Promise.resolve(clients.s3),
    sqs: () => Promise.resolve(clients.sqs),
    secrets: () => Promise.resolve(clients.secrets),
    events: () => Promise.resolve(clients.events),
    http: sendIn(network, { ...clouds, buckets: aws.buckets }, process),
    feed: feedIn(network, aws, process),
    hasher: startCommonHash,
    openTurns: () => () => Promise.resolve(),
  })
}

function uuidOf(dice: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(dice() * 16).toString(16)).join('')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-')
}

interface Created {
  readonly bucket: string
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly sequencer: string
}

/** S3 tells the queue of an object: at least once, mostly soon, in no order. */
function notify(network: Network, queue: Queue, created: Created): void {
  const { weather, world } = network
  const dice = world.dice(`event ${created.key} ${created.etag} ${created.sequencer}`)
  const { bucket, key, size, etag: eTag, sequencer } = created
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: 'us-east-1',
    eventTime: new Date(world.now).toISOString(),
    eventName: 'ObjectCreated:Put',
    s3: {
      bucket: { name: bucket },
      object: { key: encodeURIComponent(key).replaceAll('%2F', '/'), size, eTag, sequencer },
    },
  }
  const body = JSON.stringify({ Records: [record] })
  if (dice() < weather.lostEvent) world.tell(`S3's event of ${key} is lost`)
  else queue.send(body, Math.floor(dice() * (dice() < weather.lateEvent ? 3_600_000 : 2_000)))
  if (dice() < weather.repeatedEvent) queue.send(body, Math.floor(dice() * 900_000))
}

/** Lambda's mapping of the tables' change streams to `tell`: in order, again after a failure. */
function tellFrom(network: Network, lambda: Lambda, untold: StreamRecord[]) {
  const { world } = network
  let isScheduled = false
  const schedule = (ms: number): void => {
    if (isScheduled) return
    isScheduled = true
    world.after(ms, () => void pump())
  }
  const pump = async (): Promise<void> => {
    const batch = untold.slice(0, outbox.batchSize)
    const Records = batch.map((record) => streamEvent(record, world.now))
    const [first] = batch
    const outcome = await lambda.invoke(
      'tell',
      { Records },
      `tell ${String(first?.sequence)} ${String(world.now)}`,
    )
    untold.splice(0, outcome.kind === 'answer' ? toldOf(batch, outcome.answer) : 0)
    isScheduled = false
    if (untold.length > 0) schedule(5_000)
  }
  return {
    wrote(record: StreamRecord): void {
      if (!isEvent(record)) return
      untold.push(record)
      schedule(outbox.windowSeconds * 1000)
    },
  }
}

/** As the mapping's patterns have it. */
function isEvent({ before, after }: StreamRecord): boolean {
  if (after !== undefined) return after['event'] !== undefined
  const change = before?.['change'] as Item | undefined
  return change?.['door'] === 'delete'
}

function toldOf(batch: readonly StreamRecord[], answer: unknown): number {
  const { batchItemFailures } = answer as {
    readonly batchItemFailures: readonly { readonly itemIdentifier: string }[]
  }
  const failed = batchItemFailures.map(({ itemIdentifier }) =>
    batch.findIndex(({ sequence }) => String(sequence).padStart(21, '0') === itemIdentifier),
  )
  return failed.length === 0 ? batch.length : Math.max(0, Math.min(...failed))
}
