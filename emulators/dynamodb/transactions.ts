import db, { type Item, type Store, type TableDescription } from 'dynalite/db/index.js'
import { createHash } from 'node:crypto'
import * as z from 'zod/mini'
import type { Clock } from '../clock.ts'
import { AwsJsonError, parseInput } from '../json-protocol.ts'
import type { Change } from './change-records.ts'
import { act, checked, keyProblem, type Data, type Operation } from './dynalite.ts'
import type { ItemStore } from './item-store.ts'

/**
 * Which of dynalite's actions checks and computes what; a condition
 * check is a deletion that is not carried out.
 */
const operationOf = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'DeleteItem',
} as const satisfies Record<string, Operation>
type Kind = keyof typeof operationOf

const maxItems = 100
const maxBytes = 4 * 1024 * 1024
const tokenLifeMs = 10 * 60 * 1000

const part = z.record(z.string(), z.unknown())
const entries = z.array(part).check(z.minLength(1), z.maxLength(maxItems))
const writeInput = z.object({
  TransactItems: entries,
  ClientRequestToken: z.optional(z.string().check(z.minLength(1), z.maxLength(36))),
})
const readInput = z.object({ TransactItems: entries })
const seenToken = z.object({ parameters: z.string(), until: z.number() })

/** Why an item kept a transaction from happening; `None` for those that did not. */
interface Reason {
  readonly Code: string
  readonly Message?: string
  readonly Item?: Item
}

interface Step {
  readonly kind: Kind
  readonly table: TableDescription
  readonly data: Data
  readonly wantsItem: boolean
}

const none: Reason = { Code: 'None' }

const invalid = (message: string): AwsJsonError => new AwsJsonError('ValidationException', message)

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html */
const cancelled = (reasons: readonly Reason[]): AwsJsonError =>
  new AwsJsonError(
    'TransactionCanceledException',
    `Transaction cancelled, please refer cancellation reasons for specific reasons [${reasons.map(({ Code }) => Code).join(', ')}]`,
    { details: { CancellationReasons: reasons } },
  )

const reasonOf = (error: unknown, before: Item | undefined, wantsItem: boolean): Reason => {
  if (!(error instanceof AwsJsonError)) throw error
  if (error.code === 'ValidationException') return { Code: 'ValidationError', Message: error.message }
  if (error.code !== 'ConditionalCheckFailedException') throw error
  return {
    Code: 'ConditionalCheckFailed',
    Message: error.message,
    ...(wantsItem && before ? { Item: before } : {}),
  }
}

/**
 * What an action would write, tried on a store that holds one item
 * and no lock, and keeps its hands off the disk.
 */
const outcomeOf = async (
  store: Store,
  { kind, table, data }: Step,
  before: Item | undefined,
): Promise<Item | undefined> => {
  let after = before
  const items = {
    ...store.getItemDb(table.TableName),
    lock: (_key: string, run: (release: <Done>(done: Done) => Done) => void) => run((done) => done),
    get: (_key: string, done: (error: unknown, value?: unknown) => void) =>
      done(null, structuredClone(before)),
    put: (_key: string, value: unknown, done: (error: unknown) => void) => {
      after = value as Item
      done(null)
    },
    del: (_key: string, done: (error: unknown) => void) => {
      after = undefined
      done(null)
    },
  } as ReturnType<Store['getItemDb']>
  await act({ ...store, getItemDb: () => items }, operationOf[kind], data)
  return kind === 'ConditionCheck' ? before : after
}

/** Transactions over dynalite: all conditions under the locks of all items, all writes in one batch. */
export class Transactions {
  readonly #store: ItemStore
  readonly #clock: Clock
  readonly #underWay = new Set<string>()

