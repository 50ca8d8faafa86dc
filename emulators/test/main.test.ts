import { DescribeTableCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { CreateSecretCommand, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createTables } from '../tables.ts'
import {
  dynamoDbClient,
  eventsClient,
  eventually,
  forkStack,
  freePorts,
  readyStack,
  s3Client,
  secretsClient,
  sqsClient,
  temporaryDirectory,
} from './support.ts'

const Bucket = 'driveway-intake'
const table = { name: 'items', partitionKey: 'id' }

const url = (port: number): string => `http://127.0.0.1:${port}`

const clientsOf = (ports: Awaited<ReturnType<typeof freePorts>>) => {
  return {
    s3: s3Client(url(ports.S3_PORT)),
    sqs: sqsClient(url(ports.SQS_PORT)),
    dynamoDb: dynamoDbClient(url(ports.DYNAMODB_PORT)),
    secrets: secretsClient(url(ports.SECRETS_PORT)),
    events: eventsClient(url(ports.SECRETS_PORT)),
    eventLog: `${url(ports.SECRETS_PORT)}/_local/events`,
    dynamoDbUrl: url(ports.DYNAMODB_PORT),
    queueUrl: (name: string) => `${url(ports.SQS_PORT)}/000000000000/${name}`,
  }
}
type Clients = ReturnType<typeof clientsOf>

/** What each writer saw acknowledged. */
interface Acknowledged {
  readonly objects: Map<string, string>
  readonly messages: string[]
  readonly items: string[]
  readonly secrets: string[]
  readonly events: string[]
}

/** Writes one thing after another until the server is gone. */
const forever = async (
  write: (id: string) => Promise<unknown>,
  acknowledge: (id: string) => void,
): Promise<void> => {
  for (let count = 0; ; count += 1) {
    const id = `n${count}`
    try {
      await write(id)
    } catch {
      return
    }
    acknowledge(id)
  }
}

/** Writes to every server as fast as they answer, until one does not. */
const writeUntilDead = async (clients: Clients, seen: Acknowledged): Promise<void> => {
  const { s3, sqs, dynamoDb, secrets, events } = clients
  const bodies = new Map<string, Buffer>()
  await Promise.all([
    forever(
      (id) => {
        const body = randomBytes(200_000)
        bodies.set(id, body)
        return s3.send(new PutObjectCommand({ Bucket, Key: id, Body: body }), { requestTimeout: 5_000 })
      },
      (id) =>
        void seen.objects.set(
          id,
          createHash('sha256')
            .update(bodies.get(id) ?? '')
            .digest('hex'),
        ),
    ),
    forever(
      (id) =>
        sqs.send(
          new SendMessageCommand({
            QueueUrl: clients.queueUrl('driveway-intake-events-dlq'),
            MessageBody: id,
          }),
        ),
      (id) => void seen.messages.push(id),
    ),
    forever(
      (id) => dynamoDb.send(new PutItemCommand({ TableName: table.name, Item: { id: { S: id } } })),
      (id) => void seen.items.push(id),
    ),
    forever(
      (id) => secrets.send(new CreateSecretCommand({ Name: id, SecretString: id })),
      (id) => void seen.secrets.push(id),
    ),
    forever(
      (id) =>
        events.send(
          new PutEventsCommand({
            Entries: [{ Source: 'driveway', DetailType: 'x', Detail: JSON.stringify({ id }) }],
          }),
        ),
      (id) => void seen.events.push(id),
    ),
  ])
}

const drain = async (clients: Clients, queue: string): Promise<string[]> => {
  const bodies: string[] = []
  for (;;) {
    const command = new ReceiveMessageCommand({
      QueueUrl: clients.queueUrl(queue),
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 600,
    })
    const { Messages = [] } = await clients.sqs.send(command)
    if (Messages.length === 0) return bodies
    bodies.push(...Messages.map((message) => message.Body ?? ''))
  }
}

const eventKeys = (bodies: readonly string[]): string[] =>
  bodies.flatMap((body) => {
    const { Records = [] } = JSON.parse(body) as { Records?: { s3: { object: { key: string } } }[] }
    return Records.map((record) => record.s3.object.key)
  })

test('everything that was acknowledged before a kill -9 is there afterwards, and every object has its event', async () => {
  const stateDir = await temporaryDirectory()
  const ports = await freePorts()
  const clients = clientsOf(ports)
  const first = await readyStack(stateDir, ports)
  await createTables(clients.dynamoDbUrl, [table])
  const seen: Acknowledged = { objects: new Map(), messages: [], items: [], secrets: [], events: [] }
  const writing = writeUntilDead(clients, seen)
  await eventually(() => {
    const least = Math.min(
      seen.objects.size,
      seen.messages.length,
      seen.items.length,
      seen.secrets.length,
      seen.events.length,
    )
    return least >= 40 ? true : undefined
  })
  first.child.kill('SIGKILL')
  expect(await first.ended).toBe('SIGKILL')
  await writing
  await readyStack(stateDir, ports)

  for (const [Key, sha256] of seen.objects) {
    const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket, Key }))
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array()
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
  }
  for (const id of seen.items) {
    const { Item } = await clients.dynamoDb.send(
      new GetItemCommand({ TableName: table.name, Key: { id: { S: id } } }),
    )
    expect(Item).toEqual({ id: { S: id } })
  }
  for (const SecretId of seen.secrets)
    expect((await clients.secrets.send(new GetSecretValueCommand({ SecretId }))).SecretString).toBe(SecretId)
  const logged = (await (await fetch(clients.eventLog)).json()) as { detail: { id: string } }[]
  const loggedIds = new Set(logged.map((event) => event.detail.id))
  expect(seen.events.filter((id) => !loggedIds.has(id))).toEqual([])
  const messages = new Set(await drain(clients, 'driveway-intake-events-dlq'))
  expect(seen.messages.filter((id) => !messages.has(id))).toEqual([])
  const announced = new Set(eventKeys(await drain(clients, 'driveway-intake-events')))
  expect([...seen.objects.keys()].filter((key) => !announced.has(key))).toEqual([])
})

