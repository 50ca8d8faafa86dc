import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { ReauthReason } from '../errors.ts'
import { CloudConnectionError, ServiceError } from '../errors.ts'
import type { Owner } from '../ids.ts'
import type { EventPublisher } from '../telemetry/events.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import { count } from '../telemetry/metrics.ts'

export interface AnnounceDeps {
  readonly connections: Pick<ConnectionStore, 'get' | 'update' | 'change'>
  readonly events: EventPublisher
}

const tries = 5

/** So long the process that marked a connection is taken to be at it still, milliseconds. */
const announcePatienceMs = 60_000

/**
 * Turns an active connection into one that the user has to reconnect, and says so in one event, however many
 * find it. False when somebody has reconnected meanwhile.
 *
 * Against that it reads the connection first, then lets `stillDead` look at the tokens, then writes the
 * connection as it was read: a reconnect changes them in the other order.
 */
export async function requireReauth(
  deps: AnnounceDeps,
  connection: Owner & Pick<Connection, 'connectionId'>,
  reason: ReauthReason,
  stillDead: () => Promise<boolean>,
): Promise<boolean> {
  const { connectionId } = connection
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const seen = await deps.connections.get(connection, connectionId)
    if (!(await stillDead())) return false
    if (seen?.status !== 'active') return true
    const updated = await deps.connections.update(seen, {
      status: 'requires_reauth',
      reason,
      keepAliveAt: undefined,
      eventOwed: true,
    })
    if (updated === undefined) continue
    count('ReauthRequired', { provider: updated.provider, reason })
    logger.warn('A connection needs its user to reconnect', {
      connectionId,
      provider: updated.provider,
      reason,
    })
    await announce(deps, updated, reason)
    return true
  }
  return true
}

/**
 * Sends the event of a dead connection when whoever found it did not. `now` is epoch milliseconds. False when
 * there is none to send.
 */
export async function announceLate(
  deps: AnnounceDeps,
  connection: Connection,
  now: number,
): Promise<boolean> {
  const { reason, eventOwed, updatedAt } = connection
  if (eventOwed !== true || now - Date.parse(updatedAt) < announcePatienceMs) return false
  // A write that changes only its time and version: of several who come by, one goes on.
  const claimed = await deps.connections.update(connection, {})
  if (claimed === undefined) return false
  await announce(deps, claimed, reason ?? 'grant_revoked')
  return true
}

/** The row says it already, so a bus that is down must not turn the caller's answer into another error. */
async function announce(deps: AnnounceDeps, connection: Connection, reason: ReauthReason): Promise<void> {
  const { userId, connectionId, provider } = connection
  try {
    await deps.events.publish({
      type: 'Connection Requires Reauth',
      detail: { userId, connectionId, provider, reason },
    })
    // Reconnected or disconnected meanwhile: then nothing is owed any more.
    await deps.connections.change(connection, connectionId, (seen) =>
      seen.eventOwed === true ? { eventOwed: undefined } : undefined,
    )
  } catch (error) {
    logger.error('The event of a connection that needs a reconnect is late; the keep-alive sends it', {
      connectionId,
      ...errorFields(error),
    })
  }
}

/** Why a connection in this state gets no token and no password, without asking anybody. */
export function refusalOf(connection: Connection): ServiceError | undefined {
  if (connection.status === 'active') return undefined
  return new CloudConnectionError(connection.connectionId, connection.reason ?? 'refresh_token_missing')
}

/** Nothing is known to be wrong with the grant, and it cannot be used now. */
export function tryAgain(detail: string): ServiceError {
  return new ServiceError('provider_unavailable', detail, {
    retry: { retryable: true, afterSeconds: 1 },
    context: { retryAfterSeconds: 1 },
  })
}
