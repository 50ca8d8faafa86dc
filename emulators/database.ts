import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * Opens (and creates) a database file under `directory` with its schema.
 * WAL without a flush per commit: what was committed survives the death of the process by any signal; only a
 * power cut may lose the last moments, which a development stack accepts for speed.
 * See https://sqlite.org/pragma.html#pragma_synchronous
 */
export const openDatabase = (directory: string, file: string, schema: string): DatabaseSync => {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const database = new DatabaseSync(join(directory, file))
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000')
  database.exec(schema)
  return database
}

/**
 * Runs `work` in one transaction: all of it is stored, or, when it throws, nothing. `work` must not await.
 */
export const inTransaction = <Result>(database: DatabaseSync, work: () => Result): Result => {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
