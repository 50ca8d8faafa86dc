import type { _Record } from '@aws-sdk/client-dynamodb-streams'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { DynamoDBClient, DescribeTableCommand, type AttributeValue } from '@aws-sdk/client-dynamodb'
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams'
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { tables } from '../../../lib/contract/tables.ts'
import { intakeBucket, intakeQueues, localTableName, storageBucket } from '../../../local/environment.ts'
import { controlOf } from '../../../simulators/control-client.ts'
import type { FaultAction } from '../../../simulators/kernel/faults.ts'
import type { PublishedEvent } from '../../support/stack-control.ts'
import { untold } from '../audit-rows.ts'
import type { Told } from '../aws.ts'
import type { Cloud } from '../drives.ts'
import type { Item } from '../expressions.ts'
import type { BucketName, Lying } from '../ground.ts'
import type { StreamRecord } from '../tables.ts'
import type { Life } from './life.ts'

export const offsets = { google: 1, microsoft: 2, dropbox: 7 } as const satisfies Record<Cloud, number>
/** In the query of what persons ask: no fault meets it, and no trace of it is taken for the product's. */
export const personsMark = 'person'
const aws = { s3: 3, dynamodb: 4, sqs: 5, events: 6 } as const
const buckets: Readonly<Record<BucketName, string>> = { intake: intakeBucket, storage: storageBucket }
const deadLetters = ['driveway-intake-events-dlq', 'driveway-events-dlq'] as const

/** What was seen of a stack so far, by whoever looks from outside. */
export interface Gathered {
  told: readonly Told[]
  written: readonly StreamRecord[]
  waiting: readonly string[]
  dead: readonly string[]
  /** When the product renamed a file at Google, by the file's id. */
  readonly renamed: Map<string, number>
}

export type Outside = ReturnType<typeof lookFromOutside>

