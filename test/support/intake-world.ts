import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import type { Connection } from '../../lib/catalog/connections.ts'
import { dynamoOf } from '../../lib/aws/dynamo.ts'
import { bothReader } from '../../lib/catalog/both.ts'
import { connectionStore } from '../../lib/catalog/connections.ts'
import { documentStore } from '../../lib/catalog/documents.ts'
import type { Clock } from '../../lib/clock.ts'
import { systemClock } from '../../lib/clock.ts'
import type { DocumentDeps } from '../../lib/documents/deps.ts'
import { openFeed } from '../../lib/net/feed.ts'
import { retrying } from '../../lib/net/retry.ts'
import type { ProviderId } from '../../lib/providers/registry.ts'
import { tables } from '../../lib/contract/tables.ts'
import { createSealer, sealKey } from '../../lib/grants/seal.ts'
import type { ConnectionId, DocumentId, Extension, UserKey } from '../../lib/ids.ts'
import {
  parseConnectionId,
  parseDocumentId,
  parseExtension,
  randomId,
  userId,
  userKeyOf,
} from '../../lib/ids.ts'
import type { Handled } from '../../lib/queue/batch.ts'
import { handleMessage } from '../../lib/queue/batch.ts'
import type { CreatedObject } from '../../lib/queue/object-created.ts'
import { objectCreatedBody } from '../../lib/queue/object-created.ts'
import { rowMessage } from '../../lib/queue/row-message.ts'
import { enqueueOne, sqsEnqueue } from '../../lib/intake/enqueue.ts'
import type { IntakeDeps } from '../../lib/intake/ingest.ts'
import { ingestObject } from '../../lib/intake/ingest.ts'
import type { Driver } from '../../lib/storage/driver.ts'
import type { DrivewayEvent } from '../../lib/telemetry/events.ts'
import { fitting } from './event-faults.ts'
import { openTurns } from '../../lib/transfer/body.ts'
import { intakeBucket } from '../../lib/transfer/bucket.ts'
import { partCalls } from '../../lib/transfer/bucket-parts.ts'
import { rareCalls } from '../../lib/transfer/bucket-sdk.ts'
import type { HallSettings } from '../../lib/transfer/hall.ts'
import { defaultHallSettings } from '../../lib/transfer/hall.ts'
import { lookAt } from '../../lib/transfer/look.ts'
import { callerAt } from './aws-caller.ts'
import { walkConnection } from '../../lib/transfer/wake.ts'
import { startHash } from './hashes.ts'
import type { S3Server } from './s3-server.ts'
import { otherS3, startS3Server } from './s3-server.ts'

/** Where the AWS-compatible servers of a world are. */
export interface WorldEndpoints {
  readonly s3: string
  readonly dynamoDb: string
  readonly sqs: string
  readonly arrivalsQueueUrl: string
  readonly shortQueueUrl: string
}

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
const region = 'us-east-1'
export const bucketName = 'driveway-intake'

/** Real time that can be moved; pauses of up to two seconds are over at once. */
export interface MovableClock extends Clock {
  advance(ms: number): void
}

export function movableClock(): MovableClock {
  let offset = 0
  return {
    now: () => Date.now() + offset,
    async sleep(ms, signal) {
      signal?.throwIfAborted()
      if (ms > 2000) return await systemClock.sleep(ms, signal)
      offset += ms
      return undefined
    },
    advance(ms) {
      offset += ms
    },
  }
}

/** The AWS clients of one process in a world; costly enough to be shared by many cases. */
export function openClients(endpoints: WorldEndpoints) {
  const s3 = new S3Client({
    endpoint: endpoints.s3,
    region,
    credentials,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  const aws = callerAt(endpoints)
  const dynamo = dynamoOf(aws)
  const sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials })
  const close = (): void => {
    s3.destroy()
    sqs.destroy()
  }
  const queueUrls = [endpoints.arrivalsQueueUrl, endpoints.shortQueueUrl]
  return { s3, aws, dynamo, sqs, queueUrls, shortQueueUrl: endpoints.shortQueueUrl, close }
}

export type Clients = ReturnType<typeof openClients>

/** Use-case dependencies as a process in a world has them. */
export function openDeps(
  { s3, aws, dynamo, sqs, queueUrls, shortQueueUrl, close }: Clients,
  options: {
    readonly clock: Clock
    readonly openDriver: (connection: Connection) => Promise<Driver>
    readonly publish: (event: DrivewayEvent) => void
    readonly settings?: Partial<HallSettings>
  },
) {
  const { clock } = options
  const connections = connectionStore(dynamo, 'connections', () => clock.now())
  const enqueue = sqsEnqueue(
    () => Promise.resolve(sqs),
    () => shortQueueUrl,
  )
  const key = sealKey('a test key that is long enough to be one, is it not?')
  const deps: IntakeDeps = {
    clock,
    documents: documentStore(dynamo, 'documents', () => clock.now(), randomId),
    connections,
    readBoth: bothReader(dynamo, { documents: 'documents', connections: 'connections' }, clock),
    openDriver: options.openDriver,
    sealer: createSealer(() => Promise.resolve({ current: 'k1', keys: new Map([['k1', key]]) })),
    bucket: intakeBucket(
      aws,
      bucketName,
      openFeed,
      () => Promise.resolve(rareCalls(s3, bucketName, () => clock.now())),
      () => Promise.resolve(partCalls(s3, bucketName, () => clock.now())),
    ),
    enqueue: (document, delaySeconds = 0) =>
      enqueueOne(enqueue, { body: rowMessage(document), group: document.userKey, delaySeconds }),
    events: { publish: (event) => Promise.resolve(options.publish(fitting(event))) },
    random: () => 0.5,
    newId: randomId,
    startHash,
    openTurns,
    settings: { ...defaultHallSettings, ...options.settings },
  }
  return { deps, s3, sqs, queueUrls, connections, dynamo, close }
}

