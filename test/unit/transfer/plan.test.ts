import { describe, expect, test } from 'vitest'
import { CloudConnectionError, ServiceError } from '../../../lib/errors.ts'
import { objectKey } from '../../../lib/ids.ts'
import type { ObjectEntry } from '../../../lib/storage/driver.ts'
import { PlaceTaken } from '../../../lib/storage/free-name.ts'
import type { Answer, PlanState, Step } from '../../../lib/transfer/plan.ts'
import {
  backOffSeconds,
  leastTimeMs,
  longestPauseMs,
  mostStalls,
  nextStep,
} from '../../../lib/transfer/plan.ts'

const plenty = { timeLeftMs: 600_000, jitter: 0 }
const entry: ObjectEntry = { objectKey: objectKey('id'), size: 100, checksums: {} }
const session: PlanState = {
  size: 100,
  direct: false,
  sendBytes: 40,
  reserves: false,
  target: undefined,
  hasSession: true,
  begun: false,
  offset: 0,
  reopened: false,
  stalls: 0,
  failures: 0,
}
const direct: PlanState = { ...session, direct: true, reserves: true, hasSession: false }

const step = (state: PlanState, answer: Answer): Step => nextStep(state, answer, plenty).step
const error = (
  during: Extract<Answer, { kind: 'error' }>['during'],
  retry: ServiceError['retry'],
  code: ServiceError['code'] = 'provider_unavailable',
): Answer => ({ kind: 'error', during, error: new ServiceError(code, 'x', { retry }) })
const open = (offset: number, from: 'ask' | 'send' = 'send'): Answer => ({
  kind: 'progress',
  from,
  progress: { state: 'open', offset },
})

describe('the first step', () => {
  test.each<[string, PlanState, Step]>([
    ['asks a session that is stored', session, { do: 'ask' }],
    ['opens a session where there is none', { ...session, hasSession: false }, { do: 'open' }],
    [
      'reserves a key first where the provider wants one',
      { ...session, hasSession: false, reserves: true },
      { do: 'reserve' },
    ],
    ['puts a small object with one request', { ...direct, reserves: false }, { do: 'put' }],
    ['reserves a key for a small object too', direct, { do: 'reserve' }],
    ['puts a small object under a key that is there', { ...direct, target: 'new' }, { do: 'put' }],
    ['looks first when a put was begun before', { ...direct, target: 'new', begun: true }, { do: 'look' }],
  ])('%s', (_name, state, expected) => {
    expect(step(state, { kind: 'started' })).toEqual(expected)
  })

  test('after a reserved key is the write', () => {
    expect(step(direct, { kind: 'reserved' })).toEqual({ do: 'put' })
    expect(step({ ...session, hasSession: false }, { kind: 'reserved' })).toEqual({ do: 'open' })
  })
})

describe('progress', () => {
  test.each<[string, Answer, Step]>([
    ['goes on from what was acknowledged', open(40), { do: 'send', offset: 40, length: 40 }],
    ['ends with a shorter fragment', open(80), { do: 'send', offset: 80, length: 20 }],
    ['follows a session that kept only a part', open(7), { do: 'send', offset: 7, length: 40 }],
    ['starts over when the session kept nothing', open(0, 'ask'), { do: 'send', offset: 0, length: 40 }],
    ['looks for the object when every byte is there and none was made', open(100), { do: 'look' }],
    [
      'looks before it opens another session',
      { kind: 'progress', from: 'ask', progress: { state: 'gone' } },
      { do: 'look' },
    ],
    [
      'verifies what is done',
      { kind: 'progress', from: 'send', progress: { state: 'done', entry } },
      { do: 'verify', entry },
    ],
    ['verifies what was found', { kind: 'finished', entry }, { do: 'verify', entry }],
  ])('%s', (_name, answer, expected) => {
    expect(step(session, answer)).toEqual(expected)
  })

  test('starts a new session at its first byte, whatever the old one had', () => {
    expect(step({ ...session, offset: 80 }, { kind: 'opened', target: 'new' })).toEqual({
      do: 'send',
      offset: 0,
      length: 40,
    })
  })

  test('that stands still ends in a later attempt, and one that moves forgets the failures', () => {
    let state: PlanState = { ...session, offset: 40 }
    for (let tried = 0; tried < mostStalls; tried += 1) {
      const planned = nextStep(state, open(40), plenty)
      expect(planned.step).toEqual({ do: 'send', offset: 40, length: 40 })
      expect(planned.pauseMs).toBeGreaterThan(0)
      state = planned.state
    }
    expect(nextStep(state, open(40), plenty).step.do).toBe('later')
    expect(nextStep(state, open(41), plenty).state.stalls).toBe(0)
  })
})

describe('a session that is gone', () => {
  test('is replaced once in an attempt', () => {
    const first = nextStep(session, { kind: 'absent' }, plenty)
    expect(first.step).toEqual({ do: 'open' })
    expect(first.state.offset).toBe(0)
    expect(nextStep(first.state, { kind: 'absent' }, plenty).step.do).toBe('later')
  })

  test.each([
    ['400', 400, 'provider_error'],
    ['401', 401, 'provider_unavailable'],
    ['403', 403, 'provider_error'],
    ['412', 412, 'provider_error'],
  ] as const)(
    'may say so with %s: what stands is looked at, and a new one is opened once',
    (_what, status, code) => {
      const retry = { retryable: code === 'provider_unavailable' }
      const refusal = (during: 'send' | 'ask'): Answer => ({
        kind: 'error',
        during,
        error: new ServiceError(code, 'x', { retry, context: { providerStatus: status } }),
      })
      for (const during of ['send', 'ask'] as const) {
        const looks = nextStep(session, refusal(during), plenty)
        expect(looks.step).toEqual({ do: 'look' })
        const anew = nextStep(looks.state, { kind: 'absent' }, plenty)
        expect(anew.step).toEqual({ do: 'open' })
        expect(step(anew.state, refusal(during)).do).toBe(retry.retryable ? 'ask' : 'fail')
      }
      expect(step(session, error('send', { retryable: false }, 'provider_quota_exceeded')).do).toBe('fail')
    },
  )

  test('of a small object is another put', () => {
    expect(step({ ...direct, target: 'new', begun: true }, { kind: 'absent' })).toEqual({ do: 'put' })
  })
})

