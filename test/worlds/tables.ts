import { marshall } from '@aws-sdk/util-dynamodb'
import type { TableDefinition } from '../../lib/contract/tables.ts'
import { tables as definitions } from '../../lib/contract/tables.ts'
import type { Attributes, Item } from './expressions.ts'
import { changeOf, copy, ExpressionError, testOf, textOf } from './expressions.ts'

interface Input extends Item {
  readonly TableName?: string
}
export interface Command {
  readonly constructor: { readonly name: string }
  readonly input: Input
}

/** One write of a table with a change stream. */
export interface StreamRecord {
  readonly table: string
  readonly key: string
  readonly sequence: number
  readonly before: Item | undefined
  readonly after: Item | undefined
}

class ConditionFailed extends Error {
  override readonly name = 'ConditionalCheckFailedException'
}

class TransactionCanceled extends Error {
  override readonly name = 'TransactionCanceledException'
  readonly CancellationReasons: readonly { readonly Code: string }[]
  constructor(reasons: readonly { readonly Code: string }[]) {
    super('Transaction cancelled')
    this.CancellationReasons = reasons
  }
}

const definitionOf = new Map<string, TableDefinition>(definitions.map((table) => [table.name, table]))
const byBytes = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other))

/** The tables, as far as the project asks of DynamoDB: rows under conditions, queries, scans, streams. */
export class Tables {
  readonly rows: Map<string, Map<string, Item>>
  readonly #onWrite: (record: StreamRecord) => void
  #sequence = 0
  readonly #doneTogether = new WeakSet<Input>()

  constructor(rows: Map<string, Map<string, Item>>, onWrite: (record: StreamRecord) => void) {
    this.rows = rows
    this.#onWrite = onWrite
  }

  /** Every row of a table, for whoever looks from outside. */
  all(table: string): Item[] {
    return [...(this.rows.get(table)?.values() ?? [])]
  }

  /** @throws what the SDK would, by its name. */
  run({ constructor, input }: Command): Item {
    const run = this.#operations[constructor.name]
    if (run === undefined) throw new Error(`${constructor.name} is not played here.`)
    refuseUnused(input)
    return run(input)
  }

  readonly #operations: Readonly<Record<string, (input: Input) => Item>> = {
    GetCommand: (input) => {
      const found = this.#table(input).get(keyOf(input, input['Key'] as Item))
      return found === undefined ? {} : { Item: copy(found) }
    },
    BatchGetCommand: (input) => {
      const wanted = Object.entries(input['RequestItems'] as Record<string, { readonly Keys: Item[] }>)
      const found = wanted.map(([TableName, { Keys }]) => [
        TableName,
        Keys.flatMap((Key) => this.#table({ TableName }).get(keyOf({ TableName }, Key)) ?? []).map(copy),
      ])
      return { Responses: Object.fromEntries(found) as Item, UnprocessedKeys: {} }
    },
    PutCommand: (input) => this.#write(input, input['Item'] as Item, () => copy(input['Item'] as Item)),
    DeleteCommand: (input) => this.#write(input, input['Key'] as Item, () => undefined),
    UpdateCommand: (input) =>
      this.#write(input, input['Key'] as Item, (before) =>
        changeOf(textOf(input['UpdateExpression'])).result(before ?? (input['Key'] as Item), given(input)),
      ),
    TransactWriteCommand: (input) => this.#together(input),
    QueryCommand: (input) => this.#pages(input, (item) => holds(input, 'KeyConditionExpression', item)),
    ScanCommand: (input) => this.#pages(input, () => true),
  }

  #table({ TableName = '' }: Input): Map<string, Item> {
    const found = this.rows.get(TableName) ?? new Map<string, Item>()
    this.rows.set(TableName, found)
    return found
  }

  /** All of the writes or none. The same request again has been done already. */
  #together(input: Input): Item {
    if (this.#doneTogether.has(input)) return {}
    const items = input['TransactItems'] as readonly Readonly<Record<string, Input>>[]
    const writes = items.flatMap((item) => Object.entries(item).map(([kind, write]) => ({ kind, write })))
    const reasons = writes.map(({ write }) => {
      const keyed = (write['Key'] ?? write['Item']) as Item
      const isMet = holds(write, 'ConditionExpression', this.#table(write).get(keyOf(write, keyed)))
      return { Code: isMet ? 'None' : 'ConditionalCheckFailed' }
    })
    if (reasons.some(({ Code }) => Code !== 'None')) throw new TransactionCanceled(reasons)
    for (const { kind, write } of writes)
      if (kind !== 'ConditionCheck') this.#operations[`${kind}Command`]?.(write)
    this.#doneTogether.add(input)
    return {}
  }

  #write(input: Input, keyed: Item, next: (before: Item | undefined) => Item | undefined): Item {
    const table = this.#table(input)
    const key = keyOf(input, keyed)
    const before = table.get(key)
    if (!holds(input, 'ConditionExpression', before))
      throw new ConditionFailed('The conditional request failed')
    const after = next(before)
    if (after === undefined) table.delete(key)
    else table.set(key, after)
    const { TableName = '' } = input
    if (definitionOf.get(TableName)?.stream === true && JSON.stringify(before) !== JSON.stringify(after)) {
      this.#sequence += 1
      this.#onWrite({ table: TableName, key, sequence: this.#sequence, before, after })
    }
    return input['ReturnValues'] === 'ALL_NEW' && after !== undefined ? { Attributes: copy(after) } : {}
  }

  #pages(input: Input, isWanted: (item: Item) => boolean): Item {
    const definition = definitionOf.get(input.TableName ?? '')
    const index = definition?.indexes?.find(({ name }) => name === input['IndexName'])
    if (input['IndexName'] !== undefined && index === undefined)
      throw new ExpressionError('The table does not have the specified index')
    const { partitionKey = '', sortKey = '' } = index ?? definition ?? {}
    const order = (item: Item): string[] => [
      textOf(item[partitionKey]),
      textOf(item[sortKey]),
      keyOf(input, item),
    ]
    const sorted = [...this.#table(input).values()]
      .filter((item) => (index === undefined || isIn(item, index)) && isWanted(item))
      .sort((one, other) => inOrder(order(one), order(other)))
    const start = input['ExclusiveStartKey'] as Item | undefined
    const rest = start ? sorted.filter((item) => inOrder(order(item), order(start)) > 0) : sorted
    const limit = Number(input['Limit'] ?? Number.POSITIVE_INFINITY)
    const page = rest.slice(0, limit)
    const last = page.at(-1)
    const keys = [partitionKey, sortKey, ...keyNames(input)].filter((name) => name !== '')
    const keysOf = (item: Item): Item => Object.fromEntries(keys.map((name) => [name, item[name]]))
    if (input['Select'] === 'COUNT') return { Count: page.length }
    return {
      Items: page
        .filter((item) => holds(input, 'FilterExpression', item))
        .map((item) => (index?.keysOnly === true ? keysOf(item) : copy(item))),
      ...(last !== undefined && page.length === limit ? { LastEvaluatedKey: keysOf(last) } : {}),
    }
  }
}

