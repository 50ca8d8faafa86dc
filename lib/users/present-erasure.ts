import type { Erasure } from '../catalog/erasures.ts'
import type { Clock } from '../clock.ts'
import { dayMs } from '../clock.ts'
import { listed } from '../contract/env.ts'
import type { Owner, UserId } from '../ids.ts'
import type { Settings } from '../providers/about.ts'

interface ErasureView {
  readonly id: string
  readonly userId: UserId
  readonly status: Erasure['status']
  readonly files: Erasure['files']
  readonly startedAt: string
  readonly doneAt?: string
  readonly counts: Readonly<Record<string, number>>
  /** What cannot be taken back, and the day on which it ends by itself. */
  readonly kept: readonly { readonly what: string; readonly until: string }[]
}

/** An erasure as the API shows it. */
export function presentErasure(
  { clock, settings }: { readonly clock: Pick<Clock, 'now'>; readonly settings: Settings },
  erasure: Erasure,
  { userId }: Owner,
): ErasureView {
  const { id, status, files, startedAt, doneAt, counts, filesLeft } = erasure
  const from = doneAt === undefined ? clock.now() : Date.parse(doneAt)
  const kept = listed(settings, 'KEPT_DAYS').map((entry) => {
    const [what = '', days = ''] = entry.split('=')
    return { what, until: new Date(from + Number(days) * dayMs).toISOString() }
  })
  return {
    id,
    userId,
    status,
    files,
    startedAt,
    ...(doneAt === undefined ? {} : { doneAt }),
    counts: { ...counts, ...(filesLeft === undefined ? {} : { filesLeft }) },
    kept,
  }
}
