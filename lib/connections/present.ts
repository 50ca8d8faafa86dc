import type { Connection } from '../catalog/connections.ts'
import type { ConnectionView } from '../contract/views.ts'

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
