import * as z from 'zod/mini'
import type { Dynamo } from '../aws/dynamo.ts'
import type { Page } from './table.ts'
import { idFields, rowParser, rowTable } from './table.ts'

/** What an index of connections holds. */
export const connectionKeys = z.object({ userKey: idFields.userKey, connectionId: idFields.connectionId })

/** A page of a shard's connections whose drives are to be looked at, the longest due first. */
export type DueConnections = (
  shard: string,
  limit: number,
  startKey?: Page<unknown>['nextKey'],
) => Promise<Page<Readonly<z.output<typeof connectionKeys>>>>

export function dueConnections(client: Dynamo, tableName: string, now: () => number): DueConnections {
  const table = rowTable(client, tableName, rowParser('connection key', connectionKeys))
  return (shard, limit, startKey) =>
    table.query({
      index: 'due',
      keyCondition: {
        expression: 'dueShard = :shard AND dueAt <= :now',
        values: { ':shard': shard, ':now': new Date(now()).toISOString() },
      },
      limit,
      ...(startKey === undefined ? {} : { startKey }),
    })
}
