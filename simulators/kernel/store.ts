import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** One kind of record, kept as JSON under an id, with equality indexes. */
export interface Collection<T> {
  get(id: string): T | undefined
  put(id: string, value: T): void
  /** @returns whether there was such a record */
  delete(id: string): boolean
  all(): T[]
  /** Records whose index has exactly that value, in the order they were first stored. */
  where(index: string, value: string): T[]
}

/** The durable state of one simulator. */
export interface Store {
  /** @param indexes name to the indexed text of a record; undefined leaves the record out of that index */
  collection<T>(name: string, indexes?: Record<string, (value: T) => string | undefined>): Collection<T>
  /** Runs `f` atomically: all its writes, or none when it throws. Nested calls join the outer one. */
  transaction<R>(f: () => R): R
  close(): void
}

/**
 * Opens (or creates) the SQLite file. Write-ahead log with `synchronous=NORMAL`: every committed
 * write survives the death of the process (SIGKILL); only a power cut can lose the newest.
 */
export function openStore(file: string): Store {
  mkdirSync(dirname(file), { recursive: true })
  const db = new DatabaseSync(file)
  db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=5000')
  let depth = 0
  return {
    collection: (name, indexes) => openCollection(db, name, indexes ?? {}),
    transaction(f) {
      if (depth > 0) return f()
      db.exec('BEGIN IMMEDIATE')
      depth += 1
      try {
        const result = f()
        db.exec('COMMIT')
        return result
      } catch (error) {
        db.exec('ROLLBACK')
        throw error
      } finally {
        depth -= 1
      }
    },
    close: () => db.close(),
  }
}

function openCollection<T>(
  db: DatabaseSync,
  name: string,
  indexes: Record<string, (value: T) => string | undefined>,
): Collection<T> {
  const table = identifier(name)
  const keys = Object.entries(indexes)
  const columns = keys.map(([key]) => `ix_${identifier(key)}`)
  db.exec(
    `CREATE TABLE IF NOT EXISTS ${table} (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, value TEXT NOT NULL)`,
  )
  const present = new Set(
    db
      .prepare(`SELECT name FROM pragma_table_info('${table}')`)
      .all()
      .map((row) => row['name']),
  )
  for (const column of columns) {
    if (!present.has(column)) db.exec(`ALTER TABLE ${table} ADD COLUMN ${column} TEXT`)
    db.exec(`CREATE INDEX IF NOT EXISTS ${table}_${column} ON ${table} (${column})`)
  }
  const names = ['id', 'value', ...columns]
  const updates = ['value', ...columns].map((column) => `${column}=excluded.${column}`)
  const select = db.prepare(`SELECT value FROM ${table} WHERE id=?`)
  const upsert = db.prepare(
    `INSERT INTO ${table} (${names.join(',')}) VALUES (${names.map(() => '?').join(',')})
     ON CONFLICT(id) DO UPDATE SET ${updates.join(',')}`,
  )
  const remove = db.prepare(`DELETE FROM ${table} WHERE id=?`)
  const selectAll = db.prepare(`SELECT value FROM ${table} ORDER BY seq`)
  const selectBy = new Map(
    keys.map(([key], i) => [
      key,
      db.prepare(`SELECT value FROM ${table} WHERE ${columns[i]}=? ORDER BY seq`),
    ]),
  )
  return {
    get(id) {
      const row = select.get(id)
      return row === undefined ? undefined : parseRow<T>(row)
    },
    put(id, value) {
      upsert.run(id, JSON.stringify(value), ...keys.map(([, indexed]) => indexed(value) ?? null))
    },
    delete: (id) => remove.run(id).changes > 0,
    all: () => selectAll.all().map((row) => parseRow<T>(row)),
    where(index, value) {
      const statement = selectBy.get(index)
      if (statement === undefined) throw new Error(`collection ${name} has no index ${index}`)
      return statement.all(value).map((row) => parseRow<T>(row))
    },
  }
}

// The only writer of a row is `put` above with the same T, which is the caller's knowledge.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
function parseRow<T>(row: Record<string, unknown>): T {
  const value: T = JSON.parse(String(row['value']))
  return value
}

function identifier(name: string): string {
  if (!/^[a-z][a-z0-9_]*$/i.test(name)) throw new Error(`not a usable table or column name: ${name}`)
  return name
}
