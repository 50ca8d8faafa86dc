import type { DatabaseSync } from 'node:sqlite'
import * as z from 'zod/mini'
import type { Item } from 'dynalite/db/index.js'
import type { Clock } from '../clock.ts'
import { openDatabase } from '../database.ts'
import { AwsJsonError, parseInput } from '../json-protocol.ts'
import type { ItemStore } from './item-store.ts'

const updateInput = z.object({
  TableName: z.string(),
  TimeToLiveSpecification: z.object({ Enabled: z.boolean(), AttributeName: z.string() }),
})
const describeInput = z.object({ TableName: z.string() })

/** The time-to-live settings of tables, which dynalite does not keep. */
export class TimeToLiveSettings {
  readonly #database: DatabaseSync

  constructor(directory: string) {
    const schema =
      'CREATE TABLE IF NOT EXISTS time_to_live (table_name TEXT PRIMARY KEY, attribute TEXT NOT NULL)'
    this.#database = openDatabase(directory, 'time-to-live.db', schema)
  }

  close(): void {
    this.#database.close()
  }

  #attribute(table: string): string | undefined {
    const row = this.#database.prepare('SELECT attribute FROM time_to_live WHERE table_name = ?').get(table)
    return row === undefined ? undefined : String(row['attribute'])
  }

  /** The tables that have one, each with the attribute that holds it. */
  all(): readonly (readonly [table: string, attribute: string])[] {
    return this.#database
      .prepare('SELECT table_name, attribute FROM time_to_live')
      .all()
      .map((row) => [String(row['table_name']), String(row['attribute'])])
  }

  /** UpdateTimeToLive. Setting what is set already fails, as in AWS. */
  update(input: unknown): unknown {
    const { TableName: table, TimeToLiveSpecification: specification } = parseInput(updateInput, input)
    const enabled = this.#attribute(table) !== undefined
    if (enabled === specification.Enabled)
      throw new AwsJsonError(
        'ValidationException',
        `TimeToLive is already ${enabled ? 'enabled' : 'disabled'}`,
      )
    if (specification.Enabled)
      this.#database.prepare('INSERT INTO time_to_live VALUES (?, ?)').run(table, specification.AttributeName)
    else this.#database.prepare('DELETE FROM time_to_live WHERE table_name = ?').run(table)
    return { TimeToLiveSpecification: specification }
  }

  /** DescribeTimeToLive. */
  describe(input: unknown): unknown {
    const attribute = this.#attribute(parseInput(describeInput, input).TableName)
    const description =
      attribute === undefined
        ? { TimeToLiveStatus: 'DISABLED' }
        : { TimeToLiveStatus: 'ENABLED', AttributeName: attribute }
    return { TimeToLiveDescription: description }
  }
}

const fiveYears = 5 * 365 * 24 * 60 * 60

/**
 * The service itself. A removal by a user has no identity in the stream, so a reader can tell the two apart.
 */
const service = { PrincipalId: 'dynamodb.amazonaws.com', Type: 'Service' }

/**
 * Deletes the items whose time has passed. AWS does so within days, so readers have to
 * look at the attribute anyway, and lets those be whose time is more than five years ago.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
 */
export const expireItems = async (
  store: ItemStore,
  settings: TimeToLiveSettings,
  clock: Clock,
): Promise<void> => {
  const now = Math.floor(clock() / 1000)
  const isOver = (item: Item | undefined, attribute: string): boolean => {
    const seconds = Number(item?.[attribute]?.['N'])
    return seconds < now && seconds > now - fiveYears
  }
  for (const [table, attribute] of settings.all()) {
    for await (const [key, item] of store.items(table)) {
      if (!isOver(item, attribute)) continue
      await store.locked([{ table, key }], async () => {
        const before = await store.read(table, key)
        if (isOver(before, attribute))
          await store.write([{ table, key, before, after: undefined, identity: service }])
      })
    }
  }
}
