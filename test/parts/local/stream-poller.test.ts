import {
  DescribeTableCommand,
  PutItemCommand,
  UpdateItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb'
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startDynamoDb } from '../../../emulators/dynamodb/server.ts'
import { createTables } from '../../../emulators/tables.ts'
import {
  closeAfterTest,
  dynamoDbClient,
  eventually,
  streamsClient,
  temporaryDirectory,
} from '../../../emulators/test/support.ts'
import { matches, type EventPattern } from '../../../local/event-pattern.ts'
import { startStreamPoller, type StreamPollerOptions } from '../../../local/stream-poller.ts'
import { openStreamPositions } from '../../../local/stream-positions.ts'

const TableName = 'local-documents'
const hour = 3600_000

const start = async () => {
  const time = { now: Date.now() }
  const clock = (): number => time.now
  const stateDir = await temporaryDirectory()
  const server = closeAfterTest(await startDynamoDb({ port: 0, stateDir, clock }))
  const definition = { name: TableName, partitionKey: 'id', ttlAttribute: 'expiresAt', stream: true }
  await createTables(server.endpoint, [definition])
  const client = dynamoDbClient(server.endpoint)
  const { Table } = await client.send(new DescribeTableCommand({ TableName }))
  const streamArn = Table?.LatestStreamArn ?? ''
  return { server, client, streams: streamsClient(server.endpoint), streamArn, time, stateDir }
}
type Setting = Awaited<ReturnType<typeof start>>

const put = (client: DynamoDBClient, id: string, more = {}) =>
  client.send(new PutItemCommand({ TableName, Item: { id: { S: id }, ...more } }))

const idOf = (record: DynamoDBRecord): string => record.dynamodb?.Keys?.['id']?.S ?? ''
const sequenceOf = (record: DynamoDBRecord | undefined): string => record?.dynamodb?.SequenceNumber ?? ''

type Handle = (event: DynamoDBStreamEvent, call: number) => Promise<DynamoDBBatchResponse | void>

/** Polls with a handler until the test ends or `stop`; `batches` are the ids of each call. */
const poll = (setting: Setting, handle: Handle, options: Partial<StreamPollerOptions> = {}) => {
  const ending = new AbortController()
  const batches: string[][] = []
  const events: DynamoDBStreamEvent[] = []
  const errors: unknown[] = []
  const givenUp: string[] = []
  const positions = openStreamPositions(setting.stateDir)
  const stopped = startStreamPoller({
    functionName: 'tell',
    handler: (event) => {
      events.push(event)
      batches.push(event.Records.map(idOf))
      return handle(event, events.length)
    },
    functionTimeoutMs: 60_000,
    maximumRecordAgeMs: 12 * hour,
    streamArn: setting.streamArn,
    streams: setting.streams,
    positions,
    batchSize: 10,
    windowMs: 0,
    patterns: [],
    signal: ending.signal,
    onError: (error) => void errors.push(error),
    onGivenUp: async (_shard, records) => void givenUp.push(...records.map(idOf)),
    now: () => setting.time.now,
    ...options,
  }).finally(() => positions.close())
  const stop = (): Promise<void> => {
    ending.abort()
    return stopped
  }
  onTestFinished(stop)
  return { batches, events, errors, givenUp, stop }
}

/** A handler that does what it is given, each id noted; `refuses` says which it does not, for now. */
const taking = (refuses: (id: string) => boolean = () => false) => {
  const taken: string[] = []
  const handle: Handle = async ({ Records }) => {
    if (Records.some((record) => refuses(idOf(record)))) throw new Error('refused')
    taken.push(...Records.map(idOf))
  }
  return { taken, handle }
}

const until = (condition: () => boolean) => eventually(() => (condition() ? true : undefined))

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `d${index}`)

test('the handler gets the event of Lambda', async () => {
  const setting = await start()
  await put(setting.client, 'd1', { bytes: { B: new Uint8Array([1, 2, 3]) }, expiresAt: { N: '1' } })
  await setting.client.send(
    new UpdateItemCommand({
      TableName,
      Key: { id: { S: 'd1' } },
      UpdateExpression: 'SET expiresAt = :soon',
      ExpressionAttributeValues: { ':soon': { N: String(Math.floor(setting.time.now / 1000) + 60) } },
    }),
  )
  setting.time.now += hour
  await setting.server.tidy()
  const polling = poll(setting, async () => undefined)
  await until(() => polling.events.flatMap(({ Records }) => Records).length === 3)
  const records = polling.events.flatMap(({ Records }) => Records)
  expect(records[0]).toEqual({
    eventID: expect.any(String),
    eventName: 'INSERT',
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    eventSourceARN: setting.streamArn,
    dynamodb: {
      ApproximateCreationDateTime: Math.floor((setting.time.now - hour) / 1000),
      Keys: { id: { S: 'd1' } },
      NewImage: { id: { S: 'd1' }, bytes: { B: 'AQID' }, expiresAt: { N: '1' } },
      SequenceNumber: expect.any(String),
      SizeBytes: expect.any(Number),
      StreamViewType: 'NEW_AND_OLD_IMAGES',
    },
  })
  expect(records[2]).toMatchObject({
    eventName: 'REMOVE',
    userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' },
  })
})

