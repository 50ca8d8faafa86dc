import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListMessageMoveTasksCommand,
  ListQueuesCommand,
  PurgeQueueCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSServiceException,
  StartMessageMoveTaskCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { expect, test } from 'vitest'
import { arnOf } from '../sqs/queue-store.ts'
import { startSqs } from '../sqs/server.ts'
import { closeAfterTest, sqsClient, temporaryDirectory } from './support.ts'

const queues = [
  { name: 'dead' },
  { name: 'work', visibilityTimeout: 90, deadLetter: { queue: 'dead', maxReceiveCount: 2 } },
]

const start = async (stateDir?: string) => {
  const time = { now: Date.now() }
  const directory = stateDir ?? (await temporaryDirectory())
  const server = closeAfterTest(
    await startSqs({ port: 0, stateDir: directory, queues, clock: () => time.now }),
  )
  const url = server.queueUrl('work')
  return { server, client: sqsClient(server.endpoint), url, dead: server.queueUrl('dead'), time, directory }
}

const receive = async (
  client: SQSClient,
  QueueUrl: string,
  options: { WaitTimeSeconds?: number; VisibilityTimeout?: number } = {},
): Promise<Message[]> => {
  const command = new ReceiveMessageCommand({
    QueueUrl,
    MaxNumberOfMessages: 10,
    MessageSystemAttributeNames: ['All'],
    MessageAttributeNames: ['All'],
    ...options,
  })
  return (await client.send(command)).Messages ?? []
}

const counts = async (client: SQSClient, QueueUrl: string): Promise<(string | undefined)[]> => {
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
  )
  return [
    Attributes?.ApproximateNumberOfMessages,
    Attributes?.ApproximateNumberOfMessagesNotVisible,
    Attributes?.ApproximateNumberOfMessagesDelayed,
  ]
}

const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => {
      if (!(error instanceof SQSServiceException)) throw error
      return error.name
    },
  )

test('a message is hidden while it is in flight and gone when it is deleted', async () => {
  const { client, url, time } = await start()
  const sent = await client.send(
    new SendMessageCommand({
      QueueUrl: url,
      MessageBody: 'hellö',
      MessageAttributes: {
        kind: { DataType: 'String', StringValue: 'a' },
        blob: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2]) },
      },
    }),
  )
  const [first] = await receive(client, url)
  expect(first).toMatchObject({
    MessageId: sent.MessageId,
    Body: 'hellö',
    MD5OfMessageAttributes: sent.MD5OfMessageAttributes,
    Attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(time.now) },
    MessageAttributes: { kind: { StringValue: 'a' }, blob: { BinaryValue: new Uint8Array([1, 2]) } },
  })
  expect([await receive(client, url), await counts(client, url)]).toEqual([[], ['0', '1', '0']])
  time.now += 90_000
  const [again] = await receive(client, url)
  expect(again?.Attributes?.ApproximateReceiveCount).toBe('2')
  await client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: again?.ReceiptHandle }))
  expect(await counts(client, url)).toEqual(['0', '0', '0'])
})

test('visibility can be changed while in flight, and not after', async () => {
  const { client, url, time } = await start()
  await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }))
  const [message] = await receive(client, url)
  const change = (VisibilityTimeout: number) =>
    failure(
      client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: url,
          ReceiptHandle: message?.ReceiptHandle,
          VisibilityTimeout,
        }),
      ),
    )
  expect(await change(600)).toBe('none')
  time.now += 500_000
  expect(await receive(client, url)).toEqual([])
  expect(await change(0)).toBe('none')
  expect(await change(10)).toBe('MessageNotInflight')
  expect(await receive(client, url)).toHaveLength(1)
})

test('a long poll answers as soon as a message comes, or becomes visible', async () => {
  const { client, url } = await start()
  const waiting = receive(client, url, { WaitTimeSeconds: 20 })
  await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }))
  const [message] = await waiting
  expect(message?.Body).toBe('x')
  const waitingAgain = receive(client, url, { WaitTimeSeconds: 20 })
  const Entries = [{ Id: 'a', ReceiptHandle: message?.ReceiptHandle, VisibilityTimeout: 0 }]
  await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }))
  expect(await waitingAgain).toHaveLength(1)
})

test('a client that hangs up takes no message with it', async () => {
  const { client, url } = await start()
  const hangUp = new AbortController()
  const command = new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 })
  const waiting = client.send(command, { abortSignal: hangUp.signal })
  await client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }))
  hangUp.abort()
  await expect(waiting).rejects.toThrow(/abort/i)
  await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }))
  expect(await receive(client, url, { WaitTimeSeconds: 5 })).toHaveLength(1)
})

test('after the last permitted receive a message goes to the dead-letter queue, and a move task brings it back', async () => {
  const { client, url, dead, time } = await start()
  await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'poison' }))
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    expect(await receive(client, url)).toHaveLength(1)
    time.now += 90_000
  }
  expect(await receive(client, url)).toEqual([])
  const [buried] = await receive(client, dead, { VisibilityTimeout: 0 })
  expect(buried?.Attributes).toMatchObject({ DeadLetterQueueSourceArn: arnOf('work') })
  await client.send(new StartMessageMoveTaskCommand({ SourceArn: arnOf('dead') }))
  const { Results } = await client.send(new ListMessageMoveTasksCommand({ SourceArn: arnOf('dead') }))
  expect(Results).toMatchObject([{ Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 1 }])
  const [back] = await receive(client, url)
  expect([back?.Body, back?.Attributes?.ApproximateReceiveCount]).toEqual(['poison', '1'])
  expect(await failure(client.send(new StartMessageMoveTaskCommand({ SourceArn: arnOf('work') })))).toBe(
    'InvalidParameterValue',
  )
})

