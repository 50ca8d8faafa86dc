import type { Context } from 'aws-lambda'
import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { openErasure } from '../lib/compose/users.ts'
import { eraseUsers } from '../lib/users/erase-users.ts'
import { logger } from '../lib/telemetry/logger.ts'

const reserveMs = 20_000

/** The schedule calls it every few minutes: goes on with every erasure that is not done. */
export const handlerIn =
  (composition: Composition) =>
  async (_event: unknown, context: Context): Promise<void> => {
    const deadline = composition.clock.now() + context.getRemainingTimeInMillis() - reserveMs
    const erased = await eraseUsers(openErasure(composition, deadline))
    if (erased.open > 0) logger.info('Went on with erasures.', { ...erased })
  }

export const handler = handlerIn(thisProcess)
