import type { Collection, Store } from './store.ts'

/** Every record as JSON, by collection and id. */
export type Records = Map<string, Map<string, string>>

/** What a simulator holds, for another one to begin with. */
export function copyOfRecords(records: Records): Records {
  return new Map([...records].map(([name, rows]) => [name, new Map(rows)]))
}

/** The store without a file, over `records`; for tests that open very many simulators. */
export function memoryStore(records: Records): Store {
  let undo: (() => void)[] | undefined
  return {
    collection: (name, indexes) => {
      const rows = records.get(name) ?? new Map<string, string>()
      records.set(name, rows)
      return memoryCollection(name, rows, indexes ?? {}, (step) => undo?.push(step))
    },
    transaction(f) {
      if (undo !== undefined) return f()
      undo = []
      try {
        return f()
      } catch (error) {
        for (const step of undo.toReversed()) step()
        throw error
      } finally {
        undo = undefined
      }
    },
    close: () => undefined,
  }
}

function memoryCollection<T>(
  name: string,
  rows: Map<string, string>,
  indexes: Record<string, (value: T) => string | undefined>,
  onWrite: (undo: () => void) => void,
): Collection<T> {
  const parsed = (text: string): T => {
    const value: T = JSON.parse(text)
    return value
  }
  const remember = (id: string): void => {
    const before = rows.get(id)
    onWrite(() => void (before === undefined ? rows.delete(id) : rows.set(id, before)))
  }
  const all = (): T[] => [...rows.values()].map(parsed)
  return {
    get(id) {
      const text = rows.get(id)
      return text === undefined ? undefined : parsed(text)
    },
    put(id, value) {
      remember(id)
      rows.set(id, JSON.stringify(value))
    },
    delete(id) {
      remember(id)
      return rows.delete(id)
    },
    all,
    where(index, value) {
      const indexed = indexes[index]
      if (indexed === undefined) throw new Error(`collection ${name} has no index ${index}`)
      return all().filter((row) => indexed(row) === value)
    },
  }
}
