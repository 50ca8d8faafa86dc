/** Calls `tick` every `ms` until the returned function is called; tests pass their own. */
export type Timer = (tick: () => void, ms: number) => () => void

export interface ScheduleOptions {
  readonly everyMs: number
  /** One call of the function, with whatever event and context it gets. */
  readonly run: () => Promise<unknown>
  /** Ends the schedule. */
  readonly signal: AbortSignal
  /** Gets what a call failed with; the schedule goes on. */
  readonly onError?: (error: unknown) => void
  readonly timer?: Timer
}

const interval: Timer = (tick, ms) => {
  const handle = setInterval(tick, ms)
  return () => clearInterval(handle)
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/**
 * Calls a function now and then at a rate, as an EventBridge schedule would. A call that is still
 * running when the next is due lets that one pass, like a function with a reserved concurrency of
 * one. Resolves when the signal was aborted and the call that was under way has ended.
 */
export const startSchedule = async (options: ScheduleOptions): Promise<void> => {
  const { everyMs, run, signal, onError } = options
  let running: Promise<void> | undefined
  const call = async (): Promise<void> => {
    try {
      await run()
    } catch (error) {
      onError?.(error)
    } finally {
      running = undefined
    }
  }
  const tick = (): void => {
    if (!signal.aborted) running ??= call()
  }
  tick()
  const stopTimer = (options.timer ?? interval)(tick, everyMs)
  await aborted(signal)
  stopTimer()
  await running
}
