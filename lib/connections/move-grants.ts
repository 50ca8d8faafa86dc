import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { NewId } from '../ids.ts'
import { atOnce } from '../net/at-once.ts'
import { randomId } from '../ids.ts'
import type { Grants } from '../grants/store.ts'
import { providerIds } from '../providers/registry.ts'
import { errorFields, logger } from '../telemetry/logger.ts'

export interface MoveDeps {
  readonly connections: Pick<ConnectionStore, 'named' | 'update' | 'listOld'>
  readonly grants: Pick<Grants, 'read'>
  readonly newId?: NewId
}

const pageSize = 100
const rowsAtOnce = 10
const reserveMs = 20_000

/**
 * Gives every grant that an earlier version has kept a row. Killed anywhere it goes on with the next run: a
 * connection keeps its mark until its grant has moved, and is found by it. How many have moved.
 */
export async function moveGrants(
  deps: MoveDeps,
  run: { readonly remainingMs: () => number },
): Promise<number> {
  let moved = 0
  for (const provider of providerIds) {
    let startKey: Parameters<ConnectionStore['listOld']>[2]
    do {
      const page = await deps.connections.listOld(provider, pageSize, startKey)
      await atOnce(rowsAtOnce, page.rows, async (row) => {
        if (run.remainingMs() >= reserveMs && (await moveOne(deps, row))) moved += 1
      })
      startKey = page.nextKey
    } while (startKey !== undefined && run.remainingMs() >= reserveMs)
  }
  if (moved > 0) logger.info('Grants of an earlier version have moved', { moved })
  return moved
}

async function moveOne(deps: MoveDeps, { userKey, connectionId }: Connection): Promise<boolean> {
  try {
    // The index lags behind: only the row itself says whether its grant has moved.
    const seen = await deps.connections.named(userKey, connectionId)
    if (seen?.idleSince === undefined) return false
    // Reading moves it. A dead connection has the mark only when nobody could be told of its death.
    if (seen.status === 'active') await deps.grants.read(seen)
    const late = { id: (deps.newId ?? randomId)(), type: 'Connection Requires Reauth' } as const
    const event = seen.status === 'requires_reauth' ? late : undefined
    return (await deps.connections.update(seen, { idleSince: undefined, event })) !== undefined
  } catch (error) {
    logger.warn('A grant could not be moved', { connectionId, ...errorFields(error) })
    return false
  }
}
