import * as z from 'zod/mini'
import type { Dynamo } from '../aws/dynamo.ts'
import { rowParser, rowTable } from './table.ts'

const row = z.object({
  id: z.string(),
  /** Where the next run goes on; absent when the walk has come to its end. */
  cursor: z.exactOptional(z.string()),
  /** Epoch milliseconds. */
  beganAt: z.number(),
})
/** A walk that nobody has gone on with for so long begins anew, seconds. */
const keptSeconds = 24 * 60 * 60

export interface Walk {
  readonly name: string
  /** A walk that has ended begins anew no sooner than so long after it began, milliseconds. */
  readonly everyMs: number
}

/**
 * Does a part of a walk over more than one run can see, from where the run before stopped. `part` answers
 * where the next one goes on, or undefined at the end. A part that is cut off is done again.
 */
export type WalkOn = (
  walk: Walk,
  part: (from: string | undefined) => Promise<string | undefined>,
) => Promise<void>

/** Walks are remembered among the rows that end by themselves. `now`: epoch milliseconds. */
export function walker(client: Dynamo, tableName: string, now: () => number): WalkOn {
  const table = rowTable(client, tableName, rowParser('walk', row))
  return async ({ name, everyMs }, part) => {
    const id = `walk#${name}`
    const seen = await table.get({ id })
    if (seen && seen.cursor === undefined && now() - seen.beganAt < everyMs) return
    const beganAt = seen?.cursor === undefined ? now() : seen.beganAt
    const cursor = await part(seen?.cursor)
    const expiresAt = Math.floor(now() / 1000) + keptSeconds
    await table.put({ id, beganAt, expiresAt, ...(cursor === undefined ? {} : { cursor }) })
  }
}
