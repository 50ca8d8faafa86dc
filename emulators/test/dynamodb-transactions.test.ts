import {
  BatchWriteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactGetItemsCommand,
  TransactionCanceledException,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type DynamoDBClient,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb'
import { expect, test } from 'vitest'
import { startDynamoDb } from '../dynamodb/server.ts'
import { createTables, type TableDefinition } from '../tables.ts'
import { closeAfterTest, dynamoDbClient, temporaryDirectory } from './support.ts'

const cells = 'local-cells'
const documents = 'local-documents'
const definitions: readonly TableDefinition[] = [
  { name: cells, partitionKey: 'id' },
  { name: documents, partitionKey: 'id', indexes: [{ name: 'due', partitionKey: 'due' }] },
]

const S = (text: string) => ({ S: text })
const N = (count: number) => ({ N: String(count) })

const start = async (clock = Date.now) => {
  const stateDir = await temporaryDirectory()
  const server = closeAfterTest(await startDynamoDb({ port: 0, stateDir, clock }))
  await createTables(server.endpoint, definitions)
  return { server, client: dynamoDbClient(server.endpoint) }
}

const transact = (client: DynamoDBClient, TransactItems: TransactWriteItem[], ClientRequestToken?: string) =>
  client.send(
    new TransactWriteItemsCommand({ TransactItems, ...(ClientRequestToken ? { ClientRequestToken } : {}) }),
  )

const reasonsOf = async (done: Promise<unknown>): Promise<unknown> => {
  try {
    await done
    return 'done'
  } catch (error) {
    if (error instanceof TransactionCanceledException) return error.CancellationReasons
    return error instanceof Error ? `${error.name}: ${error.message}` : error
  }
}

const item = async (client: DynamoDBClient, TableName: string, id: string) =>
  (await client.send(new GetItemCommand({ TableName, Key: { id: S(id) } }))).Item

const put = (TableName: string, id: string, more = {}): TransactWriteItem => ({
  Put: { TableName, Item: { id: S(id), ...more }, ConditionExpression: 'attribute_not_exists(id)' },
})

const isOpen = (state = 'open'): TransactWriteItem => ({
  ConditionCheck: {
    TableName: cells,
    Key: { id: S('c') },
    ConditionExpression: '#s = :s',
    ExpressionAttributeNames: { '#s': 'state' },
    ExpressionAttributeValues: { ':s': S(state) },
  },
})

const bump = (id: string, seen?: number): TransactWriteItem => ({
  Update: {
    TableName: documents,
    Key: { id: S(id) },
    UpdateExpression: 'SET #v = if_not_exists(#v, :zero) + :one, due = :due',
    ...(seen === undefined ? {} : { ConditionExpression: '#v = :seen' }),
    ExpressionAttributeNames: { '#v': 'version' },
    ExpressionAttributeValues: {
      ':zero': N(0),
      ':one': N(1),
      ':due': S('today'),
      ...(seen === undefined ? {} : { ':seen': N(seen) }),
    },
  },
})

test('all four kinds over two tables are done together, and the index follows', async () => {
  const { client } = await start()
  await transact(client, [put(cells, 'c', { state: S('open') }), put(documents, 'gone'), bump('d')])
  await transact(client, [
    isOpen(),
    put(cells, 'new'),
    bump('d', 1),
    { Delete: { TableName: documents, Key: { id: S('gone') } } },
  ])
  expect(await item(client, documents, 'd')).toMatchObject({ version: N(2) })
  expect(await item(client, documents, 'gone')).toBeUndefined()
  expect(await item(client, cells, 'c')).toMatchObject({ state: S('open') })
  const { Items } = await client.send(
    new QueryCommand({
      TableName: documents,
      IndexName: 'due',
      KeyConditionExpression: 'due = :d',
      ExpressionAttributeValues: { ':d': S('today') },
    }),
  )
  expect(Items).toEqual([{ id: S('d'), version: N(2), due: S('today') }])
})

test('one condition that fails keeps all from happening, and each item has its reason', async () => {
  const { client } = await start()
  await transact(client, [put(cells, 'c', { state: S('dying') }), bump('d')])
  expect(await reasonsOf(transact(client, [put(cells, 'new'), isOpen(), bump('d', 1)]))).toMatchObject([
    { Code: 'None' },
    { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' },
    { Code: 'None' },
  ])
  const withItem = { ...bump('d', 7).Update, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }
  const [, reason] = (await reasonsOf(
    transact(client, [put(cells, 'new'), { Update: withItem } as TransactWriteItem]),
  )) as { Code: string; Item?: unknown }[]
  expect(reason).toMatchObject({ Code: 'ConditionalCheckFailed', Item: { version: N(1) } })
  expect(await item(client, cells, 'new')).toBeUndefined()
  expect(await item(client, documents, 'd')).toMatchObject({ version: N(1) })
})

test('what is invalid only in front of the item is a reason too', async () => {
  const { client } = await start()
  await transact(client, [put(documents, 'd', { version: S('text') })])
  expect(await reasonsOf(transact(client, [put(cells, 'new'), bump('d')]))).toMatchObject([
    { Code: 'None' },
    { Code: 'ValidationError', Message: expect.stringContaining('incorrect data type') },
  ])
  const strange: TransactWriteItem = { Delete: { TableName: documents, Key: { other: S('d') } } }
  expect(await reasonsOf(transact(client, [put(cells, 'new'), strange]))).toMatchObject([
    { Code: 'None' },
    { Code: 'ValidationError' },
  ])
  expect(await item(client, cells, 'new')).toBeUndefined()
})

test('more than 100 items, one item twice, over 4 MB and unknown tables are refused', async () => {
  const { client } = await start()
  const many = (count: number): TransactWriteItem[] =>
    Array.from({ length: count }, (_, index) => put(cells, `m${index}`))
  expect(await reasonsOf(transact(client, many(101)))).toMatch(/^ValidationException/)
  expect(await reasonsOf(transact(client, []))).toMatch(/^ValidationException/)
  expect(await reasonsOf(transact(client, [put(cells, 'twice'), put(cells, 'twice')]))).toMatch(
    /multiple operations on one item/,
  )
  const large = Array.from({ length: 11 }, (_, index) =>
    put(cells, `l${index}`, { text: S('x'.repeat(399 * 1024)) }),
  )
  expect(await reasonsOf(transact(client, large))).toMatch(/4 MB/)
  expect(await reasonsOf(transact(client, [put(cells, 'new'), put('nowhere', 'd')]))).toMatch(
    /^ResourceNotFoundException/,
  )
  expect(await reasonsOf(transact(client, many(100)))).toBe('done')
})

test('a request token does once what it says, for ten minutes', async () => {
  let now = Date.now()
  const { client } = await start(() => now)
  await transact(client, [bump('d')], 'token-1')
  await transact(client, [bump('d')], 'token-1')
  expect(await item(client, documents, 'd')).toMatchObject({ version: N(1) })
  expect(await reasonsOf(transact(client, [bump('other')], 'token-1'))).toMatch(
    /^IdempotentParameterMismatchException/,
  )
  now += 11 * 60_000
  await transact(client, [bump('d')], 'token-1')
  expect(await item(client, documents, 'd')).toMatchObject({ version: N(2) })
})

test('a cancelled transaction leaves its token free', async () => {
  const { client } = await start()
  expect(await reasonsOf(transact(client, [bump('d', 1)], 'token-2'))).toHaveLength(1)
  await transact(client, [bump('d')])
  expect(await reasonsOf(transact(client, [bump('d', 1)], 'token-2'))).toBe('done')
})

test('items read in one transaction stood so at one moment', async () => {
  const { client } = await start()
  await transact(client, [put(cells, 'a', { n: N(0) }), put(documents, 'b', { n: N(0) })])
  const add = (TableName: string, id: string): TransactWriteItem => ({
    Update: {
      TableName,
      Key: { id: S(id) },
      UpdateExpression: 'ADD n :one',
      ExpressionAttributeValues: { ':one': N(1) },
    },
  })
  const reads = Array.from({ length: 30 }, async () => {
    const { Responses = [] } = await client.send(
      new TransactGetItemsCommand({
        TransactItems: [
          { Get: { TableName: cells, Key: { id: S('a') }, ProjectionExpression: 'n' } },
          { Get: { TableName: documents, Key: { id: S('b') } } },
        ],
      }),
    )
    return Responses.map(({ Item }) => Item?.['n']?.N)
  })
  const writes = Array.from({ length: 30 }, () => transact(client, [add(cells, 'a'), add(documents, 'b')]))
  for (const [a, b] of await Promise.all(reads)) expect(a).toBe(b)
  await Promise.all(writes)
  expect(await item(client, cells, 'a')).toMatchObject({ n: N(30) })
})

test('of 50 transactions at once on the same items one wins each round, beside plain writes', async () => {
  const { client } = await start()
  await client.send(new PutItemCommand({ TableName: cells, Item: { id: S('c'), state: S('open') } }))
  await transact(client, [bump('d'), bump('e')])
  for (let round = 1; round <= 4; round += 1) {
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        // In both orders, as two that lock in different orders would wait for each other.
        reasonsOf(
          transact(client, [
            isOpen(),
            ...(index % 2 ? [bump('d', round), bump('e', round)] : [bump('e', round), bump('d', round)]),
          ]),
        ),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1)
  }
  const plain = Array.from({ length: 50 }, () =>
    client.send(
      new UpdateItemCommand({
        TableName: documents,
        Key: { id: S('f') },
        UpdateExpression: 'ADD version :one',
        ExpressionAttributeValues: { ':one': N(1) },
      }),
    ),
  )
  const together = Array.from({ length: 50 }, () => transact(client, [bump('f'), bump('g')]))
  await Promise.all([...plain, ...together])
  expect(await item(client, documents, 'f')).toMatchObject({ version: N(100) })
  expect(await item(client, documents, 'g')).toMatchObject({ version: N(50) })
})

test('a batch writes each of its items', async () => {
  const { client } = await start()
  await client.send(
    new BatchWriteItemCommand({
      RequestItems: {
        [documents]: ['x', 'y'].map((id) => ({ PutRequest: { Item: { id: S(id), due: S('today') } } })),
      },
    }),
  )
  expect(await item(client, documents, 'y')).toEqual({ id: S('y'), due: S('today') })
})
