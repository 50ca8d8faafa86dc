import db, {
  type Item,
  type Step,
  type Store,
  type SubLevel,
  type TableDescription,
} from 'dynalite/db/index.js'
import { mkdirSync } from 'node:fs'
import { callbackify } from 'node:util'
import type { Clock } from '../clock.ts'
import { ChangeRecords, type Change } from './change-records.ts'

const indexSteps = (
  type: 'local' | 'global',
  table: TableDescription,
  { before, after }: Change,
): readonly Step[] => {
  const indexes = type === 'local' ? table.LocalSecondaryIndexes : table.GlobalSecondaryIndexes
  const { puts, deletes } = db.getIndexActions(indexes ?? [], before, after, table)
  const place = (index: string, key: string): string => `index-${type}~${table.TableName}~${index}~${key}`
  return [
    ...deletes.map(({ index, key }) => ({ type: 'del' as const, key: place(index, key) })),
    ...puts.map(({ index, key, item }) => ({ type: 'put' as const, key: place(index, key), value: item })),
  ]
}

const itemStep = ({ table, key, after }: Change): Step => {
  const place = `item-${table}~${key}`
  return after ? { type: 'put', key: place, value: after } : { type: 'del', key: place }
}

/**
 * dynalite's store with one thing changed: an item, its entries in indexes and
 * the record of its change are written in one LevelDB batch, and so are all
 * items of a transaction. A killed process leaves all of a batch or nothing.
 */
export class ItemStore {
  /** What dynalite's actions run on. */
  readonly dynalite: Store
  readonly records: ChangeRecords
  readonly #tables = new Map<string, TableDescription>()
  #tail: Promise<unknown> = Promise.resolve()

  private constructor(directory: string, clock: Clock) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const noDelay = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 }
    this.dynalite = db.create({ path: directory, ...noDelay })
    this.records = new ChangeRecords(this.dynalite.db, clock)
    this.#joinItems()
    this.#joinIndexes()
    this.#joinTables()
  }

  /** Opens, or makes, the store in `directory`. */
  static async open(directory: string, clock: Clock): Promise<ItemStore> {
    const store = new ItemStore(directory, clock)
    await store.dynalite.db.open()
    for await (const [, value] of store.dynalite.db.iterator({ gte: 'table~', lt: 'table~~' })) {
      const table = value as TableDescription
      store.#tables.set(table.TableName, table)
    }
    await store.records.open()
    return store
  }

  close(): Promise<void> {
    return this.#tail.then(() => this.dynalite.db.close())
  }

  tables(): readonly TableDescription[] {
    return [...this.#tables.values()]
  }

  table(name: string): TableDescription | undefined {
    return this.#tables.get(name)
  }

  async read(table: string, key: string): Promise<Item | undefined> {
    return (await this.dynalite.db.get(`item-${table}~${key}`)) as Item | undefined
  }

  /** All items of a table, each with its key, while others may write. */
  async *items(table: string): AsyncIterable<readonly [string, Item]> {
    const prefix = `item-${table}~`
    for await (const [key, value] of this.dynalite.db.iterator({ gte: prefix, lt: `${prefix}~` }))
      yield [key.slice(prefix.length), value as Item]
  }

  /** Writes all of `changes` and `extra`, or nothing. The caller holds the locks of the items. */
  write(changes: readonly Change[], extra: readonly Step[] = []): Promise<void> {
    return this.commit(() => [...changes.flatMap((change) => this.#steps(change)), ...extra])
  }

  /** One batch after the other: so records become visible in the order of their sequence numbers. */
  commit(steps: () => readonly Step[] | Promise<readonly Step[]>): Promise<void> {
    const done = this.#tail.then(async () => this.dynalite.db.batch(await steps()))
    this.#tail = done.catch(() => undefined)
    return done
  }

  /** Runs `work` while nobody writes: what it reads belongs together. */
  whileQuiet<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#tail.then(work)
    this.#tail = done.catch(() => undefined)
    return done
  }

  /** Runs `work` while it holds the locks of the items that dynalite's own actions wait for. */
  async locked<Result>(
    items: readonly Pick<Change, 'table' | 'key'>[],
    work: () => Promise<Result>,
  ): Promise<Result> {
    const place = ({ table, key }: Pick<Change, 'table' | 'key'>): string => `${table}~${key}`
    const releases: (() => void)[] = []
    try {
      // Always in the same order: two that want the same items never wait for each other.
      for (const item of items.toSorted((a, b) => (place(a) < place(b) ? -1 : 1)))
        releases.push(await lock(this.dynalite.getItemDb(item.table), item.key))
      return await work()
    } finally {
      for (const release of releases) release()
    }
  }

  #steps(change: Change): readonly Step[] {
    const table = this.#tables.get(change.table)
    // The table was deleted in this moment, and its items with it.
    if (table === undefined || table.TableStatus === 'DELETING') return []
    return [
      itemStep(change),
      ...indexSteps('local', table, change),
      ...indexSteps('global', table, change),
      ...this.records.record(change, table),
    ]
  }

  /** dynalite holds the item's lock when it writes one. */
  #joinItems(): void {
    const open = this.dynalite.getItemDb.bind(this.dynalite)
    this.dynalite.getItemDb = (table) => {
      const write = async (key: string, after: Item | undefined): Promise<void> =>
        this.write([{ table, key, before: await this.read(table, key), after }])
      return {
        ...open(table),
        put: callbackify((key: string, value: unknown) => write(key, value as Item)),
        del: callbackify((key: string) => write(key, undefined)),
      }
    }
  }

  /** dynalite writes the indexes before the item; here they are written with it. */
  #joinIndexes(): void {
    const open = this.dynalite.getIndexDb.bind(this.dynalite)
    this.dynalite.getIndexDb = (type, table, index) => ({
      ...open(type, table, index),
      put: (_key, _value, done) => done(null),
      del: (_key, done) => done(null),
    })
  }

  /** The description of a table and the beginning or end of its stream are one batch, too. */
  #joinTables(): void {
    const write = (name: string, table: TableDescription | undefined): Promise<void> =>
      this.commit(() => {
        if (table) this.#tables.set(name, table)
        else this.#tables.delete(name)
        const key = `table~${name}`
        const step: Step = table ? { type: 'put', key, value: table } : { type: 'del', key }
        return [step, ...this.records.follow(name, table)]
      })
    Object.assign(this.dynalite.tableDb, {
      put: callbackify(write),
      del: callbackify((name: string) => write(name, undefined)),
    })
  }
}

const lock = (items: SubLevel, key: string): Promise<() => void> =>
  new Promise((resolve) => {
    items.lock(key, (release) => resolve(release(() => undefined) as () => void))
  })
