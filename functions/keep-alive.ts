import type { Context } from 'aws-lambda'
import { openKeepAlive } from '../lib/compose.ts'
import { keepAlive } from '../lib/connections/keep-alive.ts'

/** The most refreshes of one run. */
const limit = 1_000

/** The schedule calls it daily: refreshes grants that would otherwise die of idleness. */
export async function handler(_event: unknown, context: Context): Promise<void> {
  await keepAlive(openKeepAlive(), { limit, remainingMs: () => context.getRemainingTimeInMillis() })
}
