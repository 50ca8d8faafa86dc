import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import { connectionNotFound } from '../catalog/connections.ts'
import type { ConnectionId, UserId, UserKey } from '../ids.ts'

/** Whose connection, by the caller's verified token. */
export interface Owner {
  readonly userId: UserId
  readonly userKey: UserKey
}

/** The user's connection; anybody else's looks as if it did not exist (`connection_not_found`). */
export async function getConnection(
  deps: { readonly connections: Pick<ConnectionStore, 'get'> },
  userKey: UserKey,
  connectionId: ConnectionId,
): Promise<Connection> {
  const connection = await deps.connections.get(userKey, connectionId)
  if (connection !== undefined) return connection
  throw connectionNotFound(connectionId)
}

/** All connections of the user, oldest first, whatever their status. */
export function listConnections(
  deps: { readonly connections: Pick<ConnectionStore, 'list'> },
  userKey: UserKey,
): Promise<readonly Connection[]> {
  return deps.connections.list(userKey)
}
