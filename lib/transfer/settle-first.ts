import type { Change } from '../catalog/document.ts'
import { isServiceError } from '../errors.ts'
import type { Driver, ObjectEntry } from '../storage/driver.ts'
import { damageOf } from './damage.ts'
import { finishDelete } from './delete.ts'
import type { Claimed, HallDeps } from './hall.ts'
import { connectionOf } from './hall.ts'
import { ownOf } from './own.ts'
import { planOf } from './place.ts'
import { settleFailed, settleStored } from './settle.ts'

/**
 * Tells of a change whose sender is gone what has become of it: the recorded target is
 * looked at under a higher fence. There with its bytes: stored. Not there: a put has failed,
 * an upload is due again, a delete goes on. Only then may another change own the row.
 */
export async function settleFirst(deps: HallDeps, dead: Claimed): Promise<void> {
  const { change } = dead
  const until = deps.clock.now() + deps.settings.requestMs
  const owner = deps.newId()
  const row = (await deps.documents.work(dead, { fence: change.fence + 1, owner, until })) as
    | Claimed
    | undefined
  if (!row) return
  if (change.door === 'delete') {
    await finishDelete(deps, row)
  } else if (change.door === 'put') {
    const connection = await connectionOf(deps, row)
    // Its sender may have got as far as the last byte.
    const begun = { ...change, attempts: 2 }
    const driver = connection && ownOf(deps, row, begun, await deps.openDriver(connection))
    const entry = driver && (await madeBy(driver, row))
    if (entry) await settleStored(deps, row, entry, provenBy(change, entry))
    else await settleFailed(deps, row, cutOff, await damageOf(row, driver))
  } else {
    await deps.documents.work(row, {
      state: 'waiting',
      notBefore: deps.clock.now(),
      owner: undefined,
      until: undefined,
    })
    await deps.enqueue(row)
  }
}

const cutOff = {
  code: 'provider_unavailable',
  detail: 'The request ended before the drive had answered. Send the document once more.',
} as const

/** What stands at the recorded target, if it is what this change was to make: its size and its hash. */
async function madeBy(driver: Driver, { userId, change }: Claimed): Promise<ObjectEntry | undefined> {
  if (!change.target) return undefined
  try {
    const entry = await driver.find(planOf({ userId, change }, change.target))
    return entry && isContent(entry, change) ? entry : undefined
  } catch (error) {
    if (isServiceError(error, 'object_missing', 'connection_requires_reauth')) return undefined
    throw error
  }
}

function isContent(entry: ObjectEntry, { size, proof }: Pick<Change, 'size' | 'proof'>): boolean {
  if (size === 0) return entry.size === 0
  return proof !== undefined && entry.checksums[proof.algorithm] === proof.value
}

function provenBy({ size, proof }: Change, entry: ObjectEntry) {
  const value = proof && entry.checksums[proof.algorithm]
  if (proof === undefined || value === undefined) return { verdict: 'unverified' as const, size }
  return { verdict: 'verified' as const, size, hash: { algorithm: proof.algorithm, value } }
}
