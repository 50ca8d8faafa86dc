import type { Context, ScheduledEvent } from 'aws-lambda'
import { randomUUID } from 'node:crypto'
import type { Clock } from './clock.ts'
import { localContext } from './lambda-context.ts'

/** Calls `tick` every `ms` until the returned function is called; tests pass their own. */
export type Timer = (tick: () => void, ms: number) => () => void

export interface ScheduleOptions {
  readonly functionName: string
  readonly handler: (event: ScheduledEvent, context: Context) => Promise<unknown>
  readonly everyMs: number
  readonly functionTimeoutMs: number
  /** Ends the schedule. */
  readonly signal: AbortSignal
  readonly onError?: (error: unknown) => void
  readonly clock?: Clock
  readonly timer?: Timer
}

export interface Schedule {
  /** Resolves when the first call, the one at the start, has ended, well or not. */
  readonly started: Promise<void>
  /** Resolves when the signal was aborted and the call that was under way has ended. */
  readonly stopped: Promise<void>
}

const interval: Timer = (tick, ms) => {
  const handle = setInterval(tick, ms)
  return () => clearInterval(handle)
}

const scheduledEvent = (name: string, now: number): ScheduledEvent => ({
  version: '0',
  id: randomUUID(),
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  account: '000000000000',
  time: new Date(now).toISOString().replace(/\.\d{3}Z$/, 'Z'),
  region: 'us-east-1',
  resources: [`arn:aws:events:us-east-1:000000000000:rule/${name}`],
  detail: {},
})

/**
 * Calls a handler now and then at a rate, as an EventBridge schedule would. A call that is still running when the next
 * is due lets that one pass, like a function with a reserved concurrency of one.
 */
export const startSchedule = (options: ScheduleOptions): Schedule => {
  const { functionName, handler, everyMs, functionTimeoutMs, signal } = options
  const clock = options.clock ?? Date.now
  let running: Promise<void> | undefined
  const call = async (): Promise<void> => {
    try {
      await handler(scheduledEvent(functionName, clock()), localContext(functionName, functionTimeoutMs))
    } catch (error) {
      options.onError?.(error)
    }
  }
  const tick = (): Promise<void> => {
    running ??= call().finally(() => {
      running = undefined
    })
    return running
  }
  const started = signal.aborted ? Promise.resolve() : tick()
  const stopTimer = (options.timer ?? interval)(() => {
    if (!signal.aborted) void tick()
  }, everyMs)
  const stopped = new Promise<void>((resolve) => {
    const stop = (): void => {
      stopTimer()
      resolve(running)
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  return { started, stopped }
}
