import { region } from './account.ts'
import type { Credentials } from './signature.ts'
import {
  CreateTableCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ResourceNotFoundException,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
  type KeySchemaElement,
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
  /** The table has a change stream with both images of each item. */
  readonly stream?: boolean
  readonly indexes?: readonly IndexDefinition[]
}

interface IndexDefinition {
  readonly name: string
  readonly partitionKey: string
  readonly sortKey?: string
  readonly keysOnly?: true
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
  Projection: { ProjectionType: index.keysOnly ? ('KEYS_ONLY' as const) : ('ALL' as const) },
})

const describe = async (client: DynamoDBClient, name: string): Promise<TableDescription | undefined> => {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: name }))).Table
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined
    throw error
  }
}

const bothImages = { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' } as const

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
      ...(definition.stream === true ? { StreamSpecification: bothImages } : {}),
    }),
  )
}

/**
 * dynalite cannot add an index to a table, so a state directory
 * from before the index was defined is of no use.
 */
const requireIndexes = (table: TableDescription, definition: TableDefinition): void => {
  const present = new Set(table.GlobalSecondaryIndexes?.map((index) => index.IndexName))
  const missing = definition.indexes?.find((index) => !present.has(index.name))
  if (missing)
    throw new Error(
      `the table ${definition.name} is from an earlier version and lacks the index ${missing.name}: \`npm run reset\` clears the local state`,
    )
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

/** A table from before its stream was defined gets one; what happened until then is told to nobody. */
const enableStream = async (client: DynamoDBClient, table: TableDescription): Promise<void> => {
  if (table.StreamSpecification?.StreamEnabled === true) return
  await client.send(new UpdateTableCommand({ TableName: table.TableName, StreamSpecification: bothImages }))
}

/**
 * Creates the tables that are missing, with their indexes, and turns streams and time-to-live on
 * where they are off. May be called at every start. Throws when a table that is there lacks an index.
 */
export const createTables = async (
  endpoint: string,
  definitions: readonly TableDefinition[],
  credentials: Credentials = { accessKeyId: 'local', secretAccessKey: 'local' },
): Promise<void> => {
  const client = new DynamoDBClient({ endpoint, region, credentials })
  try {
    for (const definition of definitions) {
      if ((await describe(client, definition.name)) === undefined) await create(client, definition)
      const table = await untilActive(client, definition.name)
      requireIndexes(table, definition)
      if (definition.stream === true) await enableStream(client, table)
      if (definition.ttlAttribute !== undefined)
        await enableTimeToLive(client, definition.name, definition.ttlAttribute)
    }
  } finally {
    client.destroy()
  }
}
