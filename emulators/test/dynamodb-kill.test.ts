import {
  DeleteItemCommand,
  DescribeTableCommand,
  PutItemCommand,
  ScanCommand,
  TransactWriteItemsCommand,
  type AttributeValue,
  type DynamoDBClient,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb'
import {
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { createTables } from '../tables.ts'
import { dynamoDbClient, streamsClient, temporaryDirectory } from './support.ts'

const documents = 'local-documents'
const cells = 'local-cells'
const processFile = new URL('dynamodb-process.ts', import.meta.url)

const startProcess = async (stateDir: string) => {
  const child = fork(processFile, [stateDir], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [endpoint] = (await once(child, 'message')) as [string]
  await createTables(endpoint, [
    { name: documents, partitionKey: 'id', stream: true, indexes: [{ name: 'due', partitionKey: 'due' }] },
    { name: cells, partitionKey: 'id' },
  ])
  const kill = async (): Promise<void> => {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return { client: dynamoDbClient(endpoint), streams: streamsClient(endpoint), kill }
}

type Item = Record<string, AttributeValue>
const S = (text: string) => ({ S: text })

const scan = async (client: DynamoDBClient, TableName: string, IndexName?: string): Promise<Item[]> => {
  const { Items = [] } = await client.send(
    new ScanCommand({ TableName, ...(IndexName === undefined ? {} : { IndexName }) }),
  )
  return Items
}

const recordsOf = async ({
  client,
  streams,
}: Awaited<ReturnType<typeof startProcess>>): Promise<_Record[]> => {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: documents }))
  const StreamArn = Table?.LatestStreamArn
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }))
  const ShardId = StreamDescription?.Shards?.[0]?.ShardId
  let { ShardIterator } = await streams.send(
    new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
  )
  const found: _Record[] = []
  for (;;) {
    const page = await streams.send(new GetRecordsCommand({ ShardIterator }))
    if (!page.Records?.length) return found
    found.push(...page.Records)
    ShardIterator = page.NextShardIterator
  }
}

/**
 * Plays the records one after the other; throws where an old image
 * is not what the records before it had left.
 */
const replay = (records: readonly _Record[]): Map<string, Item> => {
  const items = new Map<string, Item>()
  for (const { dynamodb } of records) {
    const id = dynamodb?.Keys?.['id']?.S ?? ''
    expect(dynamodb?.OldImage).toEqual(items.get(id))
    if (dynamodb?.NewImage) items.set(id, dynamodb.NewImage)
    else items.delete(id)
  }
  return items
}

const byId = (a: Item, b: Item): number => ((a['id']?.S ?? '') < (b['id']?.S ?? '') ? -1 : 1)

/**
 * One writer: plain writes, deletions, and transactions with one
 * half in each table. Tells what was acknowledged.
 */
const writer = async (client: DynamoDBClient, name: string, acknowledged: Map<string, boolean>) => {
  let open: TransactWriteItemsCommandInput | undefined
  try {
    for (let i = 0; ; i += 1) {
      const id = `${name}-${i}`
      if (i % 3 === 0)
        await client.send(new PutItemCommand({ TableName: documents, Item: { id: S(id), due: S('today') } }))
      else {
        open = {
          ClientRequestToken: id,
          TransactItems: [
            { Put: { TableName: documents, Item: { id: S(id), due: S('today'), half: S('one') } } },
            { Put: { TableName: cells, Item: { id: S(id) } } },
            {
              Update: {
                TableName: documents,
                Key: { id: S(`count-${name}`) },
                UpdateExpression: 'ADD n :one',
                ExpressionAttributeValues: { ':one': { N: '1' } },
              },
            },
          ],
        }
        await client.send(new TransactWriteItemsCommand(open))
        open = undefined
      }
      acknowledged.set(id, true)
      if (i % 6 === 0) {
        acknowledged.delete(id)
        await client.send(new DeleteItemCommand({ TableName: documents, Key: { id: S(id) } }))
        acknowledged.set(id, false)
      }
    }
  } catch {
    // The server was killed; a transaction without an answer may have happened or not.
    return open
  }
}

test('eight kills part neither an item from its record and its index, nor the halves of a transaction', async () => {
  const stateDir = await temporaryDirectory()
  const acknowledged = new Map<string, boolean>()
  const lost: TransactWriteItemsCommandInput[] = []
  let server = await startProcess(stateDir)
  for (let kill = 0; kill < 8; kill += 1) {
    const before = acknowledged.size
    const writers = ['a', 'b', 'c', 'd'].map((name) => writer(server.client, `${kill}${name}`, acknowledged))
    // Killed in the middle of the writing, after another number of writes each time.
    await expect
      .poll(() => acknowledged.size, { interval: 1, timeout: 60_000 })
      .toBeGreaterThan(before + 5 + 3 * kill)
    await server.kill()
    const open = (await Promise.all(writers)).filter((input) => input !== undefined)
    lost.push(...open)
    server = await startProcess(stateDir)

    const items = await scan(server.client, documents)
    const replayed = [...replay(await recordsOf(server)).values()]
    expect(replayed.toSorted(byId)).toEqual(items.toSorted(byId))
    expect((await scan(server.client, documents, 'due')).toSorted(byId)).toEqual(
      items.filter((item) => item['due']).toSorted(byId),
    )
    const halves = items.flatMap((item) => (item['half'] ? [item['id']] : []))
    expect(new Set(halves)).toEqual(new Set((await scan(server.client, cells)).map((item) => item['id'])))
    const present = new Set(items.map((item) => item['id']?.S))
    const wrong = [...acknowledged].filter(([id, there]) => present.has(id) !== there)
    expect(wrong).toEqual([])

    // A client that repeats what got no answer, with the same token, has done it once.
    for (const input of open) await server.client.send(new TransactWriteItemsCommand(input))
    const after = await scan(server.client, documents)
    for (const counter of after.filter((item) => item['n'])) {
      const name = counter['id']?.S?.slice('count-'.length) ?? ''
      const done = after.filter((item) => item['half'] && item['id']?.S?.startsWith(`${name}-`))
      expect(counter['n']?.N).toBe(String(done.length))
    }
  }
  expect(lost.length).toBeGreaterThan(2)
  expect(acknowledged.size).toBeGreaterThan(100)
  await server.kill()
})