/** What the requests of the same process work with. */
export function documentDeps({ deps, connections }: OpenedDeps): DocumentDeps {
  return {
    ...deps,
    connections,
    retry: (run, signal) => retrying(run, { clock: deps.clock, random: deps.random, signal }),
    publicUrl: () => 'https://api.example.com',
  }
}

export type OpenedDeps = ReturnType<typeof openDeps>

/** The buckets of a world on a server of others; what it tells goes to the world's own queue. */
async function otherBuckets(
  stateDir: string,
  { sqs: endpoint, arrivalsQueueUrl }: WorldEndpoints,
): Promise<S3Server> {
  const sqs = new SQSClient({ endpoint, region, credentials })
  const buckets = [bucketName, 'driveway-storage', 'driveway-staging']
  const server = await startS3Server({ stateDir, buckets }, (body) =>
    sqs.send(new SendMessageCommand({ QueueUrl: arrivalsQueueUrl, MessageBody: body })),
  )
  return {
    endpoint: server.endpoint,
    async close() {
      await server.close()
      sqs.destroy()
    },
  }
}

/** AWS-compatible servers with empty tables, in this process. */
export async function startWorld() {
  // Only here, so that a process whose memory is measured does not carry the servers.
  const { startAwsStack } = await import('../../emulators/stack.ts')
  const { createTables } = await import('../../emulators/tables.ts')
  const stateDir = await mkdtemp(join(tmpdir(), 'driveway-intake-'))
  const stack = await startAwsStack({ ports: { s3: 0, dynamoDb: 0, sqs: 0, secrets: 0 }, stateDir })
  await createTables(stack.dynamoDb, tables)
  const other = otherS3 === undefined ? undefined : await otherBuckets(stateDir, stack)
  return {
    endpoints: other === undefined ? stack : { ...stack, s3: other.endpoint },
    async close() {
      await other?.close()
      await stack.close()
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}

/** An active connection of a user of that name. */
export async function connect(
  opened: OpenedDeps,
  user: string,
  provider: ProviderId,
  id: string = `${user}-${provider}`,
): Promise<Connection> {
  return await opened.connections.create({
    userKey: userKeyOf(userId(user)),
    userId: userId(user),
    connectionId: must(parseConnectionId(id)),
    provider,
    status: 'active',
  })
}

export interface Address {
  readonly userKey: UserKey
  readonly connectionId: ConnectionId
  readonly documentId: DocumentId
  readonly extension: Extension
}

export function address(connection: Connection, documentId: string, extension = ''): Address {
  const { userKey, connectionId } = connection
  return {
    userKey,
    connectionId,
    documentId: must(parseDocumentId(documentId)),
    extension: must(parseExtension(extension)),
  }
}

/** Puts an object into the intake bucket and answers what its event would say. */
export async function drop(
  opened: OpenedDeps,
  key: string,
  content: Uint8Array,
  contentType = 'application/pdf',
): Promise<CreatedObject> {
  const { ETag } = await opened.s3.send(
    new PutObjectCommand({ Bucket: bucketName, Key: key, Body: content, ContentType: contentType }),
  )
  return { bucket: bucketName, key, size: content.length, etag: (ETag ?? '').replaceAll('"', '') }
}

/** As `drop`, in parts: S3 computes no MD5 of the whole. */
export async function dropInParts(
  opened: OpenedDeps,
  Key: string,
  content: Uint8Array,
): Promise<CreatedObject> {
  const at = { Bucket: bucketName, Key }
  const { UploadId } = await opened.s3.send(
    new CreateMultipartUploadCommand({ ...at, ContentType: 'application/pdf' }),
  )
  const { ETag } = await opened.s3.send(
    new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: content }),
  )
  const whole = await opened.s3.send(
    new CompleteMultipartUploadCommand({
      ...at,
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    }),
  )
  const etag = (whole.ETag ?? '').replaceAll('"', '')
  return { bucket: bucketName, key: Key, size: content.length, etag }
}

/** The key under which another system drops a document. */
export function dropKey({ userKey, connectionId, documentId, extension }: Address): string {
  return `${userKey}/${connectionId}/${documentId}${extension}`
}

/** Takes the bodies of all messages that the intake's queues show. */
export async function takeMessages({ sqs, queueUrls }: OpenedDeps): Promise<string[]> {
  const bodies: string[] = []
  for (const QueueUrl of queueUrls) {
    const more = async (): Promise<boolean> => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
      )
      for (const { Body = '', ReceiptHandle } of Messages) {
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
        bodies.push(Body)
      }
      return Messages.length > 0
    }
    while (await more());
  }
  return bodies
}

/** Delivers one message, as the function does that reads the intake queue. */
export async function deliverMessage(
  { deps }: Pick<OpenedDeps, 'deps'>,
  body: string,
  delivery: { readonly messageId: string; readonly deadline: number },
): Promise<Handled> {
  return await handleMessage(
    { messageId: delivery.messageId, body },
    {
      ingest: (object) => ingestObject(deps, object, delivery),
      look: (key) => lookAt(deps, key, delivery),
      walk: (key) => walkConnection(deps, key, delivery.deadline),
    },
  )
}

/** The message that tells of the object. */
export function messageOf(object: CreatedObject): string {
  return objectCreatedBody(object, 0)
}

export async function bucketKeys(opened: OpenedDeps, prefix = ''): Promise<string[]> {
  const { Contents = [] } = await opened.s3.send(
    new ListObjectsV2Command({ Bucket: bucketName, Prefix: prefix }),
  )
  return Contents.map((item) => item.Key ?? '')
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

export { randomBytes }

export function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('Nothing there.')
  return value
}
