/** An upload that has begun in this browser and whose bytes are not all there. */
interface Entry {
  readonly documentId: string
  readonly uploadId: string
  /** Epoch milliseconds. */
  readonly begunAt: number
}

export interface Unfinished {
  /** The upload that this very file has begun, maybe before the page was loaded anew. */
  of(file: File): Pick<Entry, 'documentId' | 'uploadId'> | undefined
  keep(file: File, begun: Pick<Entry, 'documentId' | 'uploadId'>): void
  drop(file: File): void
  /** The names of the files that can go on. */
  names(): string[]
}

const place = 'driveway.unfinished'
/** As long as an upload in parts is open. */
const openMs = 7 * 24 * 60 * 60_000
const most = 50

/** A browser gives no lasting hold of a file: one of the same name, size and date is taken for the same. */
const keyOf = ({ name, size, lastModified }: File): string => JSON.stringify([name, size, lastModified])

/** What can go on when its file is chosen again; kept in this browser, and lost with its storage. */
export function unfinishedUploads(storage: Storage = localStorage): Unfinished {
  const read = (): [string, Entry][] => {
    try {
      const all = JSON.parse(storage.getItem(place) ?? '[]') as [string, Entry][]
      return all.filter(([, { begunAt }]) => begunAt + openMs > Date.now())
    } catch {
      return []
    }
  }
  const write = (entries: readonly [string, Entry][]): void => {
    try {
      storage.setItem(place, JSON.stringify(entries.slice(-most)))
    } catch {
      // A full or forbidden storage: then this upload begins anew after a reload.
    }
  }
  const without = (file: File) => read().filter(([key]) => key !== keyOf(file))
  return {
    of: (file) => new Map(read()).get(keyOf(file)),
    keep: (file, begun) => write([...without(file), [keyOf(file), { ...begun, begunAt: Date.now() }]]),
    drop: (file) => write(without(file)),
    names: () => read().map(([key]) => String((JSON.parse(key) as unknown[])[0])),
  }
}
