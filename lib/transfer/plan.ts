import type { ServiceError } from '../errors.ts'
import { CloudConnectionError, waitsForOperator } from '../errors.ts'
import type { ObjectEntry, Target, UploadProgress } from '../storage/driver.ts'
import { PlaceTaken } from '../storage/free-name.ts'

/** What the plan knows of a transfer while one attempt runs. */
export interface PlanState {
  readonly size: number
  /** One request makes the whole object; otherwise through an upload session. */
  readonly direct: boolean
  /** The most bytes of one request of a session. */
  readonly sendBytes: number
  /** New objects have keys there, which are reserved and recorded first. */
  readonly reserves: boolean
  readonly target: Target['kind'] | undefined
  readonly hasSession: boolean
  /** A direct write was begun and its result is not known. */
  readonly begun: boolean
  /** What the provider has acknowledged, as far as we know. */
  readonly offset: number
  /** This attempt has already opened a session in place of one that was gone. */
  readonly reopened: boolean
  /** Failures in this attempt since the provider last acknowledged something new. */
  readonly stalls: number
  /** Attempts before this one since the provider last acknowledged something new. */
  readonly failures: number
}

export type Step =
  /** Reserve a key and record it as the target, in place of any other. */
  | { readonly do: 'reserve' }
  /** Make the whole object with one request. */
  | { readonly do: 'put' }
  /** Open a session and store its URL, in place of any other. */
  | { readonly do: 'open' }
  /** Ask the session where it stands. */
  | { readonly do: 'ask' }
  | { readonly do: 'send'; readonly offset: number; readonly length: number }
  /** Is the finished object there, with the content that we sent? */
  | { readonly do: 'look' }
  | { readonly do: 'verify'; readonly entry: ObjectEntry }
  | Stop

export type Stop =
  /** Deliver the message again after so many seconds. */
  | { readonly do: 'later'; readonly afterSeconds: number; readonly error?: ServiceError }
  | { readonly do: 'park'; readonly error: CloudConnectionError }
  | { readonly do: 'fail'; readonly error: ServiceError }

export type Answer =
  | { readonly kind: 'started' }
  | { readonly kind: 'reserved' }
  | { readonly kind: 'opened'; readonly target: Target['kind'] }
  | { readonly kind: 'progress'; readonly from: 'ask' | 'send'; readonly progress: UploadProgress }
  /** The object is there: the provider said so, or it was found and its content compared. */
  | { readonly kind: 'finished'; readonly entry: ObjectEntry }
  /** Nothing there, or something else. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'error'; readonly during: Exclude<Step['do'], Stop['do']>; readonly error: ServiceError }

export interface Planned {
  readonly state: PlanState
  readonly step: Step
  /** Wait so long before the step, milliseconds; never more than `longestPauseMs`. */
  readonly pauseMs: number
}

export interface Budget {
  /** Until the attempt has to end, milliseconds. */
  readonly timeLeftMs: number
  /** 0 to 1. */
  readonly jitter: number
}

/** A longer wait is not slept through in a function that is paid by time: the message comes back instead. */
export const longestPauseMs = 2000
/** Failures in one attempt without anything new acknowledged, before the message goes back. */
export const mostStalls = 3
/** Less time than this is not worth another request. */
export const leastTimeMs = 3000
/** How often it is tried whether the operator has mended what keeps a transfer from going on. */
const operatorWaitSeconds = 60
/** SQS holds a message back 12 hours at most; a quarter of an hour is enough for any back-off. */
const longestWaitSeconds = 900

/**
 * The one place that decides what a transfer does next: its state and the provider's last answer in, the next
 * step out. It advances only by what the provider acknowledged, and asks after every ambiguous end.
 */
export function nextStep(state: PlanState, answer: Answer, budget: Budget): Planned {
  const planned = decide(state, answer, budget)
  const stops = planned.step.do === 'later' || planned.step.do === 'park' || planned.step.do === 'fail'
  // The last step needs its time too; stopping early costs nothing, since everything is recorded.
  if (stops || planned.step.do === 'verify' || budget.timeLeftMs - planned.pauseMs >= leastTimeMs)
    return planned
  return { state: planned.state, step: { do: 'later', afterSeconds: 0 }, pauseMs: 0 }
}

function decide(state: PlanState, answer: Answer, budget: Budget): Planned {
  switch (answer.kind) {
    case 'started':
      if (state.direct) return now(state, state.begun ? { do: 'look' } : write(state))
      return now(state, state.hasSession ? { do: 'ask' } : write(state))
    case 'reserved':
      return now({ ...state, target: 'new' }, state.direct ? { do: 'put' } : { do: 'open' })
    case 'opened': {
      const opened = { ...state, target: answer.target, hasSession: true, offset: 0 }
      return now(opened, send(opened))
    }
    case 'progress':
      return afterProgress(state, answer.from, answer.progress, budget)
    case 'finished':
      return now(state, { do: 'verify', entry: answer.entry })
    case 'absent':
      return afterAbsent(state, budget)
    case 'error':
      return afterError(state, answer.during, answer.error, budget)
    default:
      return answer satisfies never
  }
}

