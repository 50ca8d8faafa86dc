import {
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  UpdateTableCommand,
  waitUntilTableExists,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb'
import {
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
  type DynamoDBStreamsClient,
  type ShardIteratorType,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams'
import { expect, test } from 'vitest'
import { startDynamoDb } from '../dynamodb/server.ts'
import { createTables, type TableDefinition } from '../tables.ts'
import { closeAfterTest, dynamoDbClient, streamsClient, temporaryDirectory } from './support.ts'

const TableName = 'local-documents'
const definition: TableDefinition = {
  name: TableName,
  partitionKey: 'userKey',
  sortKey: 'documentId',
  ttlAttribute: 'expiresAt',
  stream: true,
}
const hour = 3600_000

interface World {
  readonly client: DynamoDBClient
  readonly streams: DynamoDBStreamsClient
}

const start = async (
  options: { clock?: () => number; definition?: TableDefinition; stateDir?: string } = {},
) => {
  const stateDir = options.stateDir ?? (await temporaryDirectory())
  const server = closeAfterTest(
    await startDynamoDb({ port: 0, stateDir, ...(options.clock ? { clock: options.clock } : {}) }),
  )
  await createTables(server.endpoint, [options.definition ?? definition])
  return {
    stateDir,
    server,
    client: dynamoDbClient(server.endpoint),
    streams: streamsClient(server.endpoint),
  }
}

const S = (text: string) => ({ S: text })
const key = (documentId: string) => ({ userKey: S('alice'), documentId: S(documentId) })

const put = ({ client }: World, id: string, more = {}) =>
  client.send(new PutItemCommand({ TableName, Item: { ...key(id), ...more } }))

const streamArn = async ({ client }: World): Promise<string> => {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }))
  return Table?.LatestStreamArn ?? ''
}

const shardOf = async ({ streams }: World, StreamArn: string) => {
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }))
  return { stream: StreamDescription, shard: StreamDescription?.Shards?.[0] }
}

const iterator = async (
  world: World,
  arn: string,
  ShardIteratorType: ShardIteratorType,
  SequenceNumber?: string,
): Promise<string | undefined> => {
  const { shard } = await shardOf(world, arn)
  const { ShardIterator } = await world.streams.send(
    new GetShardIteratorCommand({
      StreamArn: arn,
      ShardId: shard?.ShardId,
      ShardIteratorType,
      SequenceNumber,
    }),
  )
  return ShardIterator
}

const read = async ({ streams }: World, ShardIterator: string | undefined, Limit?: number) => {
  const { Records = [], NextShardIterator } = await streams.send(
    new GetRecordsCommand({ ShardIterator, Limit }),
  )
  return { records: Records, next: NextShardIterator }
}

const all = async (world: World, arn?: string): Promise<_Record[]> =>
  (await read(world, await iterator(world, arn ?? (await streamArn(world)), 'TRIM_HORIZON'))).records

const ids = (records: readonly _Record[]): (string | undefined)[] =>
  records.map(({ dynamodb }) => dynamodb?.Keys?.['documentId']?.S)

test('each write has its record: kind, keys, both images, and a number that grows', async () => {
  const world = await start()
  await put(world, 'd1', { bytes: { N: '1' } })
  await world.client.send(
    new UpdateItemCommand({
      TableName,
      Key: key('d1'),
      UpdateExpression: 'SET bytes = :two',
      ExpressionAttributeValues: { ':two': { N: '2' } },
    }),
  )
  await world.client.send(new DeleteItemCommand({ TableName, Key: key('d1') }))
  await world.client.send(new DeleteItemCommand({ TableName, Key: key('was never there') }))
  const records = await all(world)
  expect(records).toMatchObject([
    {
      eventName: 'INSERT',
      eventSource: 'aws:dynamodb',
      eventVersion: '1.1',
      dynamodb: {
        Keys: key('d1'),
        NewImage: { ...key('d1'), bytes: { N: '1' } },
        StreamViewType: 'NEW_AND_OLD_IMAGES',
        ApproximateCreationDateTime: expect.any(Date),
      },
    },
    {
      eventName: 'MODIFY',
      dynamodb: { OldImage: { bytes: { N: '1' } }, NewImage: { bytes: { N: '2' } } },
    },
    { eventName: 'REMOVE', dynamodb: { OldImage: { bytes: { N: '2' } } } },
  ])
  expect(records[0]?.dynamodb).not.toHaveProperty('OldImage')
  expect(records[2]?.dynamodb).not.toHaveProperty('NewImage')
  expect(records.map(({ userIdentity }) => userIdentity)).toEqual([undefined, undefined, undefined])
  const numbers = records.map(({ dynamodb }) => dynamodb?.SequenceNumber ?? '')
  expect(numbers.toSorted()).toEqual(numbers)
  expect(new Set(records.map(({ eventID }) => eventID)).size).toBe(3)
})

