import type { Context } from 'aws-lambda'
import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { pack } from '../lib/grants/pack.ts'
import { providerIds } from '../lib/providers/registry.ts'
import { logger } from '../lib/telemetry/logger.ts'

const reserveMs = 60_000

/** The schedule calls it hourly: moves grants into cells, and takes away what does not stand any more. */
export const handlerIn =
  (composition: Composition) =>
  async (_event: unknown, context: Context): Promise<void> => {
    const timeIsUp = () => context.getRemainingTimeInMillis() < reserveMs
    for (const provider of providerIds) {
      const packed = await pack(composition, provider, timeIsUp)
      logger.info('Packed the grants.', { provider, ...packed })
    }
  }

export const handler = handlerIn(thisProcess)
