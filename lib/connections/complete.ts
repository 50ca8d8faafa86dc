import { randomUUID } from 'node:crypto'
import * as z from 'zod/mini'
import type { Authorization, AuthorizationStore } from '../catalog/authorizations.ts'
import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import { nextKeepAlive } from '../catalog/connections.ts'
import type { ProviderId } from '../providers/registry.ts'
import type { GrantDeps } from '../grants/store.ts'
import { removeGrant, saveGrant } from '../grants/store.ts'
import { CloudConnectionError, isServiceError, ServiceError } from '../errors.ts'
import type { ConnectionId, Owner } from '../ids.ts'
import { retrying } from '../net/retry.ts'
import type { Account, Grant, TokenSet } from '../grants/grant.ts'
import { byConsent } from '../grants/grant.ts'
import type { Secret } from '../secret.ts'
import { secret } from '../secret.ts'
import type { EventPublisher } from '../telemetry/events.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import { authorizationKey } from './one-time.ts'
import { getConnection } from './read.ts'

export interface CompleteDeps extends GrantDeps {
  readonly connections: ConnectionStore
  readonly authorizations: AuthorizationStore
  readonly openGrant: (provider: ProviderId) => Promise<Grant>
  readonly events: EventPublisher
  /** Wakes the documents that waited for this connection. */
  readonly onReconnected: (connection: Connection) => Promise<void>
}

export interface Completion extends Owner {
  readonly connectionId: ConnectionId
  readonly completionCode: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Finishes connecting: exchanges the provider's code, checks what came, stores the grant, and only then makes
 * the connection `active`. The completion code is good once, for its own connection and its own user.
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
  const claim = randomUUID()
  if (!(await deps.authorizations.claim(id, claim))) throw unusableCode()

  let tokens: TokenSet | undefined
  let completed: { readonly before: Connection; readonly after: Connection }
  try {
    // Read again under the claim: an earlier try may have left what the code was exchanged for.
    tokens = await tokensOf(deps, (await deps.authorizations.get(id)) ?? authorization)
    completed = await establish(deps, request, authorization, tokens)
  } catch (error) {
    await giveBack(deps, authorization, claim, tokens, error)
    throw error
  }
  await logged('remove a used authorization', () => deps.authorizations.remove(id))
  await announce(deps, completed.before, completed.after)
  return completed.after
}

/** A disconnect overrules every consent that was begun before it. */
function isOverruled(authorization: Authorization, connection: Connection): boolean {
  return connection.status === 'disconnected' && connection.updatedAt > authorization.startedAt
}

async function tokensOf(deps: CompleteDeps, authorization: Authorization): Promise<TokenSet> {
  const { connectionId, provider, redirectUri, sealedVerifier, sealedCode, sealedTokens } = authorization
  if (sealedTokens !== undefined) return unpackTokens(await deps.sealer.open(sealedTokens, connectionId))
  if (sealedCode === undefined) throw unusableCode()
  const [code, codeVerifier] = await Promise.all([
    deps.sealer.open(sealedCode, connectionId),
    deps.sealer.open(sealedVerifier, connectionId),
  ])
  const outcome = await byConsent(await deps.openGrant(provider)).exchangeCode({
    code,
    codeVerifier,
    redirectUri,
  })
  if (outcome.granted) return outcome.tokens
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
  tokens: TokenSet,
) {
  const { connectionId, provider } = authorization
  const grant = byConsent(await deps.openGrant(provider))
  // Google lets users untick scopes and still says success.
  // https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions
  if (grant.missingScopes(tokens.scopes).length > 0)
    throw new CloudConnectionError(connectionId, 'scope_missing')
  const { refreshToken } = tokens
  if (refreshToken === undefined) throw new CloudConnectionError(connectionId, 'refresh_token_missing')
  const account = await retrying(() => grant.identify(tokens), { clock: deps.clock, signal: request.signal })
  requireSameAccount(await getConnection(deps, request, connectionId), account)
  await saveGrant(deps, { connectionId, provider }, tokens, refreshToken)
  try {
    return await deps.connections.change(request, connectionId, (seen) => {
      requireSameAccount(seen, account)
      if (isOverruled(authorization, seen)) throw unusableCode()
      const keepAliveAt = nextKeepAlive(provider, deps.clock.now())
      const cleared = { reason: undefined, eventOwed: undefined }
      return { status: 'active', ...cleared, ...account, scopes: tokens.scopes, keepAliveAt }
    })
  } catch (error) {
    // Disconnected or removed in this very moment: the grant must not outlive it.
    if (isServiceError(error, 'invalid_request', 'connection_not_found'))
      await removeGrant(deps, { connectionId })
    throw error
  }
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
  tokens: TokenSet | undefined,
  error: unknown,
): Promise<void> {
  const decided =
    isServiceError(error, ...decisions) && !error.retry.retryable && error.context.operatorFault !== true
  await logged('give an authorization back', async () => {
    if (decided) return deps.authorizations.remove(authorization.id)
    const sealed =
      tokens === undefined
        ? undefined
        : await deps.sealer.seal(packTokens(tokens), authorization.connectionId)
    return deps.authorizations.release(authorization.id, claim, sealed)
  })
}

async function announce(deps: CompleteDeps, before: Connection, after: Connection): Promise<void> {
  const { userId, connectionId, provider } = after
  await logged('announce an active connection', () =>
    deps.events.publish({ type: 'Connection Activated', detail: { userId, connectionId, provider } }),
  )
  if (before.status === 'pending') return
  await logged('wake the documents of a reconnected connection', () => deps.onReconnected(after))
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

const packed = z.object({
  accessToken: z.string(),
  expiresInSeconds: z.number(),
  refreshToken: z.optional(z.string()),
  idToken: z.optional(z.string()),
  scopes: z.array(z.string()),
})

function packTokens({ accessToken, expiresInSeconds, refreshToken, idToken, scopes }: TokenSet): Secret {
  const revealed = {
    accessToken: accessToken.reveal(),
    refreshToken: refreshToken?.reveal(),
    idToken: idToken?.reveal(),
  }
  return secret(JSON.stringify({ ...revealed, expiresInSeconds, scopes }))
}

function unpackTokens(value: Secret): TokenSet {
  const { accessToken, expiresInSeconds, refreshToken, idToken, scopes } = packed.parse(
    JSON.parse(value.reveal()),
  )
  return {
    accessToken: secret(accessToken),
    expiresInSeconds,
    scopes,
    ...(refreshToken === undefined ? {} : { refreshToken: secret(refreshToken) }),
    ...(idToken === undefined ? {} : { idToken: secret(idToken) }),
  }
}