test('it makes the buckets and queues, feeds the intake queue, and ends with status 0 on SIGTERM', async () => {
  const ports = await freePorts()
  const stack = await readyStack(await temporaryDirectory(), ports)
  const clients = clientsOf(ports)
  await clients.s3.send(new PutObjectCommand({ Bucket: 'driveway-storage', Key: 'silent', Body: 'x' }))
  await clients.s3.send(new PutObjectCommand({ Bucket, Key: 'alice/c1/d1.txt', Body: 'x' }))
  const bodies: string[] = []
  await eventually(async () => {
    bodies.push(...(await drain(clients, 'driveway-intake-events')))
    return eventKeys(bodies).length > 0 ? true : undefined
  })
  expect(eventKeys(bodies)).toEqual(['alice/c1/d1.txt'])
  const { Attributes } = await clients.sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: clients.queueUrl('driveway-intake-events'),
      AttributeNames: ['All'],
    }),
  )
  expect(Attributes).toMatchObject({
    VisibilityTimeout: '90',
    RedrivePolicy: expect.stringMatching(/driveway-intake-events-dlq","maxReceiveCount":10/),
  })
  await expect(clients.dynamoDb.send(new DescribeTableCommand({ TableName: 'none' }))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  })
  stack.child.kill('SIGTERM')
  expect(await stack.ended).toBe(0)
  expect(stack.stderr()).toBe('')
})

test('SIGINT ends it cleanly too, also while a client waits in a long poll', async () => {
  const ports = await freePorts()
  const stack = await readyStack(await temporaryDirectory(), ports)
  const clients = clientsOf(ports)
  const queue = clients.queueUrl('driveway-intake-events-dlq')
  const poll = clients.sqs
    .send(new ReceiveMessageCommand({ QueueUrl: queue, WaitTimeSeconds: 20 }))
    .catch(() => 'cut')
  await clients.sqs.send(new GetQueueAttributesCommand({ QueueUrl: queue, AttributeNames: ['All'] }))
  stack.child.kill('SIGINT')
  expect(await stack.ended).toBe(0)
  expect(await poll).toBe('cut')
})

test('it ends when its parent is gone', async () => {
  const stack = await readyStack(await temporaryDirectory(), await freePorts())
  stack.child.disconnect()
  expect(await stack.ended).toBe(0)
})

test.each(['S3_PORT', 'DYNAMODB_PORT', 'SQS_PORT', 'SECRETS_PORT'] as const)(
  'a taken %s gives one line that names it, and status 1',
  async (name) => {
    const taken = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void taken.close())
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const stack = forkStack(await temporaryDirectory(), { ...(await freePorts()), [name]: port })
    expect(await stack.ended).toBe(1)
    expect(stack.stderr()).toMatch(new RegExp(`^port ${port} \\([A-Za-z0-9 ]+\\) is taken: .*\\n$`))
  },
)
