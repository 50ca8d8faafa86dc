import {
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ExecuteStatementCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { expect, test } from 'vitest'
import type { Clock } from '../clock.ts'
import { startDynamoDb } from '../dynamodb/server.ts'
import { createTables, type TableDefinition } from '../tables.ts'
import { closeAfterTest, dynamoDbClient, temporaryDirectory } from './support.ts'

const definition: TableDefinition = {
  name: 'local-documents',
  partitionKey: 'userKey',
  sortKey: 'documentId',
  ttlAttribute: 'expiresAt',
  indexes: [{ name: 'parked', partitionKey: 'parkedOn', sortKey: 'documentId' }],
}
const TableName = definition.name

const start = async (stateDir?: string, clock: Clock = Date.now) => {
  const directory = stateDir ?? (await temporaryDirectory())
  const server = closeAfterTest(await startDynamoDb({ port: 0, stateDir: directory, clock }))
  await createTables(server.endpoint, [definition])
  return { server, client: dynamoDbClient(server.endpoint), directory }
}

const key = (documentId: string) => ({ userKey: { S: 'alice' }, documentId: { S: documentId } })

test('tables come with their indexes and time-to-live, and again without harm', async () => {
  const { server, client } = await start()
  await createTables(server.endpoint, [definition])
  const { Table } = await client.send(new DescribeTableCommand({ TableName }))
  expect(Table).toMatchObject({
    TableStatus: 'ACTIVE',
    KeySchema: [
      { AttributeName: 'userKey', KeyType: 'HASH' },
      { AttributeName: 'documentId', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [{ IndexName: 'parked', Projection: { ProjectionType: 'ALL' } }],
  })
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }))
  expect(TimeToLiveDescription).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'expiresAt' })
})

test('a table that lacks an index of its definition is refused with what helps', async () => {
  const { server } = await start()
  const indexes = [...(definition.indexes ?? []), { name: 'byState', partitionKey: 'state' }]
  await expect(createTables(server.endpoint, [{ ...definition, indexes }])).rejects.toThrow(
    'the table local-documents is from an earlier version and lacks the index byState: `npm run reset`',
  )
})

test('of twenty conditional writes at once just one wins', async () => {
  const { client } = await start()
  const claims = Array.from({ length: 20 }, (_, index) =>
    client
      .send(
        new PutItemCommand({
          TableName,
          Item: { ...key('d1'), claim: { N: String(index) } },
          ConditionExpression: 'attribute_not_exists(userKey)',
        }),
      )
      .then(
        () => 'won',
        (error: unknown) => (error instanceof ConditionalCheckFailedException ? 'lost' : String(error)),
      ),
  )
  const outcomes = await Promise.all(claims)
  expect(outcomes.toSorted()).toEqual([...Array.from({ length: 19 }, () => 'lost'), 'won'])
})

test('updates under a condition give back the item, refused ones the present item', async () => {
  const { client } = await start()
  const bump = (version: string) =>
    client.send(
      new UpdateItemCommand({
        TableName,
        Key: key('d1'),
        UpdateExpression:
          'SET version = if_not_exists(version, :zero) + :one, labels = list_append(if_not_exists(labels, :none), :n)',
        ConditionExpression: 'attribute_not_exists(version) OR version = :v',
        ExpressionAttributeValues: {
          ':zero': { N: '0' },
          ':one': { N: '1' },
          ':v': { N: version },
          ':none': { L: [] },
          ':n': { L: [{ S: version }] },
        },
        ReturnValues: 'ALL_NEW',
      }),
    )
  await bump('0')
  expect((await bump('1')).Attributes).toMatchObject({
    version: { N: '2' },
    labels: { L: [{ S: '0' }, { S: '1' }] },
  })
  await expect(bump('1')).rejects.toBeInstanceOf(ConditionalCheckFailedException)
})

