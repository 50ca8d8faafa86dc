import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'

/** A hash in progress, `node:crypto`'s or a provider's own. */
export interface RunningHash {
  update(data: Buffer): unknown
  digest(): Buffer
}

/**
 * One hash to keep per file: a name `node:crypto` knows, or a module (file URL) that exports
 * `createHasher(): RunningHash`, which is loaded inside the worker.
 */
export type HashSpec = string | { name: string; module: string }

export interface HashSetup {
  specs: HashSpec[]
}

export type HashRequest =
  | { type: 'advance'; id: string; path: string; to: number }
  | { type: 'digest'; id: string; path: string; to: number; ticket: number }
  | { type: 'drop'; id: string }

/** The makers of the hashes named by `specs`, by name. */
export async function loadHashers(
  specs: HashSpec[],
  builtIn: (name: string) => RunningHash = (name) => createHash(name),
): Promise<Record<string, () => RunningHash>> {
  const makers: Record<string, () => RunningHash> = {}
  for (const spec of specs) {
    if (typeof spec === 'string') makers[spec] = () => builtIn(spec)
    else {
      const loaded: { createHasher(): RunningHash } = await import(spec.module)
      makers[spec.name] = () => loaded.createHasher()
    }
  }
  return makers
}

/** Hashes files while they are written, off the main thread. */
export interface HashPool {
  /** `path` holds `to` bytes that will not change any more: hash up to there, in the background. */
  advance(id: string, path: string, to: number): void
  /** Waits while hashing is more than `bytes` behind, so that an upload never outruns it without bound. */
  within(id: string, bytes: number): Promise<void>
  /** Digests (lower-case hex, by name) of the first `to` bytes; ends the run for `id`. */
  digest(id: string, path: string, to: number): Promise<Record<string, string>>
  drop(id: string): void
  close(): Promise<void>
}

/** What a worker says: how far it is with `id`, or the digests (or the failure) that a ticket asked for. */
export interface HashAnswer {
  id?: string
  hashed?: number
  ticket?: number
  digests?: Record<string, string>
  failure?: string
}

/**
 * One worker per group of hashes, started on first use. md5 runs at about 0.7 GB/s on one core and cannot be split,
 * so it wants a group of its own beside faster ones.
 */
export function openHashPool(groups: HashSpec[][]): HashPool {
  let tickets = 0
  const pending = new Map<number, { resolve(d: Record<string, string>): void; reject(e: Error): void }>()
  const asked = new Map<string, number>()
  const hashed = new Map<string, number[]>()
  const waiting = new Map<string, () => void>()
  let workers: Worker[] | undefined

  const receive = (group: number, answer: HashAnswer): void => {
    if (answer.id !== undefined) {
      const marks = hashed.get(answer.id)
      if (marks !== undefined) marks[group] = answer.hashed ?? 0
      waiting.get(answer.id)?.()
      return
    }
    const waiter = pending.get(answer.ticket ?? -1)
    pending.delete(answer.ticket ?? -1)
    if (answer.digests === undefined) waiter?.reject(new Error(`hashing failed: ${answer.failure}`))
    else waiter?.resolve(answer.digests)
  }
  const started = (): Worker[] => {
    workers ??= groups.map((specs, group) => {
      const worker = new Worker(new URL('hash-worker.ts', import.meta.url), { workerData: { specs } })
      worker.unref()
      worker.on('message', (answer: HashAnswer) => receive(group, answer))
      worker.on('error', (error) => {
        for (const waiter of pending.values()) waiter.reject(error)
        pending.clear()
      })
      return worker
    })
    return workers
  }
  const forget = (id: string): void => {
    asked.delete(id)
    hashed.delete(id)
    waiting.get(id)?.()
  }
  return {
    advance(id, path, to) {
      if (!hashed.has(id))
        hashed.set(
          id,
          groups.map(() => 0),
        )
      asked.set(id, to)
      for (const worker of started()) post(worker, { type: 'advance', id, path, to })
    },
    async within(id, bytes) {
      const behind = () => (asked.get(id) ?? 0) - Math.min(...(hashed.get(id) ?? [Number.POSITIVE_INFINITY]))
      while (behind() > bytes) {
        await new Promise<void>((resolve) => waiting.set(id, resolve))
      }
      waiting.delete(id)
    },
    async digest(id, path, to) {
      const parts = started().map(
        (worker) =>
          new Promise<Record<string, string>>((resolve, reject) => {
            const ticket = tickets++
            pending.set(ticket, { resolve, reject })
            post(worker, { type: 'digest', id, path, to, ticket })
          }),
      )
      // A worker lets its process end while idle, but not while an answer is owed.
      for (const worker of started()) worker.ref()
      try {
        const results = await Promise.all(parts)
        return Object.assign({}, ...results)
      } finally {
        forget(id)
        if (pending.size === 0) for (const worker of workers ?? []) worker.unref()
      }
    },
    drop(id) {
      forget(id)
      for (const worker of workers ?? []) post(worker, { type: 'drop', id })
    },
    async close() {
      await Promise.all((workers ?? []).map((worker) => worker.terminate()))
      workers = undefined
    },
  }
}

function post(worker: Worker, request: HashRequest): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  worker.postMessage(request)
}
