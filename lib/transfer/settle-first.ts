import { isServiceError } from '../errors.ts'
import type { Driver } from '../storage/driver.ts'
import { damageDetail, damageOf } from './damage.ts'
import { finishDelete } from './delete.ts'
import type { Claimed, HallDeps } from './hall.ts'
import { connectionOf } from './hall.ts'
import { judge, sentAs } from './judge.ts'
import { ownOf } from './own.ts'
import { planOf } from './place.ts'
import { settleFailed, settleStored } from './settle.ts'

/**
 * Tells of a change whose sender is gone what has become of it: the recorded target is
 * looked at under a higher fence. There with its bytes: stored. Not there: a put has failed,
 * an upload is due again unless it `isOver`, a delete goes on. Only then may another change own the row.
 */
export async function settleFirst(
  deps: HallDeps,
  dead: Claimed,
  isOver: boolean = dead.change.door === 'put',
): Promise<void> {
  const { change } = dead
  const until = deps.clock.now() + deps.settings.requestMs
  const claim = { fence: change.fence + 1, owner: deps.newId(), until }
  const row = (await deps.documents.work(dead, claim)) as Claimed | undefined
  if (!row) return
  if (change.door === 'delete') {
    await finishDelete(deps, row)
  } else if (isOver) {
    const connection = await connectionOf(deps, row)
    // Its sender may have got as far as the last byte.
    const begun = { ...change, attempts: 2 }
    const driver = connection && ownOf(deps, row, begun, await deps.openDriver(connection))
    const made = driver && (await madeBy(driver, row))
    if (made) await settleStored(deps, row, made.entry, made.judged)
    else {
      const damage = await damageOf(row, driver)
      const damaged = damage.standing && { code: 'provider_error' as const, detail: damageDetail(damage) }
      await settleFailed(deps, row, damaged ?? cutOff, damage)
    }
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
async function madeBy(driver: Driver, { userId, change }: Claimed) {
  const { target, size, proof } = change
  try {
    const entry = target && (await driver.find(planOf({ userId, change }, target)))
    const judged = entry && judge(entry, sentAs(size, proof), { rewrites: false, late: false })
    const isContent = judged?.verdict === 'verified' || (size === 0 && entry?.size === 0)
    return entry && judged && isContent ? { entry, judged } : undefined
  } catch (error) {
    if (isServiceError(error, 'object_missing', 'connection_requires_reauth')) return undefined
    throw error
  }
}