const isIn = (item: Item, { partitionKey, sortKey }: { partitionKey: string; sortKey?: string }): boolean =>
  item[partitionKey] !== undefined && (sortKey === undefined || item[sortKey] !== undefined)

function inOrder(one: readonly string[], other: readonly string[]): number {
  for (const [at, text] of one.entries()) {
    const order = byBytes(text, other[at] ?? '')
    if (order !== 0) return order
  }
  return 0
}

function keyNames({ TableName = '' }: Input): string[] {
  const { partitionKey = '', sortKey } = definitionOf.get(TableName) ?? {}
  return sortKey === undefined ? [partitionKey] : [partitionKey, sortKey]
}

const keyOf = (input: Input, item: Item): string =>
  keyNames(input)
    .map((name) => textOf(item[name]))
    .join(' ')

const given = (input: Input): Attributes => ({
  names: (input['ExpressionAttributeNames'] ?? {}) as Attributes['names'],
  values: (input['ExpressionAttributeValues'] ?? {}) as Attributes['values'],
})

const tests = ['ConditionExpression', 'KeyConditionExpression', 'FilterExpression'] as const

function holds(input: Input, kind: (typeof tests)[number], item: Item | undefined): boolean {
  const expression = input[kind]
  return typeof expression === 'string' ? testOf(expression).result(item, given(input)) : true
}

/** DynamoDB refuses names and values that no expression uses. */
function refuseUnused(input: Input): void {
  const { names, values } = given(input)
  const used = new Set<string>()
  for (const kind of tests) {
    const text = input[kind]
    if (typeof text === 'string') for (const name of testOf(text).used) used.add(name)
  }
  const update = input['UpdateExpression']
  if (typeof update === 'string') for (const name of changeOf(update).used) used.add(name)
  const spare = [...Object.keys(names), ...Object.keys(values)].find((name) => !used.has(name))
  if (spare !== undefined) throw new ExpressionError(`Value provided is unused in expressions: ${spare}`)
}

/** A record as Lambda hands it over. */
export function streamEvent({ sequence, before, after }: StreamRecord, now: number): Item {
  const eventName = before === undefined ? 'INSERT' : after === undefined ? 'REMOVE' : 'MODIFY'
  return {
    eventName,
    eventSource: 'aws:dynamodb',
    dynamodb: {
      ApproximateCreationDateTime: Math.floor(now / 1000),
      SequenceNumber: String(sequence).padStart(21, '0'),
      ...(after === undefined ? {} : { NewImage: marshall(after) }),
      ...(before === undefined ? {} : { OldImage: marshall(before) }),
    },
  }
}