test('a write that changes nothing has no record', async () => {
  const world = await start()
  await put(world, 'd1', { labels: { L: [S('a')] } })
  await put(world, 'd1', { labels: { L: [S('a')] } })
  await world.client.send(
    new UpdateItemCommand({
      TableName,
      Key: key('d1'),
      UpdateExpression: 'SET labels = :l',
      ExpressionAttributeValues: { ':l': { L: [S('a')] } },
    }),
  )
  expect(await all(world)).toHaveLength(1)
})

test('a transaction leaves the records of its items, and a cancelled one none', async () => {
  const world = await start()
  const write = (id: string) => ({
    Put: { TableName, Item: key(id), ConditionExpression: 'attribute_not_exists(userKey)' },
  })
  await world.client.send(new TransactWriteItemsCommand({ TransactItems: [write('a'), write('b')] }))
  await expect(
    world.client.send(new TransactWriteItemsCommand({ TransactItems: [write('c'), write('b')] })),
  ).rejects.toThrow('ConditionalCheckFailed')
  expect(ids(await all(world))).toEqual(['a', 'b'])
})

test('a reader begins at the start, at the end, at a record or after it, and goes on page by page', async () => {
  const world = await start()
  for (const id of ['a', 'b', 'c']) await put(world, id)
  const arn = await streamArn(world)
  const [, second] = await all(world)
  const number = second?.dynamodb?.SequenceNumber
  const latest = await iterator(world, arn, 'LATEST')
  await put(world, 'd')
  const from = async (type: ShardIteratorType, sequence?: string) =>
    ids((await read(world, await iterator(world, arn, type, sequence))).records)
  expect(await from('TRIM_HORIZON')).toEqual(['a', 'b', 'c', 'd'])
  expect(await from('AT_SEQUENCE_NUMBER', number)).toEqual(['b', 'c', 'd'])
  expect(await from('AFTER_SEQUENCE_NUMBER', number)).toEqual(['c', 'd'])
  expect(ids((await read(world, latest)).records)).toEqual(['d'])

  const first = await read(world, await iterator(world, arn, 'TRIM_HORIZON'), 3)
  const rest = await read(world, first.next, 3)
  expect([ids(first.records), ids(rest.records)]).toEqual([['a', 'b', 'c'], ['d']])
  const empty = await read(world, rest.next)
  expect(empty.records).toEqual([])
  await put(world, 'e')
  expect(ids((await read(world, empty.next)).records)).toEqual(['e'])
})

test('a page holds a megabyte at most', async () => {
  const world = await start()
  for (const id of ['a', 'b', 'c', 'd']) await put(world, id, { text: S('x'.repeat(300 * 1024)) })
  const first = await read(world, await iterator(world, await streamArn(world), 'TRIM_HORIZON'))
  expect(ids(first.records)).toEqual(['a', 'b', 'c'])
  expect(ids((await read(world, first.next)).records)).toEqual(['d'])
})

test('records are there for a day, and who comes later is told', async () => {
  let now = Date.now()
  const world = await start({ clock: () => now })
  await put(world, 'old')
  const arn = await streamArn(world)
  const [old] = await all(world)
  now += 20 * hour
  await put(world, 'young')
  now += 5 * hour
  expect(ids(await all(world))).toEqual(['young'])
  await expect(
    iterator(world, arn, 'AFTER_SEQUENCE_NUMBER', old?.dynamodb?.SequenceNumber),
  ).rejects.toMatchObject({ name: 'TrimmedDataAccessException' })
  const stale = await iterator(world, arn, 'TRIM_HORIZON')
  now += hour
  await expect(read(world, stale)).rejects.toMatchObject({ name: 'ExpiredIteratorException' })
})

