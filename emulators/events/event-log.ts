import { accountId, region } from '../account.ts'
import { randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { inTransaction, openDatabase } from '../database.ts'

/** An event as EventBridge hands it to targets, with its place in the log. */
export interface LoggedEvent {
  readonly sequence: number
  readonly version: '0'
  readonly id: string
  readonly 'detail-type': string
  readonly source: string
  readonly account: string
  /** ISO 8601. */
  readonly time: string
  readonly region: string
  readonly resources: readonly string[]
  readonly detail: unknown
}

export interface NewEvent {
  readonly source: string
  readonly detailType: string
  readonly detail: unknown
  readonly resources: readonly string[]
  /** Milliseconds since 1970; now when undefined. */
  readonly time: number | undefined
}

const schema =
  'CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL)'

/** The last events of the bus, on disk, for local tools to read and to follow. */
export class EventLog {
  readonly #database: DatabaseSync
  readonly #clock: Clock
  readonly #capacity: number
  readonly #followers = new Set<() => void>()

  constructor(directory: string, clock: Clock, capacity = 10_000) {
    this.#database = openDatabase(directory, 'events.db', schema)
    this.#clock = clock
    this.#capacity = capacity
  }

  close(): void {
    this.#database.close()
  }

  /** Stores events, all or none, and drops the oldest beyond the capacity. @returns their ids in order. */
  append(events: readonly NewEvent[]): string[] {
    const insert = this.#database.prepare('INSERT INTO events (event) VALUES (?)')
    const ids = inTransaction(this.#database, () => {
      const stored = events.map((event) => {
        const id = randomUUID()
        insert.run(
          JSON.stringify({
            version: '0',
            id,
            'detail-type': event.detailType,
            source: event.source,
            account: accountId,
            time: new Date(event.time ?? this.#clock()).toISOString(),
            region,
            resources: event.resources,
            detail: event.detail,
          }),
        )
        return id
      })
      this.#database
        .prepare('DELETE FROM events WHERE sequence <= (SELECT MAX(sequence) FROM events) - ?')
        .run(this.#capacity)
      return stored
    })
    for (const follower of this.#followers) follower()
    return ids
  }

  /** Up to `limit` events with a sequence above `since`, oldest first. */
  read(since: number, limit = this.#capacity): LoggedEvent[] {
    return this.#database
      .prepare('SELECT * FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?')
      .all(since, limit)
      .map((row) => ({ sequence: Number(row['sequence']), ...JSON.parse(String(row['event'])) }))
  }

  /** The sequence of the newest event ever stored; it stays when the log is cleared. */
  lastSequence(): number {
    const row = this.#database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'events'").get()
    return Number(row?.['seq'] ?? 0)
  }

  clear(): void {
    this.#database.exec('DELETE FROM events')
  }

  /** Calls `follower` after each append, until the returned function is called. */
  follow(follower: () => void): () => void {
    this.#followers.add(follower)
    return () => void this.#followers.delete(follower)
  }
}
