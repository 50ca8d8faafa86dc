import type { Connection } from '../catalog/connections.ts'
import { connectionNotFound } from '../catalog/connections.ts'
import { isOwnedBy } from '../catalog/table.ts'
import { CloudConnectionError, ServiceError } from '../errors.ts'
import type { ConnectionId, Owner } from '../ids.ts'
import { parseConnectionId } from '../ids.ts'
import type { DocumentDeps } from './deps.ts'

/**
 * Passes a connection that can be used now; a dead grant is refused
 * here, so that the provider is not called for it again.
 */
export function requireUsable(connection: Connection | undefined, connectionId: string): Connection {
  if (connection === undefined || connection.status === 'disconnected') throw connectionNotFound(connectionId)
  if (connection.status === 'requires_reauth')
    throw new CloudConnectionError(connection.connectionId, connection.reason ?? 'grant_revoked')
  if (connection.status === 'pending')
    throw new CloudConnectionError(connection.connectionId, 'consent_required')
  return connection
}

/** The connection of a document that exists. */
export async function connectionOf(
  deps: Pick<DocumentDeps, 'connections'>,
  owner: Owner,
  connectionId: ConnectionId,
): Promise<Connection> {
  return requireUsable(await deps.connections.get(owner, connectionId), connectionId)
}

/**
 * The connection that was named, else the user's only active one;
 * `connection_required` when that is not clear. `read`: one that was just read.
 */
export async function chooseConnection(
  deps: Pick<DocumentDeps, 'connections'>,
  owner: Owner,
  named: string | undefined,
  read?: Connection,
): Promise<Connection> {
  if (named !== undefined) {
    const id = parseConnectionId(named)
    if (id === undefined) throw connectionNotFound(named)
    if (read?.connectionId === id) return requireUsable(isOwnedBy(owner)(read) ? read : undefined, id)
    return connectionOf(deps, owner, id)
  }
  const all = await deps.connections.list(owner)
  const active = all.filter((connection) => connection.status === 'active')
  const [only] = active
  if (only !== undefined && active.length === 1) return only
  const dead = all.filter((connection) => connection.status === 'requires_reauth')
  // The user has one drive and it waits for a reconnect: saying so helps more than asking for an id.
  if (active.length === 0 && dead.length === 1) return requireUsable(dead[0], dead[0]?.connectionId ?? '')
  throw new ServiceError(
    'connection_required',
    active.length === 0
      ? 'There is no active connection. Connect a drive first: POST /v1/connections.'
      : `There are ${active.length} active connections. Name one: connectionId.`,
    { context: { links: { connections: '/v1/connections' } } },
  )
}
