import { GetQueueAttributesCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { expect, onTestFinished, test } from 'vitest'
import { startSqsPoller } from '../../../local/lambda-poller.ts'
import { arnOf } from '../../../emulators/sqs/queue-store.ts'
import { startSqs } from '../../../emulators/sqs/server.ts'
import { closeAfterTest, eventually, sqsClient, temporaryDirectory } from '../../../emulators/test/support.ts'

const start = async () => {
  const time = { now: Date.now() }
  const queues = [{ name: 'work', visibilityTimeout: 90 }]
  const server = closeAfterTest(
    await startSqs({ port: 0, stateDir: await temporaryDirectory(), queues, clock: () => time.now }),
  )
  return { client: sqsClient(server.endpoint), queueUrl: server.queueUrl('work'), time }
}

interface Polling {
  readonly events: { readonly event: SQSEvent; readonly context: Context }[]
  readonly errors: unknown[]
  stop(): Promise<void>
}

const poll = (
  setting: { client: SQSClient; queueUrl: string },
  handle: (event: SQSEvent, call: number) => Promise<SQSBatchResponse | void>,
  options: { concurrency?: number; functionTimeoutMs?: number } = {},
): Polling => {
  const ending = new AbortController()
  const events: { event: SQSEvent; context: Context }[] = []
  const errors: unknown[] = []
  const stopped = startSqsPoller({
    queueUrl: setting.queueUrl,
    sqsClient: setting.client,
    handler: (event, context) => {
      events.push({ event, context })
      return handle(event, events.length)
    },
    batchSize: 10,
    concurrency: options.concurrency ?? 1,
    functionTimeoutMs: options.functionTimeoutMs ?? 60_000,
    signal: ending.signal,
    onError: (error) => void errors.push(error),
  })
  const stop = (): Promise<void> => {
    ending.abort()
    return stopped
  }
  onTestFinished(stop)
  return { events, errors, stop }
}

const send = (setting: { client: SQSClient; queueUrl: string }, MessageBody: string) =>
  setting.client.send(
    new SendMessageCommand({
      QueueUrl: setting.queueUrl,
      MessageBody,
      MessageAttributes: { kind: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2, 3]) } },
    }),
  )

const left = async ({ client, queueUrl }: { client: SQSClient; queueUrl: string }): Promise<number> => {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const
  const { Attributes = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] }),
  )
  return names.reduce((total, name) => total + Number(Attributes[name]), 0)
}

test('the handler gets the event of Lambda, and what it did is deleted', async () => {
  const setting = await start()
  await send(setting, 'one')
  const polling = poll(setting, async () => undefined)
  await eventually(async () => (polling.events.length > 0 && (await left(setting)) === 0 ? true : undefined))
  const [call] = polling.events
  expect(call?.event.Records).toEqual([
    {
      messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      receiptHandle: expect.any(String),
      body: 'one',
      md5OfBody: 'f97c5d29941bfb1b2fdab0874906ab82',
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: String(setting.time.now),
        SenderId: expect.any(String),
        ApproximateFirstReceiveTimestamp: String(setting.time.now),
      },
      messageAttributes: {
        kind: { dataType: 'Binary', binaryValue: 'AQID', stringListValues: [], binaryListValues: [] },
      },
      eventSource: 'aws:sqs',
      eventSourceARN: arnOf('work'),
      awsRegion: expect.any(String),
    },
  ])
  const remaining = call?.context.getRemainingTimeInMillis() ?? 0
  expect(remaining > 0 && remaining <= 60_000).toBe(true)
})

test('only the records that failed come back, after the visibility timeout', async () => {
  const setting = await start()
  for (const body of ['good', 'bad', 'fine']) await send(setting, body)
  const polling = poll(setting, async (event, call) => ({
    batchItemFailures:
      call === 1
        ? event.Records.filter((record) => record.body === 'bad').map((record) => ({
            itemIdentifier: record.messageId,
          }))
        : [],
  }))
  await eventually(async () => ((await left(setting)) === 1 ? true : undefined))
  setting.time.now += 90_000
  await send(setting, 'wakes the poll')
  await eventually(async () => ((await left(setting)) === 0 ? true : undefined))
  const later = polling.events.slice(1).flatMap(({ event }) => event.Records)
  expect(later.map((record) => record.body).toSorted()).toEqual(['bad', 'wakes the poll'])
  expect(later.find((record) => record.body === 'bad')?.attributes.ApproximateReceiveCount).toBe('2')
})

test.each([
  ['a throw', async (): Promise<SQSBatchResponse> => Promise.reject(new Error('broken'))],
  [
    'an unknown identifier',
    async (): Promise<SQSBatchResponse> => ({ batchItemFailures: [{ itemIdentifier: 'x' }] }),
  ],
  ['a call that takes too long', (): Promise<SQSBatchResponse> => new Promise(() => undefined)],
])('%s leaves the whole batch in the queue', async (_name, respond) => {
  const setting = await start()
  for (const body of ['a', 'b']) await send(setting, body)
  const polling = poll(setting, respond, { functionTimeoutMs: 20 })
  await eventually(() => (polling.events.length > 0 ? true : undefined))
  await polling.stop()
  expect(await left(setting)).toBe(2)
})

test('as many calls run at once as the concurrency says', async () => {
  const setting = await start()
  for (let index = 0; index < 40; index += 1) await send(setting, String(index))
  let running = 0
  const open = Promise.withResolvers<void>()
  const polling = poll(
    setting,
    async () => {
      running += 1
      await open.promise
      running -= 1
    },
    { concurrency: 3 },
  )
  await eventually(() => (running === 3 ? true : undefined))
  open.resolve()
  await eventually(async () => ((await left(setting)) === 0 ? true : undefined))
  const bodies = polling.events.flatMap(({ event }) => event.Records.map((record) => Number(record.body)))
  expect(bodies.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index))
})

test('stopping waits for the call under way and deletes what it did', async () => {
  const setting = await start()
  await send(setting, 'x')
  const open = Promise.withResolvers<void>()
  const polling = poll(setting, () => open.promise)
  await eventually(() => (polling.events.length === 1 ? true : undefined))
  const stopping = polling.stop()
  open.resolve()
  await stopping
  expect(await left(setting)).toBe(0)
})

test('polling goes on when the queue was away', async () => {
  const setting = await start()
  const gone = sqsClient('http://127.0.0.1:1')
  let away = true
  const send = setting.client.send.bind(setting.client)
  const flaky = new Proxy(setting.client, {
    get: (target, name) =>
      name === 'send' ? (away ? gone.send.bind(gone) : send) : Reflect.get(target, name),
  })
  const polling = poll({ client: flaky, queueUrl: setting.queueUrl }, async () => undefined)
  await eventually(() => (polling.errors.length > 0 ? true : undefined))
  away = false
  await setting.client.send(new SendMessageCommand({ QueueUrl: setting.queueUrl, MessageBody: 'x' }))
  await eventually(() => (polling.events.length === 1 ? true : undefined))
  expect(polling.events[0]?.event.Records).toHaveLength(1)
})
