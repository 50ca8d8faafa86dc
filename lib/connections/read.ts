import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import { connectionNotFound } from '../catalog/connections.ts'
import type { ConnectionView } from '../contract/views.ts'
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

/** Removes a connection that nobody has completed; any other stays. */
export async function endPending(
  deps: { readonly connections: Pick<ConnectionStore, 'named' | 'remove'> },
  { userKey, connectionId }: Pick<Connection, 'userKey' | 'connectionId'>,
): Promise<void> {
  const seen = await deps.connections.named(userKey, connectionId)
  if (seen?.status === 'pending') await deps.connections.remove(seen)
}

/** A connection as the HTTP contract shows it. */
export function presentConnection(connection: Connection): ConnectionView {
  const { connectionId, provider, status, email, scopes, createdAt, updatedAt, reason } = connection
  return {
    id: connectionId,
    provider,
    status,
    ...(email === undefined ? {} : { account: { email } }),
    ...(scopes === undefined ? {} : { scopes: [...scopes] }),
    createdAt,
    updatedAt,
    ...(reason === undefined ? {} : { reason }),
  }
}
