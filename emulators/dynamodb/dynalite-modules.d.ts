/** The parts of dynalite that are used here; the package has no types of its own. */

declare module 'dynalite/db/index.js' {
  /** A value as DynamoDB's protocol has it: its type's letter and the value, such as `{S: 'text'}`. */
  export type AttributeValue = Readonly<Record<string, unknown>>
  export type Item = Readonly<Record<string, AttributeValue>>

  type Done<Value = void> = (error: unknown, value?: Value) => void

  /** An operation of a LevelDB batch. */
  export type Step =
    | { readonly type: 'put'; readonly key: string; readonly value: unknown }
    | { readonly type: 'del'; readonly key: string }

  /** The range of keys that an iterator goes over. */
  export interface KeyRange {
    readonly gt?: string
    readonly gte?: string
    readonly lt?: string
    readonly limit?: number
    readonly reverse?: boolean
  }

  export interface Level {
    open(): Promise<void>
    get(key: string): Promise<unknown>
    batch(steps: readonly Step[]): Promise<void>
    iterator(range: KeyRange): AsyncIterable<readonly [string, unknown]>
    close(): Promise<void>
  }

  /** All keys of one kind, such as the items of a table. */
  export interface SubLevel {
    get(key: string, done: Done<unknown>): void
    put(key: string, value: unknown, done: Done): void
    del(key: string, done: Done): void
    lock(key: string, run: (release: (done?: Done) => Done) => void): void
    createValueStream(range?: KeyRange): NodeJS.ReadableStream
  }

  export interface IndexDescription {
    readonly IndexName: string
  }

  export interface TableDescription {
    readonly TableName: string
    readonly TableArn: string
    readonly TableStatus: string
    readonly KeySchema: readonly { readonly AttributeName: string; readonly KeyType: string }[]
    readonly LocalSecondaryIndexes?: readonly IndexDescription[]
    readonly GlobalSecondaryIndexes?: readonly IndexDescription[]
    readonly StreamSpecification?: { readonly StreamEnabled: boolean; readonly StreamViewType?: string }
    readonly LatestStreamArn?: string
    readonly LatestStreamLabel?: string
  }

  export interface Store {
    readonly options: { readonly maxItemSize: number }
    readonly db: Level
    readonly tableDb: SubLevel & { readonly awsRegion: string; readonly awsAccountId: string }
    getItemDb(table: string): SubLevel
    getIndexDb(type: string, table: string, index: string): SubLevel
    getTable(name: string, checkStatus: boolean | Done<TableDescription>, done?: Done<TableDescription>): void
  }

  export interface DynaliteError extends Error {
    readonly statusCode: number
    readonly body: { readonly __type: string; readonly message?: string; readonly Message?: string }
  }

  interface Options {
    readonly path: string
    readonly createTableMs: number
    readonly deleteTableMs: number
    readonly updateTableMs: number
  }

  interface IndexActions {
    readonly puts: readonly { readonly index: string; readonly key: string; readonly item: unknown }[]
    readonly deletes: readonly { readonly index: string; readonly key: string }[]
  }

  const db: {
    create(options: Options): Store
    createKey(item: Item, table: TableDescription): string
    validateKey(key: Item, table: TableDescription): DynaliteError | null | undefined
    validateItem(item: Item, table: TableDescription): DynaliteError | null | undefined
    getIndexActions(
      indexes: readonly IndexDescription[],
      before: Item | undefined,
      after: Item | undefined,
      table: TableDescription,
    ): IndexActions
    itemSize(item: Item): number
    mapPaths(paths: readonly unknown[], item: Item): Item
  }
  export default db
}

declare module 'dynalite/validations/index.js' {
  import type { Store } from 'dynalite/db/index.js'

  export interface Rules {
    readonly types: Readonly<Record<string, unknown>>
    readonly custom?: (data: unknown, store: Store) => string | undefined
  }

  const validations: {
    checkTypes(data: unknown, types: Rules['types']): Record<string, unknown>
    checkValidations(data: unknown, types: Rules['types'], custom: Rules['custom'], store: Store): void
  }
  export default validations
}