describe('an error', () => {
  test.each<[string, PlanState, Answer, Step['do']]>([
    ['while sending: asks the session', session, error('send', { retryable: true, ambiguous: true }), 'ask'],
    [
      'while sending, without more advice: asks the session',
      session,
      error('send', { retryable: true }),
      'ask',
    ],
    ['while asking: asks again', session, error('ask', { retryable: true }), 'ask'],
    [
      'while putting: looks for the object',
      direct,
      error('put', { retryable: true, ambiguous: true }),
      'look',
    ],
    [
      'that leaves open what happened is asked after even if final',
      session,
      error('send', { retryable: false, ambiguous: true }),
      'ask',
    ],
    ['while looking: looks again', session, error('look', { retryable: true }), 'look'],
    ['while verifying: looks again', session, error('verify', { retryable: true }), 'look'],
    ['while opening: opens again', { ...session, target: 'new' }, error('open', { retryable: true }), 'open'],
    ['while reserving: reserves again', direct, error('reserve', { retryable: true }), 'reserve'],
    ['that is final fails', session, error('send', { retryable: false }, 'provider_quota_exceeded'), 'fail'],
    [
      'object_missing of what was to be replaced: makes it anew',
      { ...session, target: 'replace', reserves: true },
      error('open', { retryable: false }, 'object_missing'),
      'reserve',
    ],
    [
      'object_missing of what was to be replaced by path: makes it anew',
      { ...session, target: 'replace' },
      error('open', { retryable: false }, 'object_missing'),
      'open',
    ],
    [
      'object_missing of anything else fails',
      session,
      error('open', { retryable: false }, 'object_missing'),
      'fail',
    ],
  ])('%s', (_name, state, answer, expected) => {
    expect(step(state, answer).do).toBe(expected)
  })

  test('of a name that was taken meanwhile opens another session, once in an attempt', () => {
    const taken = (during: 'send' | 'ask' | 'open'): Answer => ({
      kind: 'error',
      during,
      error: new PlaceTaken(),
    })
    for (const during of ['send', 'ask'] as const) {
      const first = nextStep(session, taken(during), plenty)
      expect([first.step.do, first.state.hasSession]).toEqual(['open', false])
      expect(nextStep(first.state, taken(during), plenty).step.do).toBe('later')
    }
    // Every name is taken: one of them comes free.
    expect(step({ ...session, hasSession: false }, taken('open'))).toMatchObject({
      do: 'later',
      afterSeconds: 30,
    })
  })

  test('of a dead grant parks', () => {
    const dead = new CloudConnectionError('c', 'grant_revoked')
    expect(step(session, { kind: 'error', during: 'open', error: dead })).toEqual({ do: 'park', error: dead })
  })

  test('that asks for a long pause gives the message back for so long', () => {
    const planned = step(session, error('send', { retryable: true, afterSeconds: 41 }, 'provider_throttled'))
    expect(planned).toMatchObject({ do: 'later', afterSeconds: 41 })
  })

  test('that asks for a short pause is waited for in place', () => {
    const planned = nextStep(session, error('send', { retryable: true, afterSeconds: 1 }), plenty)
    expect(planned).toMatchObject({ step: { do: 'ask' }, pauseMs: 1000 })
  })

  test('again and again gives the message back, later each time', () => {
    let state = session
    for (let tried = 0; tried < mostStalls; tried += 1) {
      const planned = nextStep(state, error('send', { retryable: true }), plenty)
      expect(planned.pauseMs).toBeLessThanOrEqual(longestPauseMs)
      state = planned.state
    }
    const waits = [0, 1, 2, 5, 20].map((failures) => {
      const planned = nextStep({ ...state, failures }, error('send', { retryable: true }), plenty).step
      return planned.do === 'later' ? planned.afterSeconds : undefined
    })
    expect(waits).toEqual([4, 8, 16, 128, 900])
  })
})

describe('time', () => {
  test('that is too short for another request gives the message back at once', () => {
    const budget = { timeLeftMs: leastTimeMs - 1, jitter: 0 }
    expect(nextStep(session, open(40), budget).step).toEqual({ do: 'later', afterSeconds: 0 })
    expect(nextStep(session, { kind: 'started' }, budget).step).toEqual({ do: 'later', afterSeconds: 0 })
  })

  test('that is short does not keep what is finished from being verified, nor a failure from being told', () => {
    const budget = { timeLeftMs: 1, jitter: 0 }
    expect(nextStep(session, { kind: 'finished', entry }, budget).step.do).toBe('verify')
    expect(nextStep(session, error('send', { retryable: false }), budget).step.do).toBe('fail')
  })

  test('spreads those who come back', () => {
    expect(backOffSeconds(3, 0)).toBe(32)
    expect(backOffSeconds(3, 1)).toBe(16)
  })
})
