import { region } from './account.ts'
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  DynamoDBServiceException,
  ResourceNotFoundException,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
  type KeySchemaElement,
  type ProvisionedThroughput,
  type TableDescription,
} from '@aws-sdk/client-dynamodb'
import { setTimeout as pause } from 'node:timers/promises'

/** A table as data; every key attribute is a string. */
export interface TableDefinition {
  readonly name: string
  readonly partitionKey: string
  readonly sortKey?: string
  /** Holds epoch seconds. */
  readonly ttlAttribute?: string
  readonly indexes?: readonly IndexDefinition[]
}

export interface IndexDefinition {
  readonly name: string
  readonly partitionKey: string
  readonly sortKey?: string
}

type Keys = Pick<TableDefinition, 'partitionKey' | 'sortKey'>

const keySchema = ({ partitionKey, sortKey }: Keys): KeySchemaElement[] => [
  { AttributeName: partitionKey, KeyType: 'HASH' },
  ...(sortKey === undefined ? [] : [{ AttributeName: sortKey, KeyType: 'RANGE' as const }]),
]

const attributes = (keys: readonly Keys[]) => {
  const names = new Set(keys.flatMap(({ partitionKey, sortKey }) => [partitionKey, sortKey]))
  return [...names].flatMap((name) =>
    name === undefined ? [] : [{ AttributeName: name, AttributeType: 'S' as const }],
  )
}

const globalIndex = (index: IndexDefinition) => ({
  IndexName: index.name,
  KeySchema: keySchema(index),
  Projection: { ProjectionType: 'ALL' as const },
})

const describe = async (client: DynamoDBClient, name: string): Promise<TableDescription | undefined> => {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: name }))).Table
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined
    throw error
  }
}

const isActive = (table: TableDescription | undefined): boolean =>
  table?.TableStatus === 'ACTIVE' &&
  (table.GlobalSecondaryIndexes ?? []).every(
    (index) => index.IndexStatus === undefined || index.IndexStatus === 'ACTIVE',
  )

const untilActive = async (client: DynamoDBClient, name: string): Promise<TableDescription> => {
  for (;;) {
    const table = await describe(client, name)
    if (table && isActive(table)) return table
    await pause(20)
  }
}

const create = async (client: DynamoDBClient, definition: TableDefinition): Promise<void> => {
  const indexes = definition.indexes ?? []
  await client.send(
    new CreateTableCommand({
      TableName: definition.name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: attributes([definition, ...indexes]),
      KeySchema: keySchema(definition),
      ...(indexes.length > 0 ? { GlobalSecondaryIndexes: indexes.map(globalIndex) } : {}),
    }),
  )
}

const addIndex = async (client: DynamoDBClient, table: string, index: IndexDefinition): Promise<void> => {
  const update = (throughput: { ProvisionedThroughput?: ProvisionedThroughput }) =>
    new UpdateTableCommand({
      TableName: table,
      AttributeDefinitions: attributes([index]),
      GlobalSecondaryIndexUpdates: [{ Create: { ...globalIndex(index), ...throughput } }],
    })
  try {
    await client.send(update({}))
  } catch (error) {
    if (!(error instanceof DynamoDBServiceException && error.name === 'ValidationException')) throw error
    // Where AWS refuses a throughput for an on-demand table, dynalite insists on one.
    await client.send(update({ ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 } }))
  }
}

const addMissingIndexes = async (client: DynamoDBClient, definition: TableDefinition): Promise<void> => {
  for (const index of definition.indexes ?? []) {
    const table = await untilActive(client, definition.name)
    if (table.GlobalSecondaryIndexes?.some((present) => present.IndexName === index.name) === true) continue
    await addIndex(client, definition.name, index)
  }
  await untilActive(client, definition.name)
}

const enableTimeToLive = async (client: DynamoDBClient, table: string, attribute: string): Promise<void> => {
  const current = await client.send(new DescribeTimeToLiveCommand({ TableName: table }))
  if (current.TimeToLiveDescription?.TimeToLiveStatus === 'ENABLED') return
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName: table,
      TimeToLiveSpecification: { Enabled: true, AttributeName: attribute },
    }),
  )
}

/**
 * Brings a DynamoDB to these tables: creates what is missing (tables, indexes, time-to-live), leaves the rest. May be
 * called at every start.
 */
export const createTables = async (
  endpoint: string,
  definitions: readonly TableDefinition[],
): Promise<void> => {
  const client = new DynamoDBClient({
    endpoint,
    region,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  })
  try {
    for (const definition of definitions) {
      if ((await describe(client, definition.name)) === undefined) await create(client, definition)
      await addMissingIndexes(client, definition)
      if (definition.ttlAttribute !== undefined)
        await enableTimeToLive(client, definition.name, definition.ttlAttribute)
    }
  } finally {
    client.destroy()
  }
}
