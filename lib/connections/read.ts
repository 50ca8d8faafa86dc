import type { Connection } from '../catalog/connection.ts'
import type { ConnectionChanges, ConnectionStore } from '../catalog/connections.ts'
import { ServiceError } from '../errors.ts'
import type { ConnectionId, UserId, UserKey } from '../ids.ts'

/** Whose connection, by the caller's verified token. */
export interface Owner {
  readonly userId: UserId
  readonly userKey: UserKey
}

const writeTries = 8

/** The user's connection; anybody else's looks as if it did not exist (`connection_not_found`). */
export async function getConnection(
  deps: { readonly connections: Pick<ConnectionStore, 'get'> },
  userKey: UserKey,
  connectionId: ConnectionId,
): Promise<Connection> {
  const connection = await deps.connections.get(userKey, connectionId)
  if (connection !== undefined) return connection
  throw new ServiceError('connection_not_found', `There is no connection ${connectionId}.`, {
    context: { connectionId },
  })
}

/** All connections of the user, oldest first, whatever their status. */
export function listConnections(
  deps: { readonly connections: Pick<ConnectionStore, 'list'> },
  userKey: UserKey,
): Promise<readonly Connection[]> {
  return deps.connections.list(userKey)
}

/**
 * Changes the connection as `decide` says, looking at it anew whenever somebody else changed it meanwhile. `decide` answers
 * undefined to leave it as it is, or throws.
 */
export async function changeConnection(
  deps: { readonly connections: Pick<ConnectionStore, 'get' | 'update'> },
  userKey: UserKey,
  connectionId: ConnectionId,
  decide: (seen: Connection) => ConnectionChanges | undefined,
): Promise<{ readonly before: Connection; readonly after: Connection }> {
  for (let attempt = 1; attempt <= writeTries; attempt += 1) {
    const before = await getConnection(deps, userKey, connectionId)
    const changes = decide(before)
    if (changes === undefined) return { before, after: before }
    const after = await deps.connections.update(before, changes)
    if (after !== undefined) return { before, after }
  }
  throw new ServiceError('internal_error', 'The connection is changed by too many at once.', {
    retry: { retryable: true },
  })
}

/** Records the Drive folder that files go into. */
export async function rememberFolder(
  deps: { readonly connections: Pick<ConnectionStore, 'get' | 'update'> },
  connection: Pick<Connection, 'userKey' | 'connectionId'>,
  folderId: string,
): Promise<void> {
  await changeConnection(deps, connection.userKey, connection.connectionId, (seen) =>
    seen.folderId === folderId ? undefined : { folderId },
  )
}
