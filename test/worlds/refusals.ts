import type { FaultAction } from '../../simulators/kernel/faults.ts'
import type { Cloud } from './drives.ts'

/** What a cloud says now and then instead of doing what it is asked. */
export function refusals(cloud: Cloud): readonly FaultAction[] {
  const wait = { headers: { 'retry-after': '7' } }
  const own: Readonly<Record<Cloud, readonly FaultAction[]>> = {
    google: [
      { type: 'status', status: 403, reason: 'userRateLimitExceeded' },
      { type: 'status', status: 403, reason: 'rateLimitExceeded' },
    ],
    microsoft: [
      { type: 'status', status: 423 },
      { type: 'status', status: 509 },
    ],
    dropbox: [
      { type: 'status', status: 429, reason: 'too_many_write_operations' },
      { type: 'status', status: 409, reason: 'internal_error' },
    ],
  }
  return [
    { type: 'status', status: 429, ...wait },
    { type: 'status', status: 429 },
    { type: 'status', status: 500 },
    { type: 'status', status: 503 },
    { type: 'status', status: 502 },
    { type: 'garbage' },
    { type: 'commit-then-reset' },
    ...own[cloud],
  ]
}
