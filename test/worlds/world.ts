import { createHash } from 'node:crypto'
import type { Clock } from '../../lib/clock.ts'
import type { TimeKeeper } from './determinism.ts'
import { enterWorld } from './determinism.ts'
import { diceNamed } from './dice.ts'
import type { Process } from './process.ts'
import { never } from './process.ts'

interface Due {
  readonly at: number
  readonly order: number
  readonly run: () => void
  off: boolean
}

export const startOfTime = Date.UTC(2027, 0, 4, 9)
const mostEvents = 400_000

/**
 * Time, chance and the queue of what is due. The world takes the next event, runs it, and lets everything run
 * that can go on without another one.
 */
export class World implements TimeKeeper {
  now = startOfTime
  events = 0
  calls = 0
  readonly story: string[] = []
  readonly seed: number
  /** Tells every call, too. */
  readonly tracing: boolean
  #queue: Due[] = []
  #order = 0
  #busy = 0
  readonly #trace = createHash('sha256')

  constructor(seed: number, tracing = false) {
    this.seed = seed
    this.tracing = tracing
    enterWorld(this, seed)
  }

  /** Dice that depend on the seed and the name alone. */
  dice(name: string): () => number {
    return diceNamed(this.seed, name)
  }

  tell(line: string): void {
    const at = ((this.now - startOfTime) / 1000).toFixed(3).padStart(10)
    this.#trace.update(`${at} ${line}\n`)
    this.story.push(`${at} ${line}`)
  }

  /** A call, told only when it is asked for; it counts for the trace in any case. */
  whisper(line: string): void {
    this.calls += 1
    if (this.tracing) this.tell(`  ${line}`)
    else this.#trace.update(`${String(this.now)} ${line}\n`)
  }

  /** What happened, as one short word: equal for equal runs. */
  fingerprint(): string {
    return this.#trace.copy().digest('hex').slice(0, 16)
  }

  after(ms: number, run: () => void): () => void {
    this.#order += 1
    // Whole milliseconds, as timers and clocks have them.
    const due: Due = { at: this.now + Math.max(0, Math.ceil(ms)), order: this.#order, run, off: false }
    let low = 0
    let high = this.#queue.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#queue[middle]?.at ?? 0) <= due.at) low = middle + 1
      else high = middle
    }
    this.#queue.splice(low, 0, due)
    return () => {
      due.off = true
    }
  }

  /** The time stands still until it is done: for the little that happens on a thread (a signature). */
  async standStill<T>(work: Promise<T>): Promise<T> {
    this.#busy += 1
    try {
      return await work
    } finally {
      this.#busy -= 1
    }
  }

  /** Until nothing is due before `until`, or until `isOver`. */
  async run(until: number, isOver: () => boolean = () => false): Promise<void> {
    await this.#still()
    while (!isOver()) {
      const next = this.#queue[0]
      if (next === undefined || next.at > until) break
      this.#queue.shift()
      if (next.off) continue
      this.now = Math.max(this.now, next.at)
      this.events += 1
      if (this.events > mostEvents) throw new Error('The world does not come to rest.')
      next.run()
      await this.#still()
    }
    if (!isOver()) this.now = Math.max(this.now, until)
  }

  async #still(): Promise<void> {
    do await settled()
    while (this.#busy > 0)
  }

  /** The clock of a process: a dead one waits for ever. */
  clockOf(process: () => Process): Clock {
    return {
      now: () => this.now,
      sleep: (ms, signal) => {
        const sleeper = process()
        if (sleeper.dead) return never
        if (signal?.aborted) return Promise.reject(reasonOf(signal))
        return new Promise<void>((resolve, reject) => {
          const callOff = this.after(ms, () => {
            signal?.removeEventListener('abort', abort)
            if (!sleeper.dead) resolve()
          })
          const abort = (): void => {
            callOff()
            if (!sleeper.dead) reject(reasonOf(signal))
          }
          signal?.addEventListener('abort', abort, { once: true })
        })
      },
    }
  }
}

/** Promises and streams are done before it: nothing in a world waits for a disk, a thread or a socket. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
