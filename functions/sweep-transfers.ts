import type { Context } from 'aws-lambda'
import * as z from 'zod/mini'
import type { Composition } from '../lib/compose/composition.ts'
import { openIntake } from '../lib/compose/intake.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { sweepTransfers } from '../lib/intake/sweep.ts'
import { logger } from '../lib/telemetry/logger.ts'

/**
 * The schedule's input: after how long without a change something counts as forgotten. `restarted` comes from
 * a local stack that begins.
 */
const input = z.object({
  idleSeconds: z._default(z.number(), 600),
  restarted: z._default(z.boolean(), false),
})
const closingMs = 10_000

/** The schedule calls it every few minutes: finds and mends what no event will bring back. */
export const handlerIn =
  (composition: Composition) =>
  async (event: unknown, context: Context): Promise<void> => {
    const { idleSeconds, restarted } = input.parse(event)
    const deps = await openIntake(composition)
    const deadline = deps.clock.now() + context.getRemainingTimeInMillis() - closingMs
    const swept = await sweepTransfers(deps, { deadline, idleMs: idleSeconds * 1000, restarted })
    logger.info('Swept the transfers.', { ...swept })
  }

export const handler = handlerIn(thisProcess)
