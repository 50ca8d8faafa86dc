import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { ProviderId } from '../providers/registry.ts'
import { aboutOf, oauth2Of } from '../providers/registry.ts'
import type { GrantDeps } from '../grants/connect.ts'
import { disconnectGrant } from '../grants/connect.ts'
import { isServiceError } from '../errors.ts'
import type { ConnectionId, Owner } from '../ids.ts'
import { retrying } from '../net/retry.ts'
import type { Grant } from '../grants/grant.ts'
import { errorFields, logger } from '../telemetry/logger.ts'

export interface DisconnectDeps extends GrantDeps {
  readonly connections: ConnectionStore
  readonly openGrant: (provider: ProviderId) => Promise<Grant>
  /**
   * Ends every transfer of the connection, and takes back what it began at the provider, with the grant as
   * given.
   */
  readonly cancelTransfers: (connection: Connection) => Promise<void>
}

/** What became of the grant; `manageUrl` is where the user ends it by hand when it was not revoked here. */
export interface Disconnected {
  readonly revoked: boolean
  readonly manageUrl?: string
}

/**
 * Disconnects: no new work, transfers cancelled, the grant revoked where the provider can, its secret
 * deleted. The user's files stay, and the row too: documents name it, and a reconnect brings it back. One
 * that was never completed goes.
 *
 * Safe to repeat: what an outage broke off is done by the next call, and nothing uses the connection.
 */
export async function disconnectConnection(
  deps: DisconnectDeps,
  request: Owner & {
    readonly connectionId: ConnectionId
    readonly signal?: AbortSignal | undefined
  },
): Promise<Disconnected> {
  const { connectionId } = request
  const { before, after } = await deps.connections.change(request, connectionId, ({ status }) =>
    status === 'disconnected'
      ? undefined
      : { status: 'disconnected', reason: undefined, idleSince: undefined },
  )
  const grant = await deps.openGrant(after.provider)
  if (grant.kind === 'none') {
    await deps.cancelTransfers(after)
    return { revoked: false }
  }
  // The last thing that a living grant is used for; a repeat may find it alive too.
  const alive = before.status === 'active' || before.status === 'disconnected'
  await deps.cancelTransfers(alive ? { ...after, status: 'active' } : after)
  const revoked = await revoke(deps, after, grant, request.signal)
  await disconnectGrant(deps, after)
  // An account was never there, so no document is either.
  if (after.accountId === undefined) await removeRow(deps, after)
  logger.info('A connection was disconnected', { connectionId, provider: after.provider, revoked })
  const facts = aboutOf(after.provider).grant
  return revoked || facts.kind !== 'oauth2' ? { revoked } : { revoked, manageUrl: facts.manageUrl }
}

async function removeRow(deps: DisconnectDeps, connection: Connection): Promise<void> {
  const row = await deps.connections.get(connection, connection.connectionId)
  if (row?.status === 'disconnected') await deps.connections.remove(row)
}

async function revoke(
  deps: DisconnectDeps,
  connection: Connection,
  grant: Exclude<Grant, { kind: 'none' }>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const end = await revocationOf(deps, connection, grant)
  if (end === undefined) return false
  try {
    return (await retrying(end, { clock: deps.clock, random: deps.random, signal })) === 'revoked'
  } catch (error) {
    // A provider's outage passes, and the caller can repeat this. A fault of the operator's must not keep the
    // user connected, nor must a server of their own that never comes back.
    const passes = isServiceError(error, 'provider_unavailable', 'provider_throttled')
    if (passes && grant.kind === 'oauth2') throw error
    logger.error('A grant could not be revoked', {
      connectionId: connection.connectionId,
      ...errorFields(error),
    })
    return false
  }
}

/** The call that ends the grant; undefined with nothing to end, or when another connection would end too. */
async function revocationOf(
  deps: DisconnectDeps,
  connection: Connection,
  grant: Exclude<Grant, { kind: 'none' }>,
): Promise<(() => Promise<'revoked' | 'not_supported'>) | undefined> {
  const held = (await deps.grants.read(connection))?.held
  if (held === undefined) return undefined
  if ('password' in held) return grant.kind === 'password' ? () => grant.revoke(held.password) : undefined
  if (grant.kind !== 'oauth2') return undefined
  const { revokes } = oauth2Of(connection.provider)
  if (revokes === 'all grants' && (await sharesGrant(deps, connection))) return undefined
  return () => grant.revoke(held.refreshToken)
}

/** Where a revocation ends all grants of the account, it would end another connection of the same account. */
async function sharesGrant(deps: DisconnectDeps, connection: Connection): Promise<boolean> {
  const all = await deps.connections.list(connection)
  return all.some(
    (other) =>
      other.connectionId !== connection.connectionId &&
      other.provider === connection.provider &&
      other.accountId === connection.accountId &&
      other.status === 'active',
  )
}