test('records come in order, at most so many in one call', async () => {
  const setting = await start()
  for (const id of numbered(25)) await put(setting.client, id)
  const { taken, handle } = taking()
  const polling = poll(setting, handle)
  await until(() => taken.length === 25)
  expect(taken).toEqual(numbered(25))
  expect(polling.batches.map((batch) => batch.length)).toEqual([10, 10, 5])
})

test('what comes within the window goes together', async () => {
  const setting = await start()
  await put(setting.client, 'd0')
  const { taken, handle } = taking()
  const polling = poll(setting, handle, { windowMs: 60_000 })
  await put(setting.client, 'd1')
  await put(setting.client, 'd2')
  expect(polling.batches).toEqual([])
  await until(() => {
    setting.time.now += 1_000
    return taken.length === 3
  })
  expect(polling.batches).toEqual([['d0', 'd1', 'd2']])
})

test('only what a pattern chooses goes to the handler, and the rest is not looked at again', async () => {
  const setting = await start()
  const event = { M: { id: { S: 'e1' } } }
  await put(setting.client, 'without')
  await put(setting.client, 'with', { event })
  await put(setting.client, 'other', { event: { M: { other: { S: 'x' } } } })
  const patterns: EventPattern[] = [
    { dynamodb: { NewImage: { event: { M: { id: { S: [{ exists: true }] } } } } } },
  ]
  const first = poll(setting, async () => undefined, { patterns })
  await until(() => first.batches.length === 1)
  await put(setting.client, 'last', { event })
  await until(() => first.batches.length === 2)
  await first.stop()
  expect(first.batches).toEqual([['with'], ['last']])
  const second = poll(setting, async () => undefined)
  await put(setting.client, 'after')
  await until(() => second.batches.length === 1)
  expect(second.batches).toEqual([['after']])
})

test('a failed batch is halved until what fails is alone; it holds up what follows, not what came before', async () => {
  const setting = await start()
  for (const id of numbered(8)) await put(setting.client, id)
  let broken = true
  const { taken, handle } = taking((id) => broken && id === 'd5')
  const polling = poll(setting, handle)
  await until(() => polling.batches.filter((batch) => batch.join() === 'd5').length >= 2)
  expect(taken).toEqual(['d0', 'd1', 'd2', 'd3', 'd4'])
  expect(polling.errors.length).toBeGreaterThan(2)
  broken = false
  await until(() => taken.length === 8)
  expect(taken).toEqual(numbered(8))
})

test('a reported failure sends the records from there on again, and none before', async () => {
  const setting = await start()
  for (const id of numbered(5)) await put(setting.client, id)
  const polling = poll(setting, async ({ Records }, call) =>
    call === 1
      ? { batchItemFailures: [4, 2].map((at) => ({ itemIdentifier: sequenceOf(Records[at]) })) }
      : undefined,
  )
  await until(() => polling.batches.length === 2)
  expect(polling.batches).toEqual([numbered(5), ['d2', 'd3', 'd4']])
})

test('a failure of a record that was not in the batch fails the batch', async () => {
  const setting = await start()
  await put(setting.client, 'd0')
  const polling = poll(setting, async (_event, call) =>
    call === 1 ? { batchItemFailures: [{ itemIdentifier: 'nobody' }] } : undefined,
  )
  await until(() => polling.batches.length === 2)
  expect(polling.batches).toEqual([['d0'], ['d0']])
})

test('a handler that takes too long has failed', async () => {
  const setting = await start()
  await put(setting.client, 'd0')
  const never = Promise.withResolvers<void>()
  const polling = poll(setting, (_event, call) => (call === 1 ? never.promise : Promise.resolve()), {
    functionTimeoutMs: 20,
  })
  await until(() => polling.batches.length === 2)
  expect(String(polling.errors[0])).toContain('timed out')
})

