import type { Context } from 'aws-lambda'
import * as z from 'zod/mini'
import { openIntake } from '../lib/compose.ts'
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
export async function handler(event: unknown, context: Context): Promise<void> {
  const { idleSeconds, restarted } = input.parse(event)
  const deps = await openIntake()
  const deadline = deps.clock.now() + context.getRemainingTimeInMillis() - closingMs
  const swept = await sweepTransfers(deps, { deadline, idleMs: idleSeconds * 1000, restarted })
  logger.info('Swept the transfers.', { ...swept })
}
