import type { IntakeBucket } from '../transfer/bucket.ts'
import type { HallDeps } from '../transfer/hall.ts'
import { readIntakeKey } from '../transfer/intake-key.ts'
import type { CreatedObject } from '../queue/object-created.ts'

interface ForgottenDeps extends Pick<HallDeps, 'clock' | 'documents'> {
  readonly bucket: IntakeBucket
  readonly announce: (object: CreatedObject) => Promise<void>
}

interface ForgottenOptions {
  readonly idleMs: number
  /** Epoch milliseconds. */
  readonly deadline: number
  /** Where the run before stopped, as it answered; the beginning when absent. */
  readonly from?: string | undefined
}

/** A run sees so many thousand objects, whatever lies there. */
const mostPages = 50

/**
 * Announces objects of the intake bucket that lie there for longer
 * than `idleMs` and that no row names: their event was lost.
 */
export async function announceForgotten(
  deps: ForgottenDeps,
  { idleMs, deadline, from }: ForgottenOptions,
): Promise<{ readonly announced: number; readonly next?: string }> {
  let announced = 0
  let cursor = from
  const stopped = () => ({ announced, ...(cursor === undefined ? {} : { next: cursor }) })
  for (let pages = 0; pages < mostPages; pages += 1) {
    const page = await deps.bucket.list(cursor)
    for (const { key, modifiedAt } of page.objects) {
      const now = deps.clock.now()
      if (now >= deadline) return stopped()
      if (now - modifiedAt < idleMs || key.endsWith('/') || (await isKnown(deps, key))) continue
      await deps.announce({ bucket: deps.bucket.name, key })
      announced += 1
    }
    cursor = page.cursor
    if (cursor === undefined) break
  }
  return stopped()
}

async function isKnown(deps: ForgottenDeps, key: string): Promise<boolean> {
  const named = readIntakeKey(key)
  for (const address of 'announced' in named ? [named.announced] : named.drops) {
    const row = await deps.documents.get(address)
    const sources = [
      row?.change?.source?.key,
      row?.aside?.source?.key,
      ...Object.values(row?.remove ?? {}).map((left) => left.key),
    ]
    if (sources.includes(key)) return true
  }
  return (await deps.bucket.keptAs(key)) !== undefined
}
