import { describe, expect, it } from 'vitest'
import { retryAfterSeconds } from '../../../lib/net/retry-after.ts'

const now = Date.parse('2026-11-01T12:00:00Z')

describe('Retry-After', () => {
  it.each([
    ['7', 7],
    ['0', 0],
    [' 41 ', 41],
    ['1.2', 2],
    ['Sun, 01 Nov 2026 12:00:30 GMT', 30],
    ['Sun, 01 Nov 2026 11:00:00 GMT', 0],
    ['', undefined],
    ['soon', undefined],
  ])('%o means %o seconds', (text, seconds) => {
    expect(retryAfterSeconds({ 'retry-after': text }, now)).toBe(seconds)
  })

  it('may be missing', () => {
    expect(retryAfterSeconds({}, now)).toBeUndefined()
  })
})
