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
  /** where fresh blocks stand, shared with the thread that fills them */
  memory: SharedArrayBuffer
}

/** A piece of the shared memory that holds the bytes right in front of an announced position. */
export interface SharedPiece {
  at: number
  length: number
}

/**
 * Hash up to `to`; the last bytes in front of it stand in `piece`, when there is one, and else in the file.
 */
export interface HashStep {
  to: number
  piece: SharedPiece | undefined
}

export type HashRequest =
  | { type: 'advance'; id: string; path: string; steps: HashStep[] }
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
  /**
   * `path` holds (or is about to hold) `to` bytes that will not
   * change any more: hash up to there, in the background.
   * @param piece the last of them in shared memory, which must stay as it is until `reached`
   */
  advance(id: string, path: string, to: number, piece?: SharedPiece): void
  /** Resolves once hashing has passed `to`, or has given the run for `id` up. */
  reached(id: string, to: number): Promise<void>
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
 * One pass over one file. A file that is started over gets a new
 * run, so that late answers to the old one hit nothing.
 */
interface Run {
  key: string
  path: string
  /** how far each worker is */
  marks: number[]
  /** steps that wait until the worker has answered the ones before; undefined while it has nothing to do */
  queued: (HashStep[] | undefined)[]
  waiting: { to: number; resolve(): void }[]
}

interface Ticket {
  resolve(digests: Record<string, string>): void
  reject(error: Error): void
}

/**
 * One worker per group of hashes, started on first use. md5 runs at about 0.7 GB/s on
 * one core and cannot be split, so it wants a group of its own beside faster ones.
 */
export function openHashPool(groups: HashSpec[][], memory: SharedArrayBuffer): HashPool {
  let counter = 0
  const pending = new Map<number, Ticket>()
  const runs = new Map<string, Run>()
  const byKey = new Map<string, Run>()
  let workers: Worker[] | undefined

  const receive = (group: number, answer: HashAnswer): void => {
    if (answer.id !== undefined) {
      const run = byKey.get(answer.id)
      if (run === undefined) return
      run.marks[group] = answer.hashed ?? 0
      release(run, Math.min(...run.marks))
      const steps = run.queued[group]
      run.queued[group] = steps === undefined || steps.length === 0 ? undefined : []
      if (steps !== undefined && steps.length > 0) send(run, group, steps)
      return
    }
    const ticket = pending.get(answer.ticket ?? -1)
    pending.delete(answer.ticket ?? -1)
    if (answer.digests === undefined) ticket?.reject(new Error(`hashing failed: ${answer.failure}`))
    else ticket?.resolve(answer.digests)
  }
  const started = (): Worker[] => {
    workers ??= groups.map((specs, group) => {
      const worker = new Worker(new URL('hash-worker.ts', import.meta.url), { workerData: { specs, memory } })
      worker.unref()
      worker.on('message', (answer: HashAnswer) => receive(group, answer))
      worker.on('error', (error) => {
        for (const ticket of pending.values()) ticket.reject(error)
        pending.clear()
        for (const run of runs.values()) release(run, Number.POSITIVE_INFINITY)
      })
      return worker
    })
    return workers
  }
  const send = (run: Run, group: number, steps: HashStep[]): void => {
    const worker = started()[group]
    if (worker !== undefined) post(worker, { type: 'advance', id: run.key, path: run.path, steps })
  }
  const runOf = (id: string, path: string): Run => {
    const known = runs.get(id)
    if (known !== undefined) return known
    counter += 1
    const run: Run = {
      key: `${id}#${counter}`,
      path,
      marks: groups.map(() => 0),
      queued: groups.map(() => undefined),
      waiting: [],
    }
    runs.set(id, run)
    byKey.set(run.key, run)
    return run
  }
  const forget = (id: string): Run | undefined => {
    const run = runs.get(id)
    if (run === undefined) return undefined
    runs.delete(id)
    byKey.delete(run.key)
    release(run, Number.POSITIVE_INFINITY)
    return run
  }
  return {
    advance(id, path, to, piece) {
      const run = runOf(id, path)
      for (const [group, steps] of run.queued.entries()) {
        if (steps === undefined) {
          run.queued[group] = []
          send(run, group, [{ to, piece }])
        } else steps.push({ to, piece })
      }
    },
    reached(id, to) {
      const run = runs.get(id)
      if (run === undefined || Math.min(...run.marks) >= to) return Promise.resolve()
      return new Promise((resolve) => void run.waiting.push({ to, resolve }))
    },
    async digest(id, path, to) {
      const run = runOf(id, path)
      const parts = started().map(
        (worker, group) =>
          new Promise<Record<string, string>>((resolve, reject) => {
            counter += 1
            const ticket = counter
            pending.set(ticket, { resolve, reject })
            const steps = run.queued[group] ?? []
            if (steps.length > 0) send(run, group, steps)
            run.queued[group] = []
            post(worker, { type: 'digest', id: run.key, path, to, ticket })
          }),
      )
      // A worker lets its process end while idle, but not while an answer is owed.
      for (const worker of started()) worker.ref()
      try {
        const results = await Promise.all(parts)
        return Object.assign({}, ...results)
      } finally {
        if (runs.get(id) === run) forget(id)
        if (pending.size === 0) for (const worker of workers ?? []) worker.unref()
      }
    },
    drop(id) {
      const run = forget(id)
      if (run !== undefined) for (const worker of workers ?? []) post(worker, { type: 'drop', id: run.key })
    },
    async close() {
      await Promise.all((workers ?? []).map((worker) => worker.terminate()))
      workers = undefined
    },
  }
}

/** Tells those who wait for a position that hashing has passed. */
function release(run: Run, upTo: number): void {
  const over = run.waiting.filter(({ to }) => to <= upTo)
  run.waiting = run.waiting.filter(({ to }) => to > upTo)
  for (const waiter of over) waiter.resolve()
}

function post(worker: Worker, request: HashRequest): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  worker.postMessage(request)
}