test('an index follows its items, and holds only those with its key', async () => {
  const { client } = await start()
  const parkedOn = async (connection: string): Promise<(string | undefined)[] | undefined> => {
    const { Items } = await client.send(
      new QueryCommand({
        TableName,
        IndexName: 'parked',
        KeyConditionExpression: 'parkedOn = :c',
        ExpressionAttributeValues: { ':c': { S: connection } },
      }),
    )
    return Items?.map((item) => item['documentId']?.S)
  }
  for (const id of ['d2', 'd1'])
    await client.send(new PutItemCommand({ TableName, Item: { ...key(id), parkedOn: { S: 'c' } } }))
  await client.send(new PutItemCommand({ TableName, Item: key('d3') }))
  expect(await parkedOn('c')).toEqual(['d1', 'd2'])
  await client.send(new UpdateItemCommand({ TableName, Key: key('d1'), UpdateExpression: 'REMOVE parkedOn' }))
  expect(await parkedOn('c')).toEqual(['d2'])
})

test('rows and settings are there after a restart; many are read at once', async () => {
  const first = await start()
  for (const id of ['d1', 'd2']) await first.client.send(new PutItemCommand({ TableName, Item: key(id) }))
  await first.server.close()
  const { client } = await start(first.directory)
  const { Responses } = await client.send(
    new BatchGetItemCommand({
      RequestItems: { [TableName]: { Keys: [key('d1'), key('d2'), key('d3')], ConsistentRead: true } },
    }),
  )
  expect(Responses?.[TableName]).toHaveLength(2)
  expect((await client.send(new GetItemCommand({ TableName, Key: key('d1') }))).Item).toEqual(key('d1'))
})

test('PartiQL is refused by name, not ignored', async () => {
  const { client } = await start()
  const statement = client.send(new ExecuteStatementCommand({ Statement: 'SELECT * FROM "local-documents"' }))
  await expect(statement).rejects.toMatchObject({
    name: 'UnknownOperationException',
    message: expect.stringContaining('ExecuteStatement'),
  })
})

test('only the key pair of the stack is accepted, over the very request', async () => {
  const { server } = await start()
  const refusalOf = async (accessKeyId: string, secretAccessKey: string): Promise<string> => {
    const credentials = { accessKeyId, secretAccessKey }
    const client = new DynamoDBClient({ endpoint: server.endpoint, region: 'us-east-1', credentials })
    try {
      await client.send(new GetItemCommand({ TableName, Key: key('d1') }))
      return 'none'
    } catch (error) {
      return error instanceof Error ? error.name : 'unknown'
    } finally {
      client.destroy()
    }
  }
  expect(await refusalOf('local', 'local')).toBe('none')
  expect(await refusalOf('somebody', 'local')).toBe('UnrecognizedClientException')
  expect(await refusalOf('local', 'guessed')).toBe('InvalidSignatureException')
  const unsigned = await fetch(server.endpoint, { method: 'POST', body: '{}' })
  expect(await unsigned.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' })
})

test('an item whose time has passed is deleted, with its entries in indexes', async () => {
  let now = 1_700_000_000_000
  const { client, server } = await start(undefined, () => now)
  const put = (id: string, expiresAt: number) =>
    client.send(
      new PutItemCommand({
        TableName,
        Item: { ...key(id), parkedOn: { S: 'c' }, expiresAt: { N: String(expiresAt) } },
      }),
    )
  const left = async (IndexName?: string): Promise<(string | undefined)[] | undefined> =>
    (await client.send(new ScanCommand({ TableName, ...(IndexName ? { IndexName } : {}) }))).Items?.map(
      (item) => item['documentId']?.S,
    )
  await put('soon', 1_700_000_060)
  await put('later', 1_700_007_200)
  await put('ages-ago', 1_700_000_000 - 6 * 365 * 24 * 3600)
  await client.send(new PutItemCommand({ TableName, Item: { ...key('never'), parkedOn: { S: 'c' } } }))
  await server.tidy()
  expect(await left()).toHaveLength(4)
  now += 3600_000
  await server.tidy()
  expect(await left()).toEqual(['ages-ago', 'later', 'never'])
  expect(await left('parked')).toEqual(['ages-ago', 'later', 'never'])
})
