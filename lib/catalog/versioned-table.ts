import type { Dynamo } from '../aws/dynamo.ts'
import type { NewId } from '../ids.ts'
import type { Condition, RowTable } from './table.ts'
import { rowTable } from './table.ts'
import type { TogetherWrite } from './table.ts'

/** What the table keeps in each row. `version` grows with every write, and writes are conditional on it. */
interface Stamps {
  readonly createdAt: string
  readonly updatedAt: string
  readonly version: number
}

export type NewRow<Row> = Omit<Row, keyof Stamps>

/** What a write may change; `undefined` takes the attribute away. */
export type RowChanges<Row, Fixed> = {
  readonly [Name in Exclude<keyof Row, keyof Stamps | Fixed>]?: Row[Name] | undefined
}

export interface VersionedTable<Row extends Stamps, Key extends keyof Row> {
  /** Strongly consistent. */
  get(key: Pick<Row, Key>): Promise<Row | undefined>
  /** The new row, or undefined when there is one with its key. */
  create(row: NewRow<Row>): Promise<Row | undefined>
  /**
   * The changed row, or undefined when somebody else changed or removed it since `seen` was read. What is
   * given `along` is written together with it, or neither is.
   */
  change(seen: Row, changes: RowChanges<Row, Key>, along?: readonly TogetherWrite[]): Promise<Row | undefined>
  /** The write that `change` does, to be done together with others. */
  changing(seen: Row, changes: RowChanges<Row, Key>): TogetherWrite
  /** False when somebody else changed it since `seen` was read. Already gone is success. */
  remove(seen: Row): Promise<boolean>
  readonly query: RowTable<Row>['query']
  readonly scan: RowTable<Row>['scan']
}

export interface VersionedTableOptions<Row, Key> {
  readonly parse: (item: unknown) => Row
  /** The attributes of the table's key. */
  readonly key: readonly Key[]
  /** Epoch milliseconds. */
  readonly now: () => number
  /** For the id of each write. */
  readonly newId: NewId
  /** The item that a row is stored as, where that differs. */
  readonly itemOf?: (row: Row) => object
}

/**
 * Rows that are changed by whoever read them last. The SDK repeats a write whose answer was lost, and the
 * repeat must not fail on what the first one wrote: a row that has this write's own id counts as written.
 */
export function versionedTable<Row extends Stamps, Key extends keyof Row & string>(
  client: Dynamo,
  tableName: string,
  { parse, key, now, newId, itemOf = (row) => row }: VersionedTableOptions<Row, Key>,
): VersionedTable<Row, Key> {
  const table = rowTable(client, tableName, parse)
  const time = (): string => new Date(now()).toISOString()
  const rowOf = (fields: object): Row =>
    parse(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)))
  const changed = (seen: Row, changes: RowChanges<Row, Key>): Row =>
    rowOf({ ...seen, ...changes, updatedAt: time(), version: seen.version + 1 })
  const write = async (row: Row, condition: Condition): Promise<Row | undefined> => {
    const writeId = newId()
    const written = await table.put(
      { ...itemOf(row), writeId },
      {
        ...condition,
        expression: `${condition.expression} OR writeId = :writeId`,
        values: { ...condition.values, ':writeId': writeId },
      },
    )
    return written ? row : undefined
  }
  return {
    get: (keyOfRow) => table.get({ ...keyOfRow }),
    create(row) {
      const at = time()
      return write(rowOf({ ...row, createdAt: at, updatedAt: at, version: 1 }), {
        expression: 'attribute_not_exists(#version)',
        names: { '#version': 'version' },
      })
    },
    async change(seen, changes, along) {
      const row = changed(seen, changes)
      if (along === undefined) return write(row, unchanged(seen))
      // The SDK's token makes a repeated transaction the first one.
      const { writeTogether } = await import('./together.ts')
      const refused = await writeTogether(client, [table.putTogether(itemOf(row), unchanged(seen)), ...along])
      return refused.length === 0 ? row : undefined
    },
    changing: (seen, changes) => table.putTogether(itemOf(changed(seen, changes)), unchanged(seen)),
    remove(seen) {
      const condition = unchanged(seen)
      return table.delete(Object.fromEntries(key.map((name) => [name, seen[name]])), {
        ...condition,
        expression: `attribute_not_exists(#version) OR ${condition.expression}`,
      })
    },
    query: (query) => table.query(query),
    scan: (startKey) => table.scan(startKey),
  }
}

const unchanged = (seen: Stamps): Condition => ({
  expression: '#version = :version',
  names: { '#version': 'version' },
  values: { ':version': seen.version },
})
