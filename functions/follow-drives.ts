import type { Context } from 'aws-lambda'
import { followDrives } from '../lib/changes/follow-drives.ts'
import { openFollowing } from '../lib/compose/changes.ts'
import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'

/** The schedule calls it every minute: tells what users have done in their drives. */
export const handlerIn =
  (composition: Composition) =>
  async (_event: unknown, context: Context): Promise<void> => {
    const run = { remainingMs: () => context.getRemainingTimeInMillis() }
    await followDrives(openFollowing(composition), run)
  }

export const handler = handlerIn(thisProcess)
