import type { Context } from 'aws-lambda'
import * as z from 'zod/mini'
import type { Composition } from '../lib/compose/composition.ts'
import { openSweep } from '../lib/compose/intake.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { announceForgotten } from '../lib/intake/forgotten.ts'
import { sweep } from '../lib/transfer/sweep.ts'
import { logger } from '../lib/telemetry/logger.ts'

/** After how long without a change something counts as forgotten; `restarted`: a local stack begins. */
const input = z.object({
  idleSeconds: z._default(z.number(), 600),
  restarted: z._default(z.boolean(), false),
})
const closingMs = 10_000
const hourMs = 60 * 60_000

/** The schedule calls it every few minutes: finds and mends what no event will bring back. */
export const handlerIn =
  (composition: Composition) =>
  async (event: unknown, context: Context): Promise<void> => {
    const { idleSeconds, restarted } = input.parse(event)
    const deps = openSweep(composition)
    const deadline = deps.clock.now() + context.getRemainingTimeInMillis() - closingMs
    const idleMs = idleSeconds * 1000
    const old = await deps.takeOver(deadline)
    const aRun = { deadline, idleMs, restarted }
    await deps.walkOn({ name: 'open documents', everyMs: 0 }, async (from) => {
      const { rows, next } = await sweep(deps, { ...aRun, from })
      logger.info('Swept the open documents.', { rows, old })
      return next
    })
    await deps.walkOn({ name: 'intake bucket', everyMs: restarted ? 0 : hourMs }, async (from) => {
      const { announced, next } = await announceForgotten(deps, { ...aRun, from })
      logger.info('Announced what nobody had.', { announced })
      return next
    })
  }

export const handler = handlerIn(thisProcess)
