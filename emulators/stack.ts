import { join } from 'node:path'
import { startDynamoDb } from './dynamodb/server.ts'
import type { RunningServer } from './http-server.ts'
import type { Credentials } from './signature.ts'
import type { CorsRule } from './s3/cors.ts'
import { startS3 } from './s3/server.ts'
import { startSecretsManager } from './secrets-manager/server.ts'
import { startSqs, type QueueDefinition } from './sqs/server.ts'

export interface AwsStackOptions {
  /** 0 takes a free port. */
  readonly ports: {
    readonly s3: number
    readonly dynamoDb: number
    readonly sqs: number
    readonly secrets: number
  }
  readonly stateDir: string
  /** The key pair that S3 and DynamoDB accept; `local`/`local` when absent. */
  readonly credentials?: Credentials
  /** Seconds that a received intake event stays hidden; 90 when absent. */
  readonly intakeVisibilityTimeout?: number
  /** What pages may do at the buckets; nothing when absent. */
  readonly cors?: readonly CorsRule[] | undefined
}

export interface AwsStack {
  readonly s3: string
  readonly dynamoDb: string
  readonly sqs: string
  readonly secrets: string
  /** What S3 tells of new objects, and the lanes that it is sorted into. */
  readonly arrivalsQueueUrl: string
  readonly shortQueueUrl: string
  readonly longQueueUrl: string
  readonly deadLetterQueueUrl: string
  close(): Promise<void>
}

const intakeBucket = 'driveway-intake'
const storageBucket = 'driveway-storage'
const arrivalsQueue = 'driveway-intake-events'
const shortQueue = 'driveway-intake-short'
const longQueue = 'driveway-intake-long'
const deadLetterQueue = 'driveway-intake-events-dlq'
/** What the worker could not hand to `tell` in a day. */
const untoldEventsQueue = 'driveway-events-dlq'
const webhooksQueue = 'driveway-webhooks'

const fourteenDays = 14 * 24 * 60 * 60

const queueDefinitions = (visibilityTimeout: number): QueueDefinition[] => [
  { name: deadLetterQueue, retention: fourteenDays },
  { name: untoldEventsQueue, retention: fourteenDays },
  {
    name: webhooksQueue,
    visibilityTimeout,
    deadLetter: { queue: untoldEventsQueue, maxReceiveCount: 10 },
  },
  ...[arrivalsQueue, shortQueue, longQueue].map((name) => ({
    name,
    visibilityTimeout,
    deadLetter: { queue: deadLetterQueue, maxReceiveCount: 10 },
  })),
]

/**
 * Starts all AWS-compatible servers in this process, with buckets, queues
 * and the intake bucket's notifications. The tables are the caller's
 * (`createTables`). When one cannot start, those before it are ended again.
 * @throws PortTakenError naming the first port that is in use.
 */
export const startAwsStack = async (options: AwsStackOptions): Promise<AwsStack> => {
  const { ports, stateDir } = options
  const credentials = options.credentials ? { credentials: options.credentials } : {}
  const running: RunningServer[] = []
  const closeAll = async (): Promise<void> => {
    // The other way round: S3 stops notifying before its queue goes.
    for (const server of running.toReversed()) await server.close()
  }
  const started = <Server extends RunningServer>(server: Server): Server => {
    running.push(server)
    return server
  }
  try {
    const sqs = started(
      await startSqs({
        port: ports.sqs,
        stateDir: join(stateDir, 'sqs'),
        queues: queueDefinitions(options.intakeVisibilityTimeout ?? 90),
        ...credentials,
      }),
    )
    const s3 = started(
      await startS3({
        port: ports.s3,
        stateDir: join(stateDir, 's3'),
        buckets: [intakeBucket, storageBucket],
        ...(options.cors && { cors: options.cors }),
        notification: { bucket: intakeBucket, deliver: (bodies) => sqs.send(arrivalsQueue, bodies) },
        ...credentials,
      }),
    )
    const dynamoDb = started(
      await startDynamoDb({
        port: ports.dynamoDb,
        stateDir: join(stateDir, 'dynamodb'),
        ...credentials,
      }),
    )
    const secrets = started(
      await startSecretsManager({
        port: ports.secrets,
        stateDir: join(stateDir, 'secrets-manager'),
        ...credentials,
      }),
    )
    return {
      s3: s3.endpoint,
      dynamoDb: dynamoDb.endpoint,
      sqs: sqs.endpoint,
      secrets: secrets.endpoint,
      arrivalsQueueUrl: sqs.queueUrl(arrivalsQueue),
      shortQueueUrl: sqs.queueUrl(shortQueue),
      longQueueUrl: sqs.queueUrl(longQueue),
      deadLetterQueueUrl: sqs.queueUrl(deadLetterQueue),
      close: closeAll,
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}
