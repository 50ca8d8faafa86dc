import type { Page } from '../catalog/table.ts'
import type { Erasure } from '../catalog/erasures.ts'
import { isUnderWay } from '../catalog/erasures.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { EraseDeps } from './erase.ts'
import { eraseUser } from './erase.ts'

export interface EraseUsersDeps extends EraseDeps {
  readonly isOver: () => boolean
}

/** Goes on with every erasure that is not done; one that fails keeps no other waiting. */
export async function eraseUsers(
  deps: EraseUsersDeps,
): Promise<{ readonly open: number; readonly done: number }> {
  let open = 0
  let done = 0
  let startKey: Page<Erasure>['nextKey']
  do {
    const page = await deps.erasures.scan(startKey)
    for (const erasure of page.rows.filter(isUnderWay)) {
      if (deps.isOver()) return { open, done }
      open += 1
      try {
        if ((await eraseUser(deps, erasure))?.status === 'done') done += 1
      } catch (error) {
        logger.error('An erasure did not come to its end; the next run goes on', {
          erasureId: erasure.id,
          ...errorFields(error),
        })
      }
    }
    startKey = page.nextKey
  } while (startKey !== undefined)
  return { open, done }
}
