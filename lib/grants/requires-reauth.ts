import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { ReauthReason } from '../errors.ts'
import { CloudConnectionError, ServiceError } from '../errors.ts'
import type { NewId, Owner } from '../ids.ts'
import { randomId } from '../ids.ts'
import { logger } from '../telemetry/logger.ts'
import { count } from '../telemetry/metrics.ts'

export interface ReauthDeps {
  readonly connections: Pick<ConnectionStore, 'get' | 'update'>
  readonly newId?: NewId
}

const tries = 5

/**
 * Turns an active connection into one that its user has to reconnect, with one event, however many find it.
 * False when somebody has reconnected meanwhile.
 *
 * Against that it reads the connection first, then lets `stillDead` look at it or at the tokens, then writes
 * the connection as it was read: a reconnect changes them in the other order.
 */
export async function requireReauth(
  deps: ReauthDeps,
  connection: Owner & Pick<Connection, 'connectionId'>,
  reason: ReauthReason,
  stillDead: (seen: Connection | undefined) => Promise<boolean>,
): Promise<boolean> {
  const { connectionId } = connection
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const seen = await deps.connections.get(connection, connectionId)
    if (!(await stillDead(seen))) return false
    if (seen?.status !== 'active') return true
    const updated = await deps.connections.update(seen, {
      status: 'requires_reauth',
      reason,
      idleSince: undefined,
      event: { id: (deps.newId ?? randomId)(), type: 'Connection Requires Reauth' },
    })
    if (updated === undefined) continue
    count('ReauthRequired', { provider: updated.provider, reason })
    logger.warn('A connection needs its user to reconnect', {
      connectionId,
      provider: updated.provider,
      reason,
    })
    return true
  }
  return true
}

/**
 * For what a provider says of the grant behind a call with `connection`, as that was when the call began. One
 * that has had an event since, such as a reconnect, is another grant's by now.
 */
export async function grantLost(
  deps: ReauthDeps,
  connection: Connection,
  reason: ReauthReason,
): Promise<void> {
  await requireReauth(deps, connection, reason, (seen) => Promise.resolve(seen?.seq === connection.seq))
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
