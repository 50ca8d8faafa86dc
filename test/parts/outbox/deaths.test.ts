import { join } from 'node:path'
import { ReceiveMessageCommand, DeleteMessageCommand } from '@aws-sdk/client-sqs'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ScanCommand } from '../../../lib/aws/dynamo.ts'
import { compose } from '../../../lib/compose/compose.ts'
import type { Composition } from '../../../lib/compose/composition.ts'
import { withWebhooks } from '../../../lib/compose/webhooks.ts'
import { tables } from '../../../lib/contract/tables.ts'
import { createWebhook } from '../../../lib/webhooks/endpoints.ts'
import { handlerIn as deliverIn } from '../../../functions/deliver-webhook.ts'
import { handlerIn as tellIn } from '../../../functions/tell.ts'
import { startAwsStack } from '../../../emulators/stack.ts'
import { createTables } from '../../../emulators/tables.ts'
import { putSecret, secretPrefix } from '../../support/grants-stack.ts'
import { connectionImage } from '../../support/connection-image.ts'
import type { Life } from '../../support/mortal-outside.ts'
import { environmentOf, immortal, mortalOutside } from '../../support/mortal-outside.ts'
import { mortality } from '../../support/mortality.ts'
import { serveAll } from '../../support/serve.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

interface Message {
  readonly id: string
  readonly record: object
  readonly receipt: string
}

/** Emulators, two endpoints of an app, and processes of which each has a life of its own. */
async function openWorld() {
  const folder = await temporaryFolder()
  const aws = await startAwsStack({
    ports: { s3: 0, dynamoDb: 0, sqs: 0, secrets: 0 },
    stateDir: join(folder.path, 'aws'),
  })
  await createTables(
    aws.dynamoDb,
    tables.filter(({ name }) => name === 'webhooks' || name === 'deliveries'),
  )
  const key = Buffer.alloc(32, 7).toString('base64')
  await putSecret(aws.secrets, 'seal-key', JSON.stringify({ current: 'k1', keys: { k1: key } }))
  const environment = environmentOf(aws)
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
  const QueueUrl = `${aws.sqs}/000000000000/driveway-webhooks`
  const settings = {
    ...environment,
    WEBHOOKS_TABLE: 'webhooks',
    DELIVERIES_TABLE: 'deliveries',
    SECRET_PREFIX: secretPrefix,
    EVENT_BUS: 'driveway',
    WEBHOOKS_QUEUE_URL: QueueUrl,
    LOOPBACK_SERVERS: 'true',
    LOG_LEVEL: 'SILENT',
  }
  const clock = { now: Date.now, sleep: () => Promise.reject(new Error('nobody waits here')) }
  const open = (life: Life = immortal): Composition => compose(settings, mortalOutside(settings, clock, life))
  const main = open()
  const heard: { readonly path: string; readonly id: string; readonly body: string }[] = []
  const server = await serveAll((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const id = String(req.headers['webhook-id'])
      heard.push({ path: req.url ?? '', id, body: Buffer.concat(chunks).toString('utf8') })
      res.writeHead(204).end()
    })
  })
  await createWebhook(withWebhooks(main), { url: `${server.url}/all` })
  await createWebhook(withWebhooks(main), { url: `${server.url}/some`, types: ['connection.disconnected'] })
  const sqs = await main.outside.sqs()
  return {
    open,
    heard,
    bus: async () =>
      (await (await fetch(`${aws.secrets}/_local/events`)).json()) as { detail: { eventId: string } }[],
    deliveries: async () =>
      (await main.outside.dynamo().send(new ScanCommand({ TableName: 'deliveries' }))).Items ?? [],
    /** What is in the queue, as Lambda is handed it. It stays hidden until it is done with. */
    async receive(): Promise<Message[]> {
      const found: Message[] = []
      for (;;) {
        const asked = { QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 3600 }
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand(asked))
        if (Messages.length === 0) return found
        for (const { MessageId: id = '', ReceiptHandle: receipt = '', Body: body = '' } of Messages) {
          const eventSourceARN = 'arn:aws:sqs:us-east-1:000000000000:driveway-webhooks'
          const attributes = { ApproximateReceiveCount: '1' }
          const record = { messageId: id, receiptHandle: receipt, body, eventSourceARN, attributes }
          found.push({ id, receipt, record })
        }
      }
    },
    done: async ({ receipt: ReceiptHandle }: Message) => {
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
    },
    async close() {
      vi.unstubAllEnvs()
      await server.close()
      await aws.close()
      await folder.remove()
    },
  }
}

