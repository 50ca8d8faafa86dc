import type { TableDescription } from 'dynalite/db/index.js'
import * as z from 'zod/mini'
import { AwsJsonError, parseInput } from '../json-protocol.ts'
import { act, checked } from './dynalite.ts'
import type { ItemStore } from './item-store.ts'

const viewTypes = ['NEW_AND_OLD_IMAGES', 'NEW_IMAGE', 'OLD_IMAGE', 'KEYS_ONLY'] as const

/**
 * What dynalite would drop from a request: the wish for a stream, and where it is kept in the description.
 */
const streamMembers = {
  StreamSpecification: {
    type: 'FieldStruct<StreamSpecification>',
    children: { StreamEnabled: 'Boolean', StreamViewType: { type: 'String', enum: viewTypes } },
  },
  LatestStreamArn: 'String',
  LatestStreamLabel: 'String',
}

const specification = z.object({ StreamEnabled: z.boolean(), StreamViewType: z.optional(z.enum(viewTypes)) })
const createInput = z.looseObject({
  TableName: z.string(),
  StreamSpecification: z.optional(specification),
})
const updateInput = z.looseObject({
  TableName: z.string(),
  StreamSpecification: z.optional(specification),
})

const invalid = (message: string): AwsJsonError => new AwsJsonError('ValidationException', message)

/** The members of a table description that say that it has a stream, which begins now. */
const newStream = (
  store: ItemStore,
  table: string,
  wish: z.infer<typeof specification>,
): Pick<TableDescription, 'StreamSpecification' | 'LatestStreamArn' | 'LatestStreamLabel'> => {
  if (wish.StreamViewType === undefined)
    throw invalid('StreamViewType is required when StreamEnabled is true')
  const { awsRegion, awsAccountId } = store.dynalite.tableDb
  const arnOf = (label: string): string =>
    `arn:aws:dynamodb:${awsRegion}:${awsAccountId}:table/${table}/stream/${label}`
  const label = store.records.newLabel(arnOf)
  return {
    StreamSpecification: { StreamEnabled: true, StreamViewType: wish.StreamViewType },
    LatestStreamArn: arnOf(label),
    LatestStreamLabel: label,
  }
}

/** CreateTable, with a stream when one is asked for. */
export const createTable = (store: ItemStore, input: unknown): Promise<unknown> => {
  const { StreamSpecification: wish, ...rest } = parseInput(createInput, input)
  const stream = wish?.StreamEnabled === true ? newStream(store, rest.TableName, wish) : {}
  const data = checked(store.dynalite, 'CreateTable', { ...rest, ...stream }, streamMembers)
  return act(store.dynalite, 'CreateTable', data)
}

/** UpdateTable. A stream is turned on or off by a request of its own. */
export const updateTable = (store: ItemStore, input: unknown): Promise<unknown> => {
  const { StreamSpecification: wish, TableName: name, ...rest } = parseInput(updateInput, input)
  if (!wish) return act(store.dynalite, 'UpdateTable', checked(store.dynalite, 'UpdateTable', input))
  const others = Object.keys(rest).filter((member) => member !== 'AttributeDefinitions')
  if (others.length > 0)
    throw invalid(`The local DynamoDB changes a stream alone, not together with ${others.join(', ')}`)
  return switchStream(store, name, wish)
}

const switchStream = async (
  store: ItemStore,
  name: string,
  wish: z.infer<typeof specification>,
): Promise<unknown> => {
  const table = store.table(name)
  if (!table)
    throw new AwsJsonError(
      'ResourceNotFoundException',
      `Requested resource not found: Table: ${name} not found`,
    )
  if (table.TableStatus !== 'ACTIVE')
    throw new AwsJsonError('ResourceInUseException', `The table ${name} is ${table.TableStatus}`)
  const enabled = table.StreamSpecification?.StreamEnabled === true
  if (enabled && wish.StreamEnabled) throw invalid(`Table already has an enabled stream: TableName: ${name}`)
  if (!enabled && !wish.StreamEnabled) throw invalid(`Table has no enabled stream: TableName: ${name}`)
  const { StreamSpecification: _, ...rest } = table
  const next = { ...rest, ...(wish.StreamEnabled ? newStream(store, name, wish) : {}) }
  await new Promise<void>((resolve, reject) => {
    store.dynalite.tableDb.put(name, next, (error) => (error ? reject(error) : resolve()))
  })
  return { TableDescription: next }
}
