import { CloudConnectionError, ServiceError } from '../errors.ts'
import { ClaimLost } from './claim.ts'
import type { Answer, Stop } from './plan.ts'
import { backOffSeconds, nextStep } from './plan.ts'
import type { Attempt, EngineOptions, TransferEnd } from './ports.ts'
import { SourceChanged } from './read-ahead.ts'
import { openRun } from './run.ts'
import type { Run } from './run.ts'

/** Kept back of an attempt's time, for what is recorded at its end. */
const closingMs = 2000

/**
 * Works on a claimed transfer until it is settled, until time runs out, or until somebody has to wait.
 * Killed at any instant, the next attempt asks the provider where it stands and goes on.
 * Rejects only with what is nobody's provider's fault (the catalog, a bug); the claim is given back then too.
 */
export async function runTransfer(options: EngineOptions, attempt: Attempt): Promise<TransferEnd> {
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
    return await drive(options, attempt, run, until)
  } catch (error) {
    if (error instanceof ClaimLost || attempt.claim.signal.aborted) {
      return run.made === undefined ? { kind: 'lost' } : { kind: 'lost', made: run.made }
    }
    if (error instanceof SourceChanged) return await dropped(run)
    if (signal.aborted) return await giveBack(options, attempt, run, { do: 'later', afterSeconds: 0 })
    await attempt.claim.release({ failures: attempt.claim.row.failures + 1, ...run.hashColumns() })
    throw error
  } finally {
    timer.abort()
    run.close()
  }
}

async function drive(
  options: EngineOptions,
  attempt: Attempt,
  run: Run,
  until: number,
): Promise<TransferEnd> {
  let state = run.initialState()
  const { uploaded } = attempt.claim.row
  let answer: Answer = { kind: 'started', ...(uploaded ? { uploaded } : {}) }
  for (;;) {
    const budget = { timeLeftMs: until - options.clock.now(), jitter: options.random() }
    const { state: next, step, pauseMs } = nextStep(state, answer, budget)
    state = next
    if (pauseMs > 0) await options.clock.sleep(pauseMs, run.signal)
    if (step.do === 'later' || step.do === 'park' || step.do === 'fail')
      return await stop(options, attempt, run, step)
    try {
      if (step.do === 'verify') {
        const end = await verified(options, attempt, run, step.entry)
        return end
      }
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

async function verified(
  options: EngineOptions,
  attempt: Attempt,
  run: Run,
  entry: Parameters<Run['verify']>[0],
): Promise<TransferEnd> {
  const { claim } = attempt
  const verdict = await run.verify(entry)
  if (verdict.kind === 'unknown') {
    await claim.save({ uploaded: verdict.entry, offset: attempt.source.size })
    return await giveBack(options, attempt, run, {
      do: 'later',
      afterSeconds: backOffSeconds(claim.row.failures, options.random()),
    })
  }
  await claim.save({
    phase: 'settling',
    settlement: verdict.settlement,
    session: undefined,
    hashState: undefined,
  })
  return { kind: 'settled', row: claim.row }
}

async function stop(options: EngineOptions, attempt: Attempt, run: Run, step: Stop): Promise<TransferEnd> {
  const { claim } = attempt
  switch (step.do) {
    case 'park':
      await claim.release({ ...run.hashColumns(), parked: true })
      return { kind: 'parked', reason: step.error.reason }
    case 'fail':
      return await failed(options, attempt, run, step.error)
    case 'later': {
      const stuckMs = options.clock.now() - claim.row.progressAt
      if (step.error && stuckMs > options.giveUpMs) return await failed(options, attempt, run, step.error)
      return await giveBack(options, attempt, run, step)
    }
    default:
      return step satisfies never
  }
}

async function giveBack(
  options: EngineOptions,
  attempt: Attempt,
  run: Run,
  step: Extract<Stop, { do: 'later' }>,
): Promise<TransferEnd> {
  const { claim } = attempt
  await claim.release({
    ...run.hashColumns(),
    failures: claim.row.failures + (step.afterSeconds > 0 ? 1 : 0),
    notBefore: step.afterSeconds > 0 ? options.clock.now() + step.afterSeconds * 1000 : undefined,
  })
  return { kind: 'later', afterSeconds: step.afterSeconds, ...(step.error ? { error: step.error } : {}) }
}

/** A session that is never finished would hold the name on OneDrive for Business, so what was begun is taken back before the outcome is recorded. */
async function failed(
  options: EngineOptions,
  attempt: Attempt,
  run: Run,
  error: ServiceError,
): Promise<TransferEnd> {
  const { claim } = attempt
  const left = await takenBack(run)
  if (left && claim.row.failures < 8) {
    if (left instanceof CloudConnectionError)
      return await stop(options, attempt, run, { do: 'park', error: left })
    return await giveBack(options, attempt, run, {
      do: 'later',
      afterSeconds: backOffSeconds(claim.row.failures, 0),
    })
  }
  await claim.save({
    phase: 'settling',
    settlement: { kind: 'failed', code: error.code, detail: error.detail },
    session: undefined,
    hashState: undefined,
  })
  return { kind: 'settled', row: claim.row }
}

/** Takes back what was begun; an error that is worth another try, when that could not be done. */
async function takenBack(run: Run): Promise<ServiceError | undefined> {
  try {
    await run.takeBack()
    return undefined
  } catch (error) {
    return error instanceof ServiceError && (error.retry.retryable || error instanceof CloudConnectionError)
      ? error
      : undefined
  }
}

async function dropped(run: Run): Promise<TransferEnd> {
  await takenBack(run)
  return { kind: 'source-changed' }
}
