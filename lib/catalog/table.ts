import type { TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb'
import type { Dynamo } from '../aws/dynamo.ts'
import {
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  UpdateCommand,
} from '../aws/dynamo.ts'
import * as z from 'zod/mini'
import { ServiceError } from '../errors.ts'
import type { Owner, UserId } from '../ids.ts'
import { parseConnectionId, parseUserKey, userId } from '../ids.ts'

/** What a row's write depends on; `names` and `values` are DynamoDB expression attributes. */
export interface Condition {
  readonly expression: string
  readonly names?: Readonly<Record<string, string>>
  readonly values?: Readonly<Record<string, unknown>>
}

/** What an update does to a row; a row that is not there is made of it. */
export interface UpdateParts {
  /** Attributes with their new values. */
  readonly set?: Readonly<Record<string, unknown>>
  /** Attributes that keep the value they have, and get this one when they have none. */
  readonly initial?: Readonly<Record<string, unknown>>
  /** Counters that grow by one, from 0 when they are not there. */
  readonly count?: readonly string[]
  readonly remove?: readonly string[]
  readonly condition?: Condition
}

export interface Page<Row> {
  readonly rows: readonly Row[]
  /** Where the next page starts; undefined at the end. */
  readonly nextKey?: Readonly<Record<string, unknown>>
}

/** A write that happens together with others, or not at all. */
export type TogetherWrite = NonNullable<TransactWriteCommandInput['TransactItems']>[number]

export interface RowTable<Row> {
  /** Strongly consistent. */
  get(key: Readonly<Record<string, unknown>>): Promise<Row | undefined>
  /** False when the condition did not hold. */
  put(item: object, condition?: Condition): Promise<boolean>
  /** The same write, to be done together with others. */
  putTogether(item: object, condition: Condition): TogetherWrite
  /** The changed row; undefined when the condition did not hold. */
  update(key: Readonly<Record<string, unknown>>, parts: UpdateParts): Promise<Row | undefined>
  /** False when the condition did not hold; a missing row is deleted already. */
  delete(key: Readonly<Record<string, unknown>>, condition?: Condition): Promise<boolean>
  query(query: {
    readonly index?: string
    readonly keyCondition: Condition
    readonly filter?: Condition
    readonly limit?: number
    readonly startKey?: Readonly<Record<string, unknown>>
  }): Promise<Page<Row>>
  /** All rows, in no order; each page is as large as DynamoDB makes it. */
  scan(startKey?: Page<Row>['nextKey']): Promise<Page<Row>>
}

const checked = <Id>(parse: (text: string) => Id | undefined) =>
  z.custom<Id>((value) => typeof value === 'string' && parse(value) !== undefined)

/** Ids as rows hold them. */
export const idFields = {
  userKey: checked(parseUserKey),
  userId: checked(userId),
  connectionId: checked(parseConnectionId),
}

/** Reads stored items by their schema; `internal_error` for one that is none of ours, naming it `what`. */
export function rowParser<Schema extends z.ZodMiniType>(
  what: string,
  schema: Schema,
): (item: unknown) => z.output<Schema> {
  return (item) => {
    const parsed = schema.safeParse(item)
    if (parsed.success) return parsed.data
    const field = parsed.error.issues[0]?.path.join('.') ?? 'its root'
    throw new ServiceError('internal_error', `A stored ${what} is malformed at ${field}.`)
  }
}

/** A row belongs to whom its whole user id says: its key alone decides nothing. */
export function isOwnedBy(owner: Owner): (row: { readonly userId: UserId }) => boolean {
  return (row) => row.userId === owner.userId
}

const names = (error: unknown): string => (error instanceof Error ? error.name : '')

/** AWS failures as ours. The SDK has retried already: what is left is a short wait or the operator's. */
export function catalogError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  const name = names(error)
  const busy = [
    'ThrottlingException',
    'ProvisionedThroughputExceededException',
    'RequestLimitExceeded',
    'TimeoutError',
    'InternalServerError',
    'TransactionInProgressException',
  ]
  if (busy.includes(name)) {
    return new ServiceError('provider_unavailable', 'The catalog is busy. Try again.', {
      retry: { retryable: true, afterSeconds: 1 },
      cause: error,
    })
  }
  return new ServiceError('internal_error', 'The catalog could not be read or written.', {
    context: { providerCode: name },
    cause: error,
  })
}

/** The answer; undefined when the condition did not hold. */
async function conditional<Answer>(send: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await send()
  } catch (error) {
    // A row in somebody's transaction is being changed: whoever looks again sees how.
    if (/^(ConditionalCheckFailed|TransactionConflict)Exception$/.test(names(error))) return undefined
    throw catalogError(error)
  }
}

