import db, { type DynaliteError, type Item, type Store } from 'dynalite/db/index.js'
import validations, { type Rules } from 'dynalite/validations/index.js'
import { createRequire } from 'node:module'
import { AwsJsonError } from '../json-protocol.ts'

/**
 * The parts of dynalite that this emulator is built of: its parsers, its checks and its actions over a store.
 */

type Action = (store: Store, data: Data, done: (error: unknown, answer?: unknown) => void) => void

/** A checked request. dynalite's checks add the parsed expressions to it. */
export type Data = Record<string, unknown> & {
  readonly TableName: string
  readonly Key?: Item
  readonly Item?: Item
}

const require = createRequire(import.meta.url)

/** What dynalite has an action for. */
export const operations = [
  'BatchGetItem',
  'BatchWriteItem',
  'CreateTable',
  'DeleteItem',
  'DeleteTable',
  'DescribeTable',
  'GetItem',
  'ListTables',
  'ListTagsOfResource',
  'PutItem',
  'Query',
  'Scan',
  'TagResource',
  'UntagResource',
  'UpdateItem',
  'UpdateTable',
] as const
export type Operation = (typeof operations)[number]

const actions = new Map<Operation, Action>()
const rules = new Map<Operation, Rules>()

const loaded = <Part>(parts: Map<Operation, Part>, folder: string, operation: Operation): Part => {
  const file = operation.charAt(0).toLowerCase() + operation.slice(1)
  const part = parts.get(operation) ?? (require(`dynalite/${folder}/${file}`) as Part)
  parts.set(operation, part)
  return part
}

const isDynaliteError = (error: unknown): error is DynaliteError =>
  error instanceof Error && 'body' in error && 'statusCode' in error

/** An error of dynalite as the protocol's; anything else stays what it is. */
const translated = (error: unknown): unknown => {
  if (!isDynaliteError(error)) return error
  const code = error.body.__type.split('#').at(-1) ?? error.body.__type
  return new AwsJsonError(code, error.body.message ?? error.body.Message ?? '', { status: error.statusCode })
}

/**
 * Checks a request as dynalite does. `extra`: members that dynalite does not know and would drop.
 * @throws AwsJsonError `SerializationException` or `ValidationException`.
 */
export const checked = (
  store: Store,
  operation: Operation,
  input: unknown,
  extra: Rules['types'] = {},
): Data => {
  const { types, custom } = loaded(rules, 'validations', operation)
  const all = { ...types, ...extra }
  try {
    // The check takes members out of what it is given.
    const data = validations.checkTypes(structuredClone(input ?? {}), all)
    validations.checkValidations(data, all, custom, store)
    return data as Data
  } catch (error) {
    throw translated(error)
  }
}

/** Runs one of dynalite's actions over `store`. @throws AwsJsonError for what DynamoDB refuses. */
export const act = (store: Store, operation: Operation, data: Data): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const done = (error: unknown, answer?: unknown): void => {
      if (error === null || error === undefined) resolve(answer)
      else reject(translated(error))
    }
    loaded(actions, 'actions', operation)(store, data, done)
  })

/** What is wrong with the key of a request, or nothing. */
export const keyProblem = (
  data: Data,
  table: Parameters<typeof db.validateKey>[1],
): AwsJsonError | undefined => {
  const problem = data.Item ? db.validateItem(data.Item, table) : db.validateKey(data.Key ?? {}, table)
  return problem ? (translated(problem) as AwsJsonError) : undefined
}
