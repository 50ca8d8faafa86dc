import type { Leftover, Standing } from '../catalog/document.ts'
import type { ObjectEntry } from '../storage/driver.ts'
import type { Claimed } from './hall.ts'
import type { Judged } from './judge.ts'

/** Good bytes are sent so often in all when the provider stores others. */
export const mostSends = 3

/** Bytes that the provider stored wrongly each time. */
export interface Damage {
  /** They stand in place of the version before, which the drive has written over. */
  readonly standing?: Standing
  /** They stand apart, and go. */
  readonly leftovers: readonly Leftover[]
}

/** What becomes of the object that this change has made, or written over. */
export function damageOf(row: Claimed, entry: ObjectEntry, judged: Judged): Damage {
  const { objectKey: key } = entry
  const { standing, change, objectKey } = row
  if (!standing || objectKey !== key)
    return { leftovers: [{ kind: 'object', connectionId: change.connectionId, key }] }
  const { hash: _other, prove: _over, revision: _old, ...rest } = standing
  const now = {
    size: judged.size,
    verdict: 'mismatch' as const,
    ...(judged.hash ? { hash: judged.hash } : {}),
    ...(entry.etag === undefined ? {} : { revision: entry.etag }),
  }
  return { standing: { ...rest, ...now }, leftovers: [] }
}
