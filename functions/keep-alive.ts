import type { Context } from 'aws-lambda'
import type { Composition } from '../lib/compose/composition.ts'
import { openKeepAlive } from '../lib/compose/connections.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { keepAlive } from '../lib/connections/keep-alive.ts'

/** The most refreshes of one run. */
const limit = 1_000

/** The schedule calls it daily: refreshes grants that would otherwise die of idleness. */
export const handlerIn =
  (composition: Composition) =>
  async (_event: unknown, context: Context): Promise<void> => {
    await keepAlive(openKeepAlive(composition), {
      limit,
      remainingMs: () => context.getRemainingTimeInMillis(),
    })
  }

export const handler = handlerIn(thisProcess)
