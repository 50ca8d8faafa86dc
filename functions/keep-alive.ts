import type { Context } from 'aws-lambda'
import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { keepAlive } from '../lib/connections/keep-alive.ts'
import { moveGrants } from '../lib/connections/move-grants.ts'

/** The schedule calls it hourly: refreshes grants that would otherwise die of idleness. */
export const handlerIn =
  (composition: Composition) =>
  async (_event: unknown, context: Context): Promise<void> => {
    const run = { remainingMs: () => context.getRemainingTimeInMillis() }
    await moveGrants(composition, run)
    await keepAlive(composition, run)
  }

export const handler = handlerIn(thisProcess)