test('batches report each entry, and too many or equal ids are refused', async () => {
  const { client, url } = await start()
  const send = (ids: string[]) =>
    client.send(
      new SendMessageBatchCommand({ QueueUrl: url, Entries: ids.map((Id) => ({ Id, MessageBody: Id })) }),
    )
  const { Successful } = await send(['a', 'b', 'c'])
  expect(Successful?.map((entry) => entry.Id)).toEqual(['a', 'b', 'c'])
  expect(await failure(send(['a', 'a']))).toBe('BatchEntryIdsNotDistinct')
  expect(await failure(send(Array.from({ length: 11 }, String)))).toBe('TooManyEntriesInBatchRequest')
  const messages = await receive(client, url)
  const Entries = messages.map((message, index) => ({
    Id: String(index),
    ReceiptHandle: message.ReceiptHandle,
  }))
  const deleted = await client.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }))
  expect(deleted.Successful).toHaveLength(3)
  expect(await counts(client, url)).toEqual(['0', '0', '0'])
})

test('delayed messages come later, old ones go, a purge empties', async () => {
  const { client, url, time } = await start()
  await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'later', DelaySeconds: 60 }))
  expect([await receive(client, url), await counts(client, url)]).toEqual([[], ['0', '0', '1']])
  time.now += 60_000
  expect(await receive(client, url, { VisibilityTimeout: 0 })).toHaveLength(1)
  time.now += 5 * 24 * 60 * 60 * 1000
  expect(await receive(client, url)).toEqual([])
  await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }))
  await client.send(new PurgeQueueCommand({ QueueUrl: url }))
  expect(await counts(client, url)).toEqual(['0', '0', '0'])
})

test('queues and messages, hidden ones too, are there after a restart', async () => {
  const first = await start()
  await first.client.send(new SendMessageCommand({ QueueUrl: first.url, MessageBody: 'in flight' }))
  await receive(first.client, first.url)
  await first.client.send(new SendMessageCommand({ QueueUrl: first.url, MessageBody: 'waiting' }))
  await first.server.close()
  const second = await start(first.directory)
  expect((await receive(second.client, second.url)).map((message) => message.Body)).toEqual(['waiting'])
  second.time.now += 91_000
  expect((await receive(second.client, second.url)).map((message) => message.Body)).toEqual([
    'in flight',
    'waiting',
  ])
})

test('queues are made, found, changed and deleted', async () => {
  const { client, server } = await start()
  const { QueueUrl } = await client.send(
    new CreateQueueCommand({ QueueName: 'third', Attributes: { VisibilityTimeout: '5' } }),
  )
  expect(QueueUrl).toBe(`${server.endpoint}/000000000000/third`)
  expect((await client.send(new GetQueueUrlCommand({ QueueName: 'third' }))).QueueUrl).toBe(QueueUrl)
  expect((await client.send(new ListQueuesCommand({}))).QueueUrls).toHaveLength(3)
  await client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: '7' } }))
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['VisibilityTimeout', 'QueueArn'] }),
  )
  expect(Attributes).toEqual({ VisibilityTimeout: '7', QueueArn: arnOf('third') })
  expect(
    await failure(
      client.send(new CreateQueueCommand({ QueueName: 'third', Attributes: { VisibilityTimeout: '5' } })),
    ),
  ).toBe('QueueNameExists')
  expect(
    await failure(
      client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: '-1' } })),
    ),
  ).toBe('InvalidAttributeValue')
  await client.send(new DeleteQueueCommand({ QueueUrl }))
  await expect(client.send(new GetQueueUrlCommand({ QueueName: 'third' }))).rejects.toBeInstanceOf(
    QueueDoesNotExist,
  )
})

test('a message over the limit is refused', async () => {
  const { client, url } = await start()
  const send = (bytes: number) =>
    failure(client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x'.repeat(bytes) })))
  expect(await send(1_048_576)).toBe('none')
  expect(await send(1_048_577)).toBe('InvalidParameterValue')
})

test('serves those first of whose group the fewest are in flight, then by age', async () => {
  const { client, url } = await start()
  const send = (MessageBody: string, group: object) =>
    client.send(new SendMessageCommand({ QueueUrl: url, MessageBody, ...group }))
  for (const body of ['a1', 'a2', 'a3', 'a4']) await send(body, { MessageGroupId: 'a' })
  await send('none1', {})
  await send('none2', {})
  await send('b1', { MessageGroupId: 'b' })

  const served = await receive(client, url)
  expect(served.map(({ Body }) => Body)).toEqual(['a1', 'none1', 'none2', 'b1', 'a2', 'a3', 'a4'])
  expect(served.map(({ Attributes }) => Attributes?.MessageGroupId)).toEqual([
    'a',
    undefined,
    undefined,
    'b',
    'a',
    'a',
    'a',
  ])
  // What is given back counts no more.
  for (const { ReceiptHandle } of served)
    await client.send(
      new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle, VisibilityTimeout: 0 }),
    )
  const again = await receive(client, url, { VisibilityTimeout: 0 })
  expect(again.map(({ Body }) => Body)).toEqual(['a1', 'a2', 'a3', 'a4', 'none1', 'none2', 'b1'])
  await expect(send('x', { MessageGroupId: 'with space' })).rejects.toThrow(/MessageGroupId/)
})
