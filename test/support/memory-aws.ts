import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { Dynamo } from '../../lib/aws/dynamo.ts'
import { tables } from '../../lib/contract/tables.ts'

type Item = Readonly<Record<string, unknown>>
interface Command {
  readonly input: Item
}
type Run = (input: Item) => unknown

const keysOf = new Map(
  tables.map(({ name, partitionKey, sortKey }) => [
    name as string,
    [partitionKey, ...(sortKey === undefined ? [] : [sortKey])],
  ]),
)

const failure = (name: string): Error => Object.assign(new Error(name), { name })

/** As much of DynamoDB as the catalog asks for, in memory; tables as in `lib/contract/tables.ts`. */
export function memoryDynamo(): Dynamo {
  const rows = new Map<string, Map<string, Item>>()
  const tableOf = ({ TableName }: Item): Map<string, Item> => {
    const name = String(TableName)
    const found = rows.get(name) ?? new Map<string, Item>()
    rows.set(name, found)
    return found
  }
  const keyOf = (input: Item, item: Item): string =>
    JSON.stringify((keysOf.get(String(input['TableName'])) ?? []).map((name) => item[name]))
  const write = (input: Item, key: Item, next: (before: Item | undefined) => Item | undefined): Item => {
    const table = tableOf(input)
    const before = table.get(keyOf(input, key))
    const condition = input['ConditionExpression']
    if (typeof condition === 'string' && !holds(condition, before, input))
      throw failure('ConditionalCheckFailedException')
    const after = next(before)
    if (after === undefined) table.delete(keyOf(input, key))
    else table.set(keyOf(input, key), structuredClone(after))
    return { Attributes: after }
  }
  const runs: Readonly<Record<string, Run>> = {
    GetCommand: (input) => ({ Item: tableOf(input).get(keyOf(input, input['Key'] as Item)) }),
    BatchGetCommand: (input) => ({
      Responses: Object.fromEntries(
        Object.entries(input['RequestItems'] as Record<string, { readonly Keys: readonly Item[] }>).map(
          ([TableName, { Keys }]) => [
            TableName,
            Keys.flatMap((key) => tableOf({ TableName }).get(keyOf({ TableName }, key)) ?? []),
          ],
        ),
      ),
    }),
    PutCommand: (input) => write(input, input['Item'] as Item, () => input['Item'] as Item),
    DeleteCommand: (input) => write(input, input['Key'] as Item, () => undefined),
    UpdateCommand: (input) =>
      write(input, input['Key'] as Item, (before) => updated(before ?? (input['Key'] as Item), input)),
    TransactWriteCommand({ TransactItems }) {
      const puts = (TransactItems as readonly { readonly Put: Item }[]).map(({ Put }) => Put)
      // Nothing runs in between: tried first, each put holds when it is done.
      for (const put of puts) {
        const condition = put['ConditionExpression']
        const item = tableOf(put).get(keyOf(put, put['Item'] as Item))
        if (typeof condition === 'string' && !holds(condition, item, put))
          throw failure('ConditionalCheckFailedException')
      }
      for (const put of puts) write(put, put['Item'] as Item, () => put['Item'] as Item)
      return {}
    },
    QueryCommand: (input) => ({
      Items: [...tableOf(input).values()].filter((item) =>
        holds(String(input['KeyConditionExpression']), item, input),
      ),
    }),
  }
  return sending(runs) as unknown as Dynamo
}

/** Secrets Manager in memory, with what `secrets` begins with. */
export function memorySecrets(secrets: Map<string, string | Uint8Array>): SecretsManagerClient {
  const runs: Readonly<Record<string, Run>> = {
    GetSecretValueCommand({ SecretId }) {
      const value = secrets.get(String(SecretId))
      if (value === undefined) throw failure('ResourceNotFoundException')
      return typeof value === 'string' ? { SecretString: value } : { SecretBinary: value }
    },
    CreateSecretCommand({ Name, SecretBinary }) {
      secrets.set(String(Name), SecretBinary as Uint8Array)
      return {}
    },
  }
  return sending(runs) as unknown as SecretsManagerClient
}

