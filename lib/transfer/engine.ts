import { ServiceError, waitsForOperator } from '../errors.ts'
import { ClaimLost } from './hall.ts'
import type { Answer, Stop } from './plan.ts'
import { nextStep } from './plan.ts'
import type { Attempt, AttemptEnd, EngineOptions } from './ports.ts'
import { SourceChanged } from './body.ts'
import type { Run } from './run.ts'
import { openRun } from './run.ts'

/** Kept back of an attempt's time, for what is recorded at its end. */
const closingMs = 2000

/**
 * Works on a claimed change until the provider has its object, until time runs out,
 * or until somebody has to wait. Killed at any instant, the next attempt asks the
 * provider where it stands and goes on. Rejects only with what is nobody's provider's
 * fault (the catalog, a bug). `leave` is what is to be recorded with the end.
 */
export async function attemptSending(
  options: EngineOptions,
  attempt: Attempt,
): Promise<{ readonly end: AttemptEnd; readonly leave: ReturnType<Run['hashColumns']> }> {
  const outOfTime = new AbortController()
  const timer = new AbortController()
  const until = attempt.deadline - closingMs
  options.clock.sleep(Math.max(0, until - options.clock.now()), timer.signal).then(
    () => outOfTime.abort(),
    () => undefined,
  )
  const signal = AbortSignal.any([
    outOfTime.signal,
    attempt.claim.signal,
    ...(attempt.signal ? [attempt.signal] : []),
  ])
  const run = await openRun(options, attempt, signal)
  try {
    return { end: await drive(options, attempt, run, until), leave: run.hashColumns() }
  } catch (error) {
    const leave = run.hashColumns()
    if (error instanceof ClaimLost || attempt.claim.signal.aborted) return { end: { kind: 'lost' }, leave }
    if (error instanceof SourceChanged) return { end: { kind: 'source-changed' }, leave }
    if (signal.aborted) return { end: { kind: 'later', afterSeconds: 0 }, leave }
    throw error
  } finally {
    timer.abort()
    run.close()
  }
}

async function drive(options: EngineOptions, attempt: Attempt, run: Run, until: number): Promise<AttemptEnd> {
  let state = run.initialState()
  let answer: Answer = { kind: 'started' }
  for (;;) {
    const budget = { timeLeftMs: until - options.clock.now(), jitter: options.random() }
    const { state: next, step, pauseMs } = nextStep(state, answer, budget)
    state = next
    if (pauseMs > 0) await options.clock.sleep(pauseMs, run.signal)
    if (step.do === 'later' || step.do === 'park' || step.do === 'fail')
      return stopped(options, attempt, step)
    try {
      if (step.do === 'verify') return { kind: 'made', ...(await run.verify(step.entry)) }
      answer = await run.perform(step, state)
    } catch (error) {
      const failure = run.takeFailure() ?? error
      if (attempt.claim.signal.aborted || run.signal.aborted || !(failure instanceof ServiceError))
        throw failure
      // Our own side's trouble that waiting does not mend is not an answer of the provider.
      if (failure.code === 'internal_error' && !failure.retry.retryable) throw failure
      answer = { kind: 'error', during: step.do, error: failure }
    }
  }
}

function stopped({ clock, giveUpMs }: EngineOptions, { claim }: Attempt, step: Stop): AttemptEnd {
  switch (step.do) {
    case 'park':
      return { kind: 'parked', reason: step.error.reason }
    case 'fail':
      return { kind: 'failed', error: step.error }
    case 'later': {
      const { afterSeconds, error } = step
      const stuckMs = clock.now() - (claim.change.progressAt ?? claim.change.startedAt)
      if (error && !waitsForOperator(error) && stuckMs > giveUpMs) return { kind: 'failed', error }
      return { kind: 'later', afterSeconds, ...(error ? { error } : {}) }
    }
    default:
      return step satisfies never
  }
}
