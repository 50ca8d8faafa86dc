import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import { connectionNotFound } from '../catalog/connections.ts'
import type { ConnectionId, Owner } from '../ids.ts'

/** The user's connection; anybody else's looks as if it did not exist (`connection_not_found`). */
export async function getConnection(
  deps: { readonly connections: Pick<ConnectionStore, 'get'> },
  owner: Owner,
  connectionId: ConnectionId,
): Promise<Connection> {
  const connection = await deps.connections.get(owner, connectionId)
  if (connection !== undefined) return connection
  throw connectionNotFound(connectionId)
}

/** All connections of the user, oldest first, whatever their status. */
export function listConnections(
  deps: { readonly connections: Pick<ConnectionStore, 'list'> },
  owner: Owner,
): Promise<readonly Connection[]> {
  return deps.connections.list(owner)
}
