import type { DatabaseSync } from 'node:sqlite'
import * as z from 'zod/mini'
import { openDatabase } from './database.ts'
import { AwsJsonError, parseInput } from './json-protocol.ts'

const updateInput = z.object({
  TableName: z.string(),
  TimeToLiveSpecification: z.object({ Enabled: z.boolean(), AttributeName: z.string() }),
})
const describeInput = z.object({ TableName: z.string() })

/**
 * The time-to-live settings of tables, which dynalite does not keep. Items are never deleted: in AWS that may take days,
 * so readers have to look at the attribute anyway.
 */
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