function afterProgress(
  state: PlanState,
  from: 'ask' | 'send',
  progress: UploadProgress,
  budget: Budget,
): Planned {
  if (progress.state === 'done') return now(state, { do: 'verify', entry: progress.entry })
  if (progress.state === 'gone') return now(state, { do: 'look' })
  const fresh = progress.offset > state.offset
  const next = {
    ...state,
    offset: progress.offset,
    stalls: fresh ? 0 : state.stalls + (from === 'send' ? 1 : 0),
  }
  // Every byte is there and yet no object: the commit failed or its answer was lost.
  // https://github.com/OneDrive/onedrive-api-docs/issues/1570
  if (progress.offset >= state.size) return now(next, { do: 'look' })
  if (next.stalls > mostStalls) return now(next, later(next, budget))
  return now(next, send(next), from === 'send' && !fresh ? shortPause(next) : 0)
}

function afterAbsent(state: PlanState, budget: Budget): Planned {
  if (state.direct) {
    const again = { ...state, begun: false }
    return now(again, write(again))
  }
  // Once per attempt: a provider that loses sessions as fast as they are opened is left alone for a while.
  if (state.reopened) return now({ ...state, hasSession: false }, later(state, budget))
  const reopened = { ...state, hasSession: false, reopened: true, offset: 0 }
  return now(reopened, write(reopened))
}

function afterError(
  state: PlanState,
  during: Exclude<Step['do'], Stop['do']>,
  error: ServiceError,
  budget: Budget,
): Planned {
  if (error instanceof CloudConnectionError) return now(state, { do: 'park', error })
  // The user removed the file that was to be written to: it is made anew.
  if (
    error.code === 'object_missing' &&
    state.target === 'replace' &&
    (during === 'open' || during === 'put')
  ) {
    const anew = { ...state, target: undefined }
    return now(anew, write(anew))
  }
  // Somebody has taken the name since the session was opened.
  if (error instanceof PlaceTaken && (during === 'send' || during === 'ask'))
    return afterAbsent(state, budget)
  if ((during === 'send' || during === 'ask') && refusesSession(error) && !state.reopened)
    return now(state, { do: 'look' })
  // What the operator has to mend is nobody's last word about a document: it goes on once it is mended.
  if (waitsForOperator(error)) {
    const afterSeconds = Math.max(operatorWaitSeconds, backOffSeconds(state.failures, budget.jitter))
    return now(state, { do: 'later', afterSeconds, error })
  }
  const unsure = error.retry.ambiguous === true
  if (!error.retry.retryable && !unsure) return now(state, { do: 'fail', error })

  const waitSeconds = error.retry.retryable ? error.retry.afterSeconds : undefined
  const next = { ...state, stalls: state.stalls + 1 }
  if (waitSeconds !== undefined && waitSeconds * 1000 > longestPauseMs) {
    return now(next, { do: 'later', afterSeconds: Math.min(waitSeconds, 43_200), error })
  }
  if (next.stalls > mostStalls) return now(next, later(next, budget, error))
  const pauseMs = waitSeconds === undefined ? shortPause(next) : waitSeconds * 1000
  return now(next, repeat(next, during), pauseMs)
}

/** Sessions end with many a refusal: only what a fresh one repeats is the drive's word about the document. */
function refusesSession({ code, context: { providerStatus = 0 } }: ServiceError): boolean {
  return (
    providerStatus === 401 || (code === 'provider_error' && providerStatus >= 400 && providerStatus < 500)
  )
}

/** What follows a failed step: what was sent is asked after, what only reads or reserves is repeated. */
function repeat(state: PlanState, during: Exclude<Step['do'], Stop['do']>): Step {
  switch (during) {
    case 'send':
    case 'ask':
      return { do: 'ask' }
    case 'put':
    case 'look':
    case 'verify':
      return { do: 'look' }
    case 'reserve':
    case 'open':
      return write(state)
    default:
      return during satisfies never
  }
}

function write(state: PlanState): Step {
  if (state.reserves && state.target === undefined) return { do: 'reserve' }
  return state.direct ? { do: 'put' } : { do: 'open' }
}

function send(state: PlanState): Step {
  return { do: 'send', offset: state.offset, length: Math.min(state.sendBytes, state.size - state.offset) }
}

function now(state: PlanState, step: Step, pauseMs = 0): Planned {
  return { state, step, pauseMs }
}

function shortPause(state: PlanState): number {
  return Math.min(longestPauseMs, 100 * 2 ** state.stalls)
}

function later(state: PlanState, budget: Budget, error?: ServiceError): Stop {
  return {
    do: 'later',
    afterSeconds: backOffSeconds(state.failures, budget.jitter),
    ...(error ? { error } : {}),
  }
}

/** 4 s, 8 s and so on to a quarter of an hour, less up to half by `jitter` (0 to 1) to keep many apart. */
export function backOffSeconds(failures: number, jitter: number): number {
  const full = Math.min(longestWaitSeconds, 4 * 2 ** Math.min(failures, 10))
  return Math.max(1, Math.round(full * (1 - jitter / 2)))
}