function sending(runs: Readonly<Record<string, Run>>) {
  return {
    async send(command: Command): Promise<unknown> {
      const run = runs[command.constructor.name]
      if (run === undefined) throw new Error(`${command.constructor.name} is not played here.`)
      return structuredClone(run(command.input))
    },
  }
}

/** The names along `#outer.#inner`. */
function pathOf(input: Item, operand: string): string[] {
  const names = (input['ExpressionAttributeNames'] ?? {}) as Readonly<Record<string, string>>
  return operand.split('.').map((name) => names[name] ?? name)
}

/** The value of `:value`, of a path of names, or the size of a map, in an expression. */
function valueIn(input: Item, item: Item | undefined, operand: string): unknown {
  if (operand.startsWith(':')) return (input['ExpressionAttributeValues'] as Item)[operand]
  const sized = /^size\((.+)\)$/.exec(operand)?.[1]
  let value: unknown = item
  for (const name of pathOf(input, sized ?? operand)) value = (value as Item | undefined)?.[name]
  return sized === undefined || value === undefined ? value : Object.keys(value as Item).length
}

/**
 * Conditions as the catalog writes them: comparisons, size and
 * attribute_(not_)exists, under AND, OR and parentheses.
 */
function holds(expression: string, item: Item | undefined, input: Item): boolean {
  const tokens = expression.match(/\(|\)|\w+\([#\w.]+\)|<=|>=|=|<|>|[#:]?\w+(?:\.#\w+)*/g) ?? []
  const any = (): boolean => {
    let met = all()
    while (tokens[0] === 'OR') {
      tokens.shift()
      met = all() || met
    }
    return met
  }
  const all = (): boolean => {
    let met = one()
    while (tokens[0] === 'AND') {
      tokens.shift()
      met = one() && met
    }
    return met
  }
  const one = (): boolean => {
    const token = tokens.shift() ?? ''
    if (token === '(') {
      const met = any()
      tokens.shift()
      return met
    }
    const exists = /^attribute_(not_)?exists\((.+)\)$/.exec(token)
    if (exists) return (valueIn(input, item, exists[2] ?? '') === undefined) === (exists[1] !== undefined)
    const operator = tokens.shift() ?? ''
    return compare(valueIn(input, item, token), operator, valueIn(input, item, tokens.shift() ?? ''))
  }
  return any()
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  if (left === undefined) return false
  if (operator === '=') return left === right
  const [a, b] = [left as number, right as number]
  switch (operator) {
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
    default:
      throw new Error(`The operator ${operator} is not played here.`)
  }
}

/** Updates as the catalog writes them: SET with a value or if_not_exists, ADD of a number, REMOVE. */
function updated(before: Item, input: Item): Item {
  const after: Record<string, unknown> = structuredClone(before)
  const clauses = String(input['UpdateExpression']).matchAll(
    /(SET|ADD|REMOVE) (.*?)(?= (?:SET|ADD|REMOVE) |$)/g,
  )
  for (const [, clause, list = ''] of clauses) {
    for (const part of list.split(/, (?=[#\w])/)) {
      const [, left = '', given, fallback = ''] =
        /^(#?\w+(?:\.#\w+)*)(?: = | )?(?:(:\w+)|if_not_exists\(#\w+, (:\w+)\))?$/.exec(part) ?? []
      const [name = '', ...outer] = pathOf(input, left).toReversed()
      let holder = after
      for (const step of outer.toReversed()) holder = holder[step] as Record<string, unknown>
      const value = valueIn(input, before, given ?? fallback)
      if (clause === 'REMOVE') delete holder[name]
      else if (clause === 'ADD') holder[name] = Number(holder[name] ?? 0) + Number(value)
      else holder[name] = given === undefined ? (holder[name] ?? value) : value
    }
  }
  return after
}
