import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { ProviderId } from '../providers/registry.ts'
import { aboutOf, oauth2Of } from '../providers/registry.ts'
import type { GrantDeps } from '../grants/connect.ts'
import { disconnectGrant } from '../grants/connect.ts'
import { isServiceError } from '../errors.ts'
import type { ConnectionId, NewId, Owner } from '../ids.ts'
import { randomId } from '../ids.ts'
import { retrying } from '../net/retry.ts'
import type { Grant } from '../grants/grant.ts'
import { errorFields, logger } from '../telemetry/logger.ts'

export interface DisconnectDeps extends GrantDeps {
  readonly connections: ConnectionStore
  readonly openGrant: (provider: ProviderId) => Promise<Grant>
  /** Whether anybody else's grant stands on the account. */
  readonly sharesAccount: (connection: Connection) => Promise<boolean>
  /** Has somebody end what is under way on the connection, outside this call. */
  readonly walk: (connection: Connection) => Promise<void>
  readonly newId?: NewId
}

/** What became of the grant; `manageUrl` is where the user ends it by hand when it was not revoked here. */
export interface Disconnected {
  readonly revoked: boolean
  readonly manageUrl?: string
}

/**
 * Disconnects: the grant is revoked, unless somebody else stands on it, its secret deleted, and what is under
 * way ends after this call. The files stay, and the row too: a reconnect brings it back. One that was never
 * completed goes. Safe to repeat: what an outage broke off is done by the next call.
 */
export async function disconnectConnection(
  deps: DisconnectDeps,
  request: Owner & {
    readonly connectionId: ConnectionId
    readonly signal?: AbortSignal | undefined
  },
): Promise<Disconnected> {
  const { connectionId } = request
  const event = { id: (deps.newId ?? randomId)(), type: 'Connection Disconnected' } as const
  const { before, after } = await deps.connections.change(request, connectionId, ({ status }) => {
    if (status === 'disconnected') return undefined
    // Of one that nobody knew there is nothing to tell.
    const told = status === 'pending' ? {} : { event }
    return { status: 'disconnected', reason: undefined, idleSince: undefined, ...told }
  })
  const grant = await deps.openGrant(after.provider)
  const revoked = grant.kind !== 'none' && (await revoke(deps, after, grant, request.signal))
  if (grant.kind !== 'none') await disconnectGrant(deps, after)
  if (before.status === 'pending') await deps.connections.remove(after)
  else await deps.walk(after)
  logger.info('A connection was disconnected', { connectionId, provider: after.provider, revoked })
  const facts = aboutOf(after.provider).grant
  return revoked || facts.kind !== 'oauth2' ? { revoked } : { revoked, manageUrl: facts.manageUrl }
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
    const { connectionId } = connection
    logger.error('A grant could not be revoked', { connectionId, ...errorFields(error) })
    return false
  }
}

/** The call that ends the grant; undefined with nothing to end, or when somebody else's would end with it. */
async function revocationOf(
  deps: DisconnectDeps,
  connection: Connection,
  grant: Exclude<Grant, { kind: 'none' }>,
): Promise<(() => Promise<'revoked' | 'not_supported'>) | undefined> {
  const held = (await deps.grants.read(connection))?.held
  if (held === undefined) return undefined
  if ('password' in held) return grant.kind === 'password' ? () => grant.revoke(held.password) : undefined
  if (grant.kind !== 'oauth2') return undefined
  const endsAll = oauth2Of(connection.provider).revokes === 'all grants'
  if (endsAll && (await deps.sharesAccount(connection))) return undefined
  return () => grant.revoke(held.refreshToken)
}
