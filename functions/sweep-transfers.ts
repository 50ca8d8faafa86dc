import type { Context } from 'aws-lambda'
import * as z from 'zod/mini'
import type { Composition } from '../lib/compose/composition.ts'
import { openSweep } from '../lib/compose/intake.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { announceForgotten } from '../lib/intake/forgotten.ts'
import { sweep } from '../lib/transfer/sweep.ts'
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
    const deps = openSweep(composition)
    const deadline = deps.clock.now() + context.getRemainingTimeInMillis() - closingMs
    const idleMs = idleSeconds * 1000
    const old = await deps.takeOver(deadline)
    const swept = await sweep(deps, { deadline, idleMs, restarted })
    const objects = await announceForgotten(deps, { deadline, idleMs })
    logger.info('Swept the open documents.', { ...swept, objects, old })
  }

export const handler = handlerIn(thisProcess)
