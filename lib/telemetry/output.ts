import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { Settings } from '../providers/about.ts'

/** Where a process's log lines and metrics go. */
export interface Output {
  readonly clock: Pick<Clock, 'now'>
  /** Read from it: the log level, the stage, and what Lambda sets itself. */
  readonly settings: Settings
  /** One whole line. */
  write(line: string, stream: 'stdout' | 'stderr'): void
}

const ofThisProcess: Output = {
  clock: systemClock,
  settings: process.env,
  write: (line, stream) => void process[stream].write(line),
}

const given = new AsyncLocalStorage<Output>()

export function output(): Output {
  return given.getStore() ?? ofThisProcess
}

/** For several processes in one: what `run` and all that it begins log and count goes to `to`. */
export function withOutput<Result>(to: Output, run: () => Result): Result {
  return given.run(to, run)
}
