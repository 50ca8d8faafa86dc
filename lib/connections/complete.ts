import type { Authorization, AuthorizationStore } from '../catalog/authorizations.ts'
import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { ProviderId } from '../providers/registry.ts'
import type { GrantDeps } from '../grants/connect.ts'
import { connectGrant } from '../grants/connect.ts'
import { CloudConnectionError, isServiceError, ServiceError } from '../errors.ts'
import type { ConnectionId, NewId, Owner } from '../ids.ts'
import { randomId } from '../ids.ts'
import { retrying } from '../net/retry.ts'
import type { Account, Grant, NewGrant } from '../grants/grant.ts'
import { ofKind } from '../grants/grant.ts'
import { packGrant, unpackGrant } from '../grants/packing.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import { authorizationKey } from './one-time.ts'
import { getConnection } from './read.ts'

export interface CompleteDeps extends GrantDeps {
  readonly connections: ConnectionStore
  readonly authorizations: AuthorizationStore
  readonly openGrant: (provider: ProviderId) => Promise<Grant>
  readonly newId?: NewId
  /** Wakes the documents that waited for this connection. */
  readonly onReconnected: (connection: Connection) => Promise<void>
}

export interface Completion extends Owner {
  readonly connectionId: ConnectionId
  readonly completionCode: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Finishes connecting: takes the grant of the consent or of our password page, checks and stores it, and only
 * then makes the connection `active`. The completion code is good once, for its connection and user.
 *
 * `invalid_request` for a code that is not good, `account_mismatch`, and `connection_requires_reauth` when
 * consent lacks something. After an outage the same code can be tried again.
 */
export async function completeConnection(deps: CompleteDeps, request: Completion): Promise<Connection> {
  const { userKey, connectionId } = request
  const connection = await getConnection(deps, request, connectionId)
  const id = authorizationKey('completion', request.completionCode)
  const authorization = await deps.authorizations.get(id)
  const fits =
    authorization?.kind === 'completion' &&
    authorization.userKey === userKey &&
    authorization.connectionId === connectionId
  if (authorization === undefined || !fits || isOverruled(authorization, connection)) throw unusableCode()
  const claim = (deps.newId ?? randomId)()
  if (!(await deps.authorizations.claim(id, claim))) throw unusableCode()

  let given: NewGrant | undefined
  let completed: { readonly before: Connection; readonly after: Connection }
  try {
    // Read again under the claim: an earlier try may have left what the code was exchanged for.
    given = await grantOf(deps, (await deps.authorizations.get(id)) ?? authorization)
    completed = await establish(deps, request, authorization, given)
  } catch (error) {
    await giveBack(deps, authorization, claim, given, error)
    throw error
  }
  await logged('remove a used authorization', () => deps.authorizations.remove(id))
  const { before, after } = completed
  if (before.status !== 'pending')
    await logged('wake the documents of a reconnected connection', () => deps.onReconnected(after))
  return after
}

/** A disconnect overrules every consent that was begun before it. */
function isOverruled(authorization: Authorization, connection: Connection): boolean {
  return connection.status === 'disconnected' && connection.updatedAt > authorization.startedAt
}

async function grantOf(deps: CompleteDeps, authorization: Authorization): Promise<NewGrant> {
  const { connectionId, provider, redirectUri, sealedVerifier, sealedCode, sealedTokens } = authorization
  if (sealedTokens !== undefined) return unpackGrant(await deps.sealer.open(sealedTokens, connectionId))
  if (sealedCode === undefined) throw unusableCode()
  const [code, codeVerifier] = await Promise.all([
    deps.sealer.open(sealedCode, connectionId),
    deps.sealer.open(sealedVerifier, connectionId),
  ])
  const outcome = await ofKind(await deps.openGrant(provider), 'oauth2').exchangeCode({
    code,
    codeVerifier,
    redirectUri,
  })
  if (outcome.granted) return { kind: 'oauth2', tokens: outcome.tokens }
  // A code that is expired, used or of another start; unlike a policy, a new start mends that.
  if (outcome.reason === 'grant_revoked' || outcome.reason === 'grant_expired') {
    throw new ServiceError(
      'invalid_request',
      'The provider does not take the authorization code. Start the connection again.',
      {
        context: { connectionId, providerCode: outcome.providerCode },
      },
    )
  }
  throw new CloudConnectionError(connectionId, outcome.reason, {
    context: { providerCode: outcome.providerCode },
  })
}

/** Nothing is saved before everything is checked. */
async function establish(
  deps: CompleteDeps,
  request: Completion,
  authorization: Authorization,
  given: NewGrant,
) {
  const { connectionId } = authorization
  const account = await retrying(() => identify(deps, authorization, given), {
    clock: deps.clock,
    random: deps.random,
    signal: request.signal,
  })
  const connection = await getConnection(deps, request, connectionId)
  requireSameAccount(connection, account)
  // One for all tries of the write: written again because its answer was lost, it is the same event.
  const event = { id: (deps.newId ?? randomId)(), type: 'Connection Activated' } as const
  const decide = (seen: Connection) => {
    requireSameAccount(seen, account)
    if (isOverruled(authorization, seen)) throw unusableCode()
    const scopes = given.kind === 'oauth2' ? { scopes: given.tokens.scopes } : {}
    return {
      status: 'active',
      reason: undefined,
      idleSince: undefined,
      event,
      ...account,
      ...scopes,
    } as const
  }
  return connectGrant(deps, connection, given, (along) =>
    deps.connections.change(request, connectionId, decide, along),
  )
}

/** Whose grant it is; CloudConnectionError when it does not do. */
async function identify(
  deps: CompleteDeps,
  { connectionId, provider }: Authorization,
  given: NewGrant,
): Promise<Account> {
  const grant = await deps.openGrant(provider)
  if (given.kind === 'password') {
    const account = await ofKind(grant, 'password').identify(given.credentials)
    if (account === undefined) throw new CloudConnectionError(connectionId, 'grant_revoked')
    return account
  }
  const consent = ofKind(grant, 'oauth2')
  // Google lets users untick scopes and still says success.
  // https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions
  if (consent.missingScopes(given.tokens.scopes).length > 0)
    throw new CloudConnectionError(connectionId, 'scope_missing')
  return consent.identify(given.tokens, connectionId)
}

function requireSameAccount(connection: Connection, account: Account): void {
  if (connection.accountId === undefined || connection.accountId === account.accountId) return
  throw new ServiceError(
    'account_mismatch',
    'This is another account than before. Reconnect with the first one, or start another connection.',
    {
      context: { connectionId: connection.connectionId },
    },
  )
}

const decisions = [
  'invalid_request',
  'account_mismatch',
  'connection_requires_reauth',
  'connection_not_found',
  'provider_error',
] as const

/** After an outage the code can be tried again. After a final answer it cannot. */
async function giveBack(
  deps: CompleteDeps,
  authorization: Authorization,
  claim: string,
  given: NewGrant | undefined,
  error: unknown,
): Promise<void> {
  const decided = isServiceError(error, ...decisions) && !error.retry.retryable
  await logged('give an authorization back', async () => {
    if (decided) return deps.authorizations.remove(authorization.id)
    const sealed =
      given === undefined ? undefined : await deps.sealer.seal(packGrant(given), authorization.connectionId)
    return deps.authorizations.release(authorization.id, claim, sealed)
  })
}

/** The connection is active, whatever becomes of the steps after. */
async function logged(what: string, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    logger.error(`Could not ${what}`, errorFields(error))
  }
}

function unusableCode(): ServiceError {
  return new ServiceError(
    'invalid_request',
    'completionCode is unknown, expired or used already. Start the connection again.',
  )
}