test('what the service removes because its time has passed says so', async () => {
  let now = 1_700_000_000_000
  const world = await start({ clock: () => now })
  await put(world, 'd1', { expiresAt: { N: '1700000060' } })
  now += hour
  await world.server.tidy()
  expect((await all(world))[1]).toMatchObject({
    eventName: 'REMOVE',
    userIdentity: { Type: 'Service', PrincipalId: 'dynamodb.amazonaws.com' },
    dynamodb: { OldImage: { expiresAt: { N: '1700000060' } } },
  })
})

test('a stream is turned on later, off, and on again as another one; the first stays readable', async () => {
  const world = await start({ definition: { ...definition, stream: false } })
  await put(world, 'before')
  const turn = (StreamEnabled: boolean) =>
    world.client.send(
      new UpdateTableCommand({
        TableName,
        StreamSpecification: StreamEnabled
          ? { StreamEnabled, StreamViewType: 'NEW_AND_OLD_IMAGES' }
          : { StreamEnabled },
      }),
    )
  await expect(turn(false)).rejects.toMatchObject({ name: 'ValidationException' })
  await turn(true)
  await expect(turn(true)).rejects.toMatchObject({ name: 'ValidationException' })
  const first = await streamArn(world)
  await put(world, 'during')
  await turn(false)
  await put(world, 'between')
  await turn(true)
  await put(world, 'after')
  const { Streams } = await world.streams.send(new ListStreamsCommand({ TableName }))
  expect(Streams).toHaveLength(2)
  expect(ids(await all(world, first))).toEqual(['during'])
  expect(ids(await all(world))).toEqual(['after'])
  const { stream, shard } = await shardOf(world, first)
  expect(stream?.StreamStatus).toBe('DISABLED')
  expect(shard?.SequenceNumberRange?.EndingSequenceNumber).toBeDefined()
  const end = await read(world, await iterator(world, first, 'TRIM_HORIZON'))
  expect(end.next).toBeUndefined()
})

test('streams are listed page by page, and end with their table', async () => {
  const world = await start()
  const other = { ...definition, name: 'local-other' }
  await createTables(world.server.endpoint, [other])
  const first = await world.streams.send(new ListStreamsCommand({ Limit: 1 }))
  const second = await world.streams.send(
    new ListStreamsCommand({ Limit: 1, ExclusiveStartStreamArn: first.LastEvaluatedStreamArn }),
  )
  expect([...(first.Streams ?? []), ...(second.Streams ?? [])].map((stream) => stream.TableName)).toEqual([
    'local-documents',
    'local-other',
  ])
  const arn = await streamArn(world)
  await world.client.send(new DeleteTableCommand({ TableName }))
  expect((await shardOf(world, arn)).stream?.StreamStatus).toBe('DISABLED')
  await expect(shardOf(world, `${arn}-none`)).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
})

test('a table shows only the images that its stream was made for', async () => {
  const { client, streams } = await start()
  for (const StreamViewType of ['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE'] as const) {
    const name = `local-${StreamViewType}`
    const { TableDescription } = await client.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'documentId', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'documentId', AttributeType: 'S' }],
        StreamSpecification: { StreamEnabled: true, StreamViewType },
      }),
    )
    await waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 1 }, { TableName: name })
    for (const n of ['1', '2'])
      await client.send(new PutItemCommand({ TableName: name, Item: { documentId: S('d'), n: { N: n } } }))
    const [, change] = await all({ client, streams }, TableDescription?.LatestStreamArn)
    expect([change?.dynamodb?.NewImage?.['n']?.N, change?.dynamodb?.OldImage?.['n']?.N]).toEqual(
      { KEYS_ONLY: [undefined, undefined], NEW_IMAGE: ['2', undefined], OLD_IMAGE: [undefined, '1'] }[
        StreamViewType
      ],
    )
  }
})

test('after a restart a reader goes on where it was, and numbers go on growing', async () => {
  const first = await start()
  for (const id of ['a', 'b']) await put(first, id)
  const arn = await streamArn(first)
  const [a] = await all(first)
  await first.server.close()
  const second = await start({ stateDir: first.stateDir, clock: () => Date.now() - hour })
  await put(second, 'c')
  expect(await streamArn(second)).toBe(arn)
  const after = await iterator(second, arn, 'AFTER_SEQUENCE_NUMBER', a?.dynamodb?.SequenceNumber)
  expect(ids((await read(second, after)).records)).toEqual(['b', 'c'])
})
