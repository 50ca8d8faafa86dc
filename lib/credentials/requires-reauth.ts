import type { Connection } from '../catalog/connection.ts'
import type { ConnectionStore } from '../catalog/connections.ts'
import type { ReauthReason } from '../errors.ts'
import type { EventPublisher } from '../telemetry/events.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import { count } from '../telemetry/metrics.ts'

const tries = 5

/**
 * Turns an active connection into one that the user has to reconnect, and says so in exactly one event, whoever else does the same.
 * The order makes it safe against a reconnect at the same moment: the connection is read first, then `stillDead` looks at the
 * tokens again, then the write depends on the connection being as it was read. A reconnect replaces the tokens before it writes the
 * connection, so it either shows in `stillDead` or makes the write fail.
 *
 * Answers false when the grant turned out to be alive: somebody has reconnected.
 */
export async function requireReauth(
  deps: { readonly connections: ConnectionStore; readonly events: EventPublisher },
  connection: Pick<Connection, 'userKey' | 'connectionId'>,
  reason: ReauthReason,
  stillDead: () => Promise<boolean>,
): Promise<boolean> {
  const { userKey, connectionId } = connection
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const seen = await deps.connections.get(userKey, connectionId)
    if (!(await stillDead())) return false
    if (seen?.status !== 'active') return true
    const updated = await deps.connections.update(seen, {
      status: 'requires_reauth',
      reason,
      idleSince: undefined,
    })
    if (updated === undefined) continue
    count('ReauthRequired', { provider: updated.provider, reason })
    logger.warn('A connection needs its user to reconnect', {
      connectionId,
      provider: updated.provider,
      reason,
    })
    await announce(deps.events, updated, reason)
    return true
  }
  return true
}

/** The row says it already, so an event bus that is down must not turn the caller's answer into another error. */
async function announce(events: EventPublisher, connection: Connection, reason: ReauthReason): Promise<void> {
  const { userId, connectionId, provider } = connection
  try {
    await events.publish({
      type: 'Connection Requires Reauth',
      detail: { userId, connectionId, provider, reason },
    })
  } catch (error) {
    logger.error('The event of a connection that needs a reconnect was lost', {
      connectionId,
      ...errorFields(error),
    })
  }
}
