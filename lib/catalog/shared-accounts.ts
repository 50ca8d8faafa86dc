import type { Dynamo } from '../aws/dynamo.ts'
import type { Connection, ConnectionStore } from './connections.ts'
import { accountOf, stands } from './connections.ts'
import { connectionKeys } from './due-connections.ts'
import { rowParser, rowTable } from './table.ts'

/** Whether anybody else's grant stands on a connection's account. The index is late by a moment. */
export function accountSharing(
  client: Dynamo,
  tableName: string,
  { named }: Pick<ConnectionStore, 'named'>,
): (connection: Connection) => Promise<boolean> {
  const table = rowTable(client, tableName, rowParser('connection key', connectionKeys))
  return async (connection) => {
    const account = accountOf(connection)
    const { rows } = await table.query({
      index: 'account',
      keyCondition: { expression: 'account = :account', values: { ':account': account } },
      limit: 25,
    })
    const seen = rows.filter(({ connectionId }) => connectionId !== connection.connectionId)
    // Those that leave in this very moment may still be in the index.
    const found = await Promise.all(seen.map(({ userKey, connectionId }) => named(userKey, connectionId)))
    return found.some((other) => other !== undefined && stands(other) && accountOf(other) === account)
  }
}