test('what fails until it is too old is given up, and the rest goes on', async () => {
  const setting = await start()
  for (const id of ['poison', 'd1']) await put(setting.client, id)
  const { taken, handle } = taking((id) => id === 'poison')
  const polling = poll(setting, handle)
  await until(() => polling.batches.filter((batch) => batch.join() === 'poison').length >= 2)
  setting.time.now += 11 * hour
  await put(setting.client, 'd2')
  setting.time.now += 2 * hour
  await until(() => taken.length === 1)
  expect(polling.givenUp).toEqual(['poison', 'd1'])
  expect(taken).toEqual(['d2'])
})

test('what cannot be given up is tried again from there', async () => {
  const setting = await start()
  await put(setting.client, 'poison')
  setting.time.now += 13 * hour
  await put(setting.client, 'd1')
  let tries = 0
  const { taken, handle } = taking()
  poll(setting, handle, {
    onGivenUp: async () => {
      tries += 1
      if (tries < 3) throw new Error('the queue is away')
    },
  })
  await until(() => taken.length > 0)
  expect([tries, taken]).toEqual([3, ['d1']])
})

test('a restart goes on where it was: nothing is left out, and what was not finished comes again', async () => {
  const setting = await start()
  for (const id of numbered(20)) await put(setting.client, id)
  const first = taking((id) => id === 'd13')
  const before = poll(setting, first.handle)
  await until(() => before.batches.filter((batch) => batch.join() === 'd13').length >= 1)
  await before.stop()
  const second = taking()
  poll(setting, second.handle)
  await until(() => second.taken.includes('d19'))
  expect(first.taken).toEqual(numbered(13))
  expect(second.taken).toEqual(numbered(20).slice(13))
})

test('who was away for more than a day goes on with what is left', async () => {
  const setting = await start()
  await put(setting.client, 'd0')
  const first = taking()
  const before = poll(setting, first.handle)
  await until(() => first.taken.length === 1)
  await before.stop()
  await put(setting.client, 'lost')
  setting.time.now += 25 * hour
  await put(setting.client, 'd1')
  const second = taking()
  poll(setting, second.handle)
  await until(() => second.taken.length === 1)
  expect(second.taken).toEqual(['d1'])
})

test('a server that is away is waited for', async () => {
  const setting = await start()
  await setting.server.close()
  const { taken, handle } = taking()
  const polling = poll(setting, handle)
  await until(() => polling.errors.length >= 2)
  const port = Number(new URL(setting.server.endpoint).port)
  closeAfterTest(await startDynamoDb({ port, stateDir: setting.stateDir, clock: () => setting.time.now }))
  await put(setting.client, 'd0')
  await until(() => taken.length === 1)
  expect(taken).toEqual(['d0'])
})

test('the end waits for the call that is under way', async () => {
  const setting = await start()
  await put(setting.client, 'd0')
  const going = Promise.withResolvers<void>()
  const polling = poll(setting, () => going.promise)
  await until(() => polling.batches.length === 1)
  let over = false
  const stopped = polling.stop().then(() => (over = true))
  await put(setting.client, 'd1')
  expect(over).toBe(false)
  going.resolve()
  await stopped
  expect(polling.batches).toEqual([['d0']])
})

describe('a pattern', () => {
  const cases: readonly [string, unknown, EventPattern, boolean][] = [
    ['chooses a listed value', { a: 'x' }, { a: ['w', 'x'] }, true],
    ['refuses another', { a: 'y' }, { a: ['w', 'x'] }, false],
    ['needs every path', { a: 'x' }, { a: ['x'], b: ['y'] }, false],
    ['goes into maps', { a: { b: { c: true } } }, { a: { b: { c: [true] } } }, true],
    ['does not go where there is none', { a: 'x' }, { a: { b: ['x'] } }, false],
    ['sees a leaf that is there', { a: { S: '' } }, { a: { S: [{ exists: true }] } }, true],
    ['takes a map for no leaf', { a: { S: 'x' } }, { a: [{ exists: true }] }, false],
    ['sees what is missing', { a: {} }, { a: { b: [{ exists: false }] } }, true],
    ['compares the start', { a: 'invoice-1' }, { a: [{ prefix: 'invoice-' }] }, true],
    ['lets others through', { a: 'x' }, { a: [{ 'anything-but': ['y'] }] }, true],
    ['keeps the named ones out', { a: 'y' }, { a: [{ 'anything-but': ['y'] }] }, false],
    ['knows null', { a: null }, { a: [null] }, true],
  ]
  test.each(cases)('%s', (_name, event, pattern, expected) => {
    expect(matches(event, pattern)).toBe(expected)
  })
})