let world: Awaited<ReturnType<typeof openWorld>>
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

/** Eleven writes, so that the bus and the queue are asked more than once; the last ends a connection. */
function written(name: string) {
  const ids = Array.from({ length: 11 }, (_, at) => `${name}-${String(at)}`)
  const last = ids.at(-1) ?? ''
  const Records = ids.map((id) => {
    const type = id === last ? 'Connection Disconnected' : 'Connection Activated'
    const row = connectionImage({ seq: 1, event: { id, type } })
    return { eventName: 'MODIFY', dynamodb: { SequenceNumber: id, NewImage: marshall(row) } }
  })
  return { ids, last, Records }
}

/** Hands messages to processes that live, until all are done with. */
async function deliverAll(): Promise<void> {
  for (const message of await world.receive()) {
    const answer = await deliverIn(world.open())({ Records: [message.record] })
    expect(answer.batchItemFailures).toEqual([])
    await world.done(message)
  }
}

const idsAt = (path: string, of: readonly string[]): string[] =>
  world.heard.filter((one) => one.path === path && of.includes(one.id)).map(({ id }) => id)

describe('an event', () => {
  it('arrives at the bus and at each endpoint that wants it, wherever who tells it dies', async () => {
    const all: string[] = []
    let deaths = 0
    for (const after of [false, true]) {
      for (let calls = 0, isOver = false; !isOver; calls += 1) {
        const { ids, last, Records } = written(`told-${String(after)}-${String(calls)}`)
        all.push(...ids)
        const life = mortality(calls, after)
        isOver = await life.unlessDead(tellIn(world.open(life))({ Records }))
        deaths += isOver ? 0 : 1
        // The stream hands over again what nobody has answered for.
        if (!isOver) expect(await tellIn(world.open())({ Records })).toEqual({ batchItemFailures: [] })
        await deliverAll()
        // Told twice or not, it is delivered once.
        expect(idsAt('/all', ids).toSorted()).toEqual(ids.toSorted())
        expect(idsAt('/some', ids)).toEqual([last])
      }
    }
    // The bus, the list of webhooks and the queue, for ten events and for one; the queue twice for the ten.
    expect(deaths).toBeGreaterThanOrEqual(12)
    const told = (await world.bus()).map(({ detail }) => detail.eventId).filter((id) => all.includes(id))
    expect(new Set(told)).toEqual(new Set(all))
    expect(told.length).toBeGreaterThan(all.length)
  })

  it('arrives wherever who delivers it dies; what comes twice is the same to the byte', async () => {
    const all: string[] = []
    let deaths = 0
    for (const after of [false, true]) {
      for (let calls = 0, isOver = false; !isOver; calls += 1) {
        const { ids, Records } = written(`sent-${String(after)}-${String(calls)}`)
        const [id = ''] = ids
        all.push(id)
        await tellIn(world.open())({ Records: Records.slice(0, 1) })
        for (const message of await world.receive()) {
          const life = mortality(calls, after)
          isOver = await life.unlessDead(deliverIn(world.open(life))({ Records: [message.record] }))
          deaths += isOver ? 0 : 1
          // The queue shows again what nobody has removed, twice over.
          for (const _ of [1, 2])
            expect(await deliverIn(world.open())({ Records: [message.record] })).toEqual({
              batchItemFailures: [],
            })
          await world.done(message)
        }
        expect(new Set(idsAt('/all', [id]))).toEqual(new Set([id]))
      }
    }
    // Webhook, row, key, endpoint, row.
    expect(deaths).toBe(10)
    const bodies = Map.groupBy(
      world.heard.filter(({ id }) => all.includes(id)),
      ({ id }) => id,
    )
    for (const each of bodies.values()) expect(new Set(each.map(({ body }) => body)).size).toBe(1)
    // Sent twice where it died between the answer and the row, and nowhere else.
    expect([...bodies.values()].filter((each) => each.length > 1)).toHaveLength(2)
    const rows = await world.deliveries()
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.filter(({ status }) => status !== 'delivered')).toEqual([])
  })
})