  constructor(store: ItemStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** TransactWriteItems. @throws AwsJsonError `TransactionCanceledException` with a reason for each item. */
  async write(input: unknown): Promise<unknown> {
    const { TransactItems, ClientRequestToken: token } = parseInput(writeInput, input)
    const steps = TransactItems.map((entry) => this.#step(entry))
    if (token === undefined) {
      await this.#perform(steps, [])
      return {}
    }
    if (this.#underWay.has(token))
      throw new AwsJsonError(
        'TransactionInProgressException',
        'The transaction with the given request token is already in progress.',
      )
    this.#underWay.add(token)
    try {
      await this.#once(token, createHash('sha256').update(JSON.stringify(TransactItems)).digest('hex'), steps)
      return {}
    } finally {
      this.#underWay.delete(token)
    }
  }

  /** TransactGetItems: all items as they stood at one moment. */
  async read(input: unknown): Promise<unknown> {
    const wanted = parseInput(readInput, input).TransactItems.map((entry) => {
      const [kind, raw] = soleMember(entry)
      if (kind !== 'Get') throw invalid('Only Get is allowed in TransactGetItems')
      const data = checked(this.#store.dynalite, 'GetItem', raw)
      const table = this.#table(data)
      const problem = keyProblem(data, table)
      if (problem) throw problem
      return { data, key: db.createKey(data.Key ?? {}, table) }
    })
    const items = await this.#store.whileQuiet(() =>
      Promise.all(wanted.map(({ data, key }) => this.#store.read(data.TableName, key))),
    )
    return { Responses: wanted.map(({ data }, index) => ({ Item: projected(data, items[index]) })) }
  }

  /** Forgets the request tokens whose ten minutes are over. */
  async forget(): Promise<void> {
    const now = this.#clock()
    const { db: level } = this.#store.dynalite
    const old: string[] = []
    for await (const [key, value] of level.iterator({ gte: 'token~', lt: 'token~~' }))
      if (seenToken.parse(value).until < now) old.push(key)
    await this.#store.commit(() => old.map((key) => ({ type: 'del', key })))
  }

  /** A repeated request with the same token does nothing and answers as the first one did. */
  async #once(token: string, parameters: string, steps: readonly Step[]): Promise<void> {
    const seen = seenToken.safeParse(await this.#store.dynalite.db.get(`token~${token}`))
    if (!seen.success || seen.data.until < this.#clock()) {
      const value = { parameters, until: this.#clock() + tokenLifeMs }
      return this.#perform(steps, [{ type: 'put', key: `token~${token}`, value }])
    }
    if (seen.data.parameters !== parameters)
      throw new AwsJsonError(
        'IdempotentParameterMismatchException',
        'The request used the same client token as an earlier one with other parameters.',
      )
  }

  #table({ TableName: name }: Data): TableDescription {
    const table = this.#store.table(name)
    if (!table) throw new AwsJsonError('ResourceNotFoundException', 'Requested resource not found')
    return table
  }

  #step(entry: Readonly<Record<string, unknown>>): Step {
    const [kind, raw] = soleMember(entry)
    if (!(kind in operationOf))
      throw invalid(`A transaction has Put, Update, Delete or ConditionCheck, not ${kind}`)
    const known = kind as Kind
    const data = checked(this.#store.dynalite, operationOf[known], raw)
    if (known === 'ConditionCheck' && typeof data['ConditionExpression'] !== 'string')
      throw invalid('A ConditionCheck needs a ConditionExpression')
    const wish = part.safeParse(raw).data?.['ReturnValuesOnConditionCheckFailure']
    return { kind: known, table: this.#table(data), data, wantsItem: wish === 'ALL_OLD' }
  }

  async #perform(steps: readonly Step[], extra: Parameters<ItemStore['write']>[1]): Promise<void> {
    const problems = steps.map(({ data, table }) => keyProblem(data, table))
    if (problems.some(Boolean))
      throw cancelled(problems.map((problem) => (problem ? reasonOf(problem, undefined, false) : none)))
    const items = steps.map(({ data, table }) => ({
      table: table.TableName,
      key: db.createKey(data.Item ?? data.Key ?? {}, table),
    }))
    if (new Set(items.map(({ table, key }) => `${table}~${key}`)).size < items.length)
      throw invalid('Transaction request cannot include multiple operations on one item')
    await this.#store.locked(items, async () => {
      const changes: Change[] = []
      const reasons: Reason[] = []
      for (const [index, step] of steps.entries()) {
        const { table = '', key = '' } = items[index] ?? {}
        const before = await this.#store.read(table, key)
        try {
          const after = await outcomeOf(this.#store.dynalite, step, before)
          reasons.push(none)
          if (step.kind !== 'ConditionCheck') changes.push({ table, key, before, after })
        } catch (error) {
          reasons.push(reasonOf(error, before, step.wantsItem))
        }
      }
      if (reasons.some((reason) => reason !== none)) throw cancelled(reasons)
      const bytes = changes.reduce((sum, { before, after }) => sum + db.itemSize(after ?? before ?? {}), 0)
      if (bytes > maxBytes) throw invalid('The items of a transaction must not be over 4 MB together')
      await this.#store.write(changes, extra)
    })
  }
}

/** The one member of an entry, which says what is to be done. */
const soleMember = (entry: Readonly<Record<string, unknown>>): readonly [string, unknown] => {
  const members = Object.entries(entry).filter(([, value]) => value !== null && value !== undefined)
  const [only] = members
  if (only === undefined || members.length > 1)
    throw invalid('TransactItems can only contain one of Check, Put, Update or Delete')
  return only
}

const projected = (data: Data, item: Item | undefined): Item | undefined => {
  const { _projection: projection } = data
  const { data: parsed } = z.object({ paths: z.array(z.unknown()) }).safeParse(projection)
  return item && parsed ? db.mapPaths(parsed.paths, item) : item
}