/** DynamoDB refuses an empty map of names. */
function attributeNames(attributes: Record<string, string>) {
  return Object.keys(attributes).length === 0 ? {} : { ExpressionAttributeNames: attributes }
}

function conditionFields(condition: Condition | undefined) {
  if (condition === undefined) return {}
  return {
    ConditionExpression: condition.expression,
    ...(condition.names === undefined ? {} : { ExpressionAttributeNames: { ...condition.names } }),
    ...(condition.values === undefined ? {} : { ExpressionAttributeValues: { ...condition.values } }),
  }
}

function updateFields({ set = {}, initial = {}, count = [], remove = [], condition }: UpdateParts) {
  const names: Record<string, string> = { ...condition?.names }
  const values: Record<string, unknown> = { ...condition?.values }
  const named = (name: string): string => {
    names[`#_${name}`] = name
    return `#_${name}`
  }
  const valued = (name: string, value: unknown): string => {
    values[`:_${name}`] = value
    return `:_${name}`
  }
  const assigned = [
    ...Object.entries(set)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${named(name)} = ${valued(name, value)}`),
    ...Object.entries(initial).map(
      ([name, value]) => `${named(name)} = if_not_exists(${named(name)}, ${valued(name, value)})`,
    ),
  ]
  const clauses = [
    ['SET', assigned],
    ['ADD', count.map((name) => `${named(name)} ${valued('one', 1)}`)],
    ['REMOVE', remove.map(named)],
  ] as const
  return {
    UpdateExpression: clauses
      .filter(([, parts]) => parts.length > 0)
      .map(([clause, parts]) => `${clause} ${parts.join(', ')}`)
      .join(' '),
    ...(condition === undefined ? {} : { ConditionExpression: condition.expression }),
    ExpressionAttributeNames: names,
    ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
  }
}

/** A DynamoDB table of rows that `parse` narrows; every read of a single row is strongly consistent. */
export function rowTable<Row extends object>(
  client: Dynamo,
  tableName: string,
  parse: (item: unknown) => Row,
): RowTable<Row> {
  const page = async (command: QueryCommand | ScanCommand): Promise<Page<Row>> => {
    try {
      const { Items = [], LastEvaluatedKey: nextKey } =
        command instanceof QueryCommand ? await client.send(command) : await client.send(command)
      const rows = Items.map(parse)
      return nextKey === undefined ? { rows } : { rows, nextKey }
    } catch (error) {
      throw catalogError(error)
    }
  }
  return {
    async get(key) {
      try {
        const { Item } = await client.send(
          new GetCommand({ TableName: tableName, Key: key, ConsistentRead: true }),
        )
        return Item === undefined ? undefined : parse(Item)
      } catch (error) {
        throw catalogError(error)
      }
    },
    async put(item, condition) {
      const put = new PutCommand({ TableName: tableName, Item: item, ...conditionFields(condition) })
      return (await conditional(() => client.send(put))) !== undefined
    },
    putTogether: (item, condition) => ({
      Put: { TableName: tableName, Item: { ...item }, ...conditionFields(condition) },
    }),
    async update(key, parts) {
      const update = new UpdateCommand({
        TableName: tableName,
        Key: key,
        ...updateFields(parts),
        ReturnValues: 'ALL_NEW',
      })
      const answer = await conditional(() => client.send(update))
      return answer === undefined ? undefined : parse(answer.Attributes)
    },
    async delete(key, condition) {
      const deletion = new DeleteCommand({ TableName: tableName, Key: key, ...conditionFields(condition) })
      return (await conditional(() => client.send(deletion))) !== undefined
    },
    query({ index, keyCondition, filter, limit, startKey }) {
      return page(
        new QueryCommand({
          TableName: tableName,
          ...(index === undefined ? { ConsistentRead: true } : { IndexName: index }),
          KeyConditionExpression: keyCondition.expression,
          ...(filter === undefined ? {} : { FilterExpression: filter.expression }),
          ...attributeNames({ ...keyCondition.names, ...filter?.names }),
          ExpressionAttributeValues: { ...keyCondition.values, ...filter?.values },
          ...(limit === undefined ? {} : { Limit: limit }),
          ...(startKey === undefined ? {} : { ExclusiveStartKey: { ...startKey } }),
        }),
      )
    },
    scan: (startKey) =>
      page(
        new ScanCommand({
          TableName: tableName,
          ...(startKey === undefined ? {} : { ExclusiveStartKey: { ...startKey } }),
        }),
      ),
  }
}