/** The AWS of a running stack, and its drives' controls, past the product. */
export function lookFromOutside(life: Life) {
  const common = {
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local-secret' },
  }
  const s3 = new S3Client({ ...common, endpoint: life.at(aws.s3), forcePathStyle: true })
  const dynamo = new DynamoDBClient({ ...common, endpoint: life.at(aws.dynamodb) })
  const documents = DynamoDBDocumentClient.from(dynamo)
  const streams = new DynamoDBStreamsClient({ ...common, endpoint: life.at(aws.dynamodb) })
  const sqs = new SQSClient({ ...common, endpoint: life.at(aws.sqs) })
  const records = new Map<string, StreamRecord>()
  const gathered: Gathered = { told: [], written: [], waiting: [], dead: [], renamed: new Map() }

  const count = async (queue: string): Promise<number> => {
    const QueueUrl = `${life.at(aws.sqs)}/000000000000/${queue}`
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    )
    const { ApproximateNumberOfMessages: seen = 0, ...rest } = Attributes
    const hidden = [rest['ApproximateNumberOfMessagesNotVisible'], rest['ApproximateNumberOfMessagesDelayed']]
    return Number(seen) + hidden.reduce((sum, more) => sum + Number(more ?? 0), 0)
  }
  const messages = async (queues: readonly string[]): Promise<string[]> => {
    const counts = await Promise.all(queues.map(count))
    return queues.flatMap((queue, at) => (counts[at] ? [`${String(counts[at])} in ${queue}`] : []))
  }
  const keysIn = async (bucket: BucketName): Promise<string[]> => {
    const found: string[] = []
    const pages = paginateListObjectsV2({ client: s3 }, { Bucket: buckets[bucket] })
    for await (const { Contents = [] } of pages) found.push(...Contents.map(({ Key = '' }) => Key))
    return found
  }
  const tagsOf = async (bucket: BucketName, key: string): Promise<Record<string, string> | undefined> => {
    const asked = new GetObjectTaggingCommand({ Bucket: buckets[bucket], Key: key })
    const answer = await s3.send(asked).catch(unlessMissing)
    return answer && Object.fromEntries((answer.TagSet ?? []).map(({ Key = '', Value = '' }) => [Key, Value]))
  }
  const readStream = async (table: string): Promise<void> => {
    const described = await dynamo.send(new DescribeTableCommand({ TableName: localTableName(table) }))
    const StreamArn = described.Table?.LatestStreamArn
    const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }))
    for (const { ShardId } of StreamDescription?.Shards ?? []) {
      const from = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
      let { ShardIterator } = await streams.send(new GetShardIteratorCommand(from))
      while (ShardIterator !== undefined) {
        const { Records = [], NextShardIterator } = await streams.send(
          new GetRecordsCommand({ ShardIterator }),
        )
        if (Records.length === 0) break
        for (const record of Records) note(table, record)
        ShardIterator = NextShardIterator
      }
    }
  }
  const note = (table: string, { dynamodb }: _Record): void => {
    const sequence = dynamodb?.SequenceNumber ?? ''
    const image = (given: Record<string, unknown> | undefined): Item | undefined =>
      given && unmarshall(given as Record<string, AttributeValue>)
    records.set(`${table} ${sequence.padStart(40, '0')}`, {
      table,
      key: JSON.stringify(dynamodb?.Keys),
      sequence: Number(sequence),
      before: image(dynamodb?.OldImage),
      after: image(dynamodb?.NewImage),
    })
  }
  /** Writes down what does not outlive the stack's processes, and all that can be seen now. */
  const gather = async (): Promise<void> => {
    for (const { name, stream } of tables) if (stream === true) await readStream(name)
    gathered.written = [...records]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, record]) => record)
    const events = (await (await fetch(`${life.at(aws.events)}/_local/events`)).json()) as PublishedEvent[]
    gathered.told = events.map(({ 'detail-type': type, detail }) => ({ type, detail, at: 0 }))
    gathered.waiting = await messages(Object.values(intakeQueues))
    gathered.dead = await messages(deadLetters)
    for (const { method, path, startedAt } of await controlOf(life.at(offsets.google)).requests()) {
      const id = method === 'PATCH' ? /^\/drive\/v3\/files\/([^?]+)/.exec(path)?.[1] : undefined
      if (id !== undefined && !path.includes(`${personsMark}=`))
        gathered.renamed.set(id, Date.parse(startedAt) - life.aheadMs)
    }
  }
  /** Whether an event is still to be told. */
  const isTelling = async (): Promise<boolean> => {
    await gather()
    return untold(gathered.written, gathered.told).length > 0
  }
  return {
    gathered,
    async rows(table: string): Promise<Item[]> {
      const found: Item[] = []
      const asked = { TableName: localTableName(table), ConsistentRead: true }
      for await (const { Items = [] } of paginateScan({ client: documents }, asked)) found.push(...Items)
      return found
    },
    async objects(bucket: BucketName): Promise<Lying[]> {
      const found: Lying[] = []
      for (const key of await keysIn(bucket)) {
        const asked = new GetObjectCommand({ Bucket: buckets[bucket], Key: key })
        const answer = await s3.send(asked).catch(unlessMissing)
        const tags = await tagsOf(bucket, key)
        if (answer?.Body === undefined || tags === undefined) continue
        found.push({ key, bytes: Buffer.from(await answer.Body.transformToByteArray()), tags })
      }
      return found
    },
    async putObject(bucket: BucketName, key: string, Body: Buffer, isNew: boolean): Promise<boolean> {
      const ContentType = bucket === 'intake' ? 'application/pdf' : 'text/plain'
      const put = { Bucket: buckets[bucket], Key: key, Body, ContentType }
      const answer = await s3
        .send(new PutObjectCommand({ ...put, ...(isNew ? { IfNoneMatch: '*' } : {}) }))
        .catch(unlessMissing)
      return answer !== undefined
    },
    async removeObject(bucket: BucketName, key: string): Promise<boolean> {
      const named = { Bucket: buckets[bucket], Key: key }
      if ((await s3.send(new HeadObjectCommand(named)).catch(unlessMissing)) === undefined) return false
      await s3.send(new DeleteObjectCommand(named))
      return true
    },
    async fault(cloud: Cloud, action: FaultAction, times: number, path = ''): Promise<void> {
      const match = { path: `^(?!.*[?&]${personsMark}=)/(?!_sim).*${path}` }
      await controlOf(life.at(offsets[cloud])).fault(match, action, Math.ceil(times))
    },
    async clearFaults(): Promise<void> {
      for (const offset of Object.values(offsets)) await controlOf(life.at(offset)).clearFaults()
    },
    async expireSessions(cloud: Cloud): Promise<void> {
      await controlOf(life.at(offsets[cloud])).expireSessions()
    },
    isTelling,
    async isBusy(): Promise<boolean> {
      if ((await isTelling()) || gathered.waiting.length > 0) return true
      for (const key of await keysIn('intake')) {
        const tags = await tagsOf('intake', key)
        if (tags !== undefined && tags['driveway'] === undefined) return true
      }
      return false
    },
    gather,
    close(): void {
      for (const client of [s3, dynamo, streams, sqs]) client.destroy()
    },
  }
}

/** What is not there, or is there already, is no failure. */
function unlessMissing(error: unknown): undefined {
  const status = (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata
  if (status?.httpStatusCode === 404 || status?.httpStatusCode === 412) return undefined
  throw error
}
