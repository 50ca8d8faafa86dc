import type { Authorization, AuthorizationStore } from '../catalog/authorizations.ts'
import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import { authorizationLifetimeSeconds } from '../contract/limits.ts'
import type { ProviderId } from '../providers/registry.ts'
import type { GrantDeps } from '../grants/connect.ts'
import { connectGrant, consentOf } from '../grants/connect.ts'
import { CloudConnectionError, isServiceError, ServiceError } from '../errors.ts'
import type { ConnectionId, NewId, Owner } from '../ids.ts'
import { randomId } from '../ids.ts'
import { retrying } from '../net/retry.ts'
import type { Account, Grant, NewGrant } from '../grants/grant.ts'
import { ofKind } from '../grants/grant.ts'
import { packGrant, unpackGrant } from '../grants/packing.ts'
import { tryAgain } from '../grants/requires-reauth.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import { accountMeeting, authorizationKey } from './one-time.ts'
import { endPending, getConnection } from './read.ts'

export interface CompleteDeps extends GrantDeps {
  readonly connections: ConnectionStore
  readonly authorizations: AuthorizationStore
  readonly openGrant: (provider: ProviderId) => Promise<Grant>
  readonly newId?: NewId
  /** Has somebody wake what waits for the connection, outside this call. */
  readonly walk: (connection: Connection) => Promise<void>
}

export interface Completion extends Owner {
  readonly connectionId: ConnectionId
  readonly completionCode: string
  readonly signal?: AbortSignal | undefined
}

/** Milliseconds: a request that tries has ended by then; one that waits looks so often, and so long. */
const tryMs = 40_000
const pauseMs = 250
const longestWaitMs = 20_000
/** How often another consent for the same connection may come in between. */
const mostMeetings = 8

/**
 * Finishes connecting: checks and stores the grant, then makes the connection `active`: the one that was
 * started, or the user's older one of the same account. The same code answers the same again.
 *
 * `invalid_request` for a code that is not good, `account_mismatch`, `connection_requires_reauth` when the
 * consent lacks something. After an outage the code can be tried again.
 */
export async function completeConnection(deps: CompleteDeps, request: Completion): Promise<Connection> {
  const { userKey, connectionId } = request
  const id = authorizationKey('completion', request.completionCode)
  const claim = (deps.newId ?? randomId)()
  const giveUpAt = deps.clock.now() + longestWaitMs
  for (;;) {
    const found = await deps.authorizations.get(id)
    const isTheirs = found?.userKey === userKey && found.connectionId === connectionId
    const good = isTheirs && found.kind === 'completion' ? found : undefined
    const connection = await getConnection(deps, request, good?.done ?? connectionId)
    if (good === undefined || isOverruled(good, connection)) throw unusableCode()
    if (good.done !== undefined) return connection
    if (await deps.authorizations.claim(id, claim, deps.clock.now() + tryMs))
      return underClaim(deps, request, { id, claim, started: connection })
    if (deps.clock.now() >= giveUpAt) throw tryAgain('The connection is just being completed. Try again.')
    await deps.clock.sleep(pauseMs, request.signal)
  }
}

/** What is decided stays so, whatever becomes of the steps after: they are logged. */
const loggedAs = (what: string) => (error: unknown) => logger.error(`Could not ${what}`, errorFields(error))

/** After any other error the code can be tried again. */
const decisions = [
  'invalid_request',
  'account_mismatch',
  'connection_requires_reauth',
  'connection_not_found',
  'provider_error',
] as const

async function underClaim(
  deps: CompleteDeps,
  request: Completion,
  { id, claim, started }: { readonly id: string; readonly claim: string; readonly started: Connection },
): Promise<Connection> {
  const { authorizations } = deps
  const { connectionId } = started
  let given: NewGrant | undefined
  try {
    // Read again under the claim: an earlier try may have left what the code was exchanged for.
    const authorization = await authorizations.get(id)
    if (authorization === undefined) throw unusableCode()
    given = await grantOf(deps, authorization)
    const { before, after } = await establish(deps, request, { authorization, started }, given)
    await authorizations.finish(id, after.connectionId).catch(loggedAs('note a completion'))
    if (after.connectionId !== connectionId)
      await endPending(deps, started).catch(loggedAs('remove a connection that is another by now'))
    if (before.status !== 'pending') await deps.walk(after).catch(loggedAs('wake what waited'))
    return after
  } catch (error) {
    if (error instanceof CloudConnectionError) {
      // What was wrong with the consent stands on the connection, unless that works by an older one.
      const { reason } = error
      const note = ({ status }: Connection) =>
        status === 'active' || status === 'disconnected' ? undefined : { reason }
      await deps.connections.change(started, connectionId, note).catch(loggedAs('note a refusal'))
    }
    const decided = isServiceError(error, ...decisions) && !error.retry.retryable
    const back = async () => {
      if (decided) return authorizations.remove(id)
      const left = given && (await deps.sealer.seal(packGrant(given), 'grant', connectionId))
      return authorizations.release(id, claim, left)
    }
    await back().catch(loggedAs('give an authorization back'))
    throw error
  }
}

/** A disconnect overrules every consent that was begun before it. */
function isOverruled(authorization: Authorization, connection: Connection): boolean {
  return connection.status === 'disconnected' && connection.updatedAt > authorization.startedAt
}

async function grantOf(deps: CompleteDeps, authorization: Authorization): Promise<NewGrant> {
  const { connectionId, provider, redirectUri, sealedVerifier, sealedCode, sealedTokens } = authorization
  if (sealedTokens !== undefined)
    return unpackGrant(await deps.sealer.open(sealedTokens, 'grant', connectionId))
  if (sealedCode === undefined) throw unusableCode()
  const [code, codeVerifier] = await Promise.all([
    deps.sealer.open(sealedCode, 'authorization code', connectionId),
    deps.sealer.open(sealedVerifier, 'code verifier', connectionId),
  ])
  const consent = ofKind(await deps.openGrant(provider), 'oauth2')
  const outcome = await consent.exchangeCode({ code, codeVerifier, redirectUri })
  if (outcome.granted) return { kind: 'oauth2', tokens: outcome.tokens }
  const { reason, providerCode } = outcome
  const context = { connectionId, providerCode }
  if (reason !== 'grant_revoked' && reason !== 'grant_expired')
    throw new CloudConnectionError(connectionId, reason, { context })
  // A code that is expired, used or of another start; unlike a policy, a new start mends that.
  const detail = 'The provider does not take the authorization code. Start the connection again.'
  throw new ServiceError('invalid_request', detail, { context })
}

/** Nothing is saved before everything is checked, and before the account is the connection's own. */
async function establish(
  deps: CompleteDeps,
  request: Completion,
  { authorization, started }: { readonly authorization: Authorization; readonly started: Connection },
  given: NewGrant,
) {
  const { provider } = authorization
  const account = await retrying(() => identify(deps, authorization, given), {
    clock: deps.clock,
    random: deps.random,
    signal: request.signal,
  })
  const { connectionId } = await theOneOf(deps, started, account)
  // Of two consents for different accounts one is refused here, while there is nothing of it to take back.
  const { after: target } = await deps.connections.change(request, connectionId, (seen) => {
    requireSameAccount(seen, account)
    if (connectionId === started.connectionId && isOverruled(authorization, seen)) throw unusableCode()
    return seen.accountId === undefined ? { accountId: account.accountId } : undefined
  })
  // One for all tries of the write: written again because its answer was lost, it is the same event.
  const event = { id: (deps.newId ?? randomId)(), type: 'Connection Activated' } as const
  const active = { status: 'active', reason: undefined, idleSince: undefined, event, ...account } as const
  const decide = (seen: Connection) => {
    // Disconnected in this very moment.
    if (seen.status === 'disconnected' && seen.version !== target.version) throw unusableCode()
    return { ...active, ...consentOf(deps.clock, provider, given) }
  }
  for (let left = mostMeetings; ; left -= 1) {
    try {
      return await connectGrant(deps, target, given, (along) =>
        deps.connections.change(request, connectionId, decide, along),
      )
    } catch (error) {
      if (!isServiceError(error, 'invalid_request')) throw error
      const seen = await getConnection(deps, request, connectionId)
      // Another consent for the same account was quicker: what this one was for is done, or soon will be.
      if (seen.status === 'active' && seen.version !== target.version) return { before: target, after: seen }
      if (seen.status === 'disconnected' || left === 0) throw error
      await deps.clock.sleep(pauseMs, request.signal)
    }
  }
}

/**
 * The user's connection of this account: an older one, or of several starts the one that came first. A
 * reconnect stays with its own.
 */
async function theOneOf(
  deps: CompleteDeps,
  started: Connection,
  { accountId }: Account,
): Promise<Pick<Connection, 'connectionId'>> {
  if (started.status !== 'pending') return started
  const { userKey, provider, connectionId } = started
  const all = await deps.connections.list(started)
  const same = all.filter(
    (other) => other.provider === provider && other.accountId === accountId && other.status !== 'pending',
  )
  const older = same.find(({ status }) => status !== 'disconnected') ?? same[0]
  if (older !== undefined) return older
  const meeting = accountMeeting(userKey, provider, accountId)
  const expiresAt = Math.ceil(deps.clock.now() / 1000) + authorizationLifetimeSeconds
  const first = await deps.authorizations.meet(meeting, connectionId, expiresAt)
  // The one that came first may have been given up since.
  const isThere = first === connectionId || all.some((other) => other.connectionId === first)
  return {
    connectionId: isThere ? first : await deps.authorizations.meet(meeting, connectionId, expiresAt, first),
  }
}

/** Whose grant it is; CloudConnectionError when it does not do. */
async function identify(
  deps: CompleteDeps,
  { connectionId, provider }: Authorization,
  given: NewGrant,
): Promise<Account> {
  const grant = await deps.openGrant(provider)
  if (given.kind === 'oauth2') return ofKind(grant, 'oauth2').identify(given.tokens, connectionId)
  const account = await ofKind(grant, 'password').identify(given.credentials)
  if (account === undefined) throw new CloudConnectionError(connectionId, 'grant_revoked')
  return account
}

function requireSameAccount(connection: Connection, account: Account): void {
  if (connection.accountId === undefined || connection.accountId === account.accountId) return
  const detail =
    'This is another account than before. Reconnect with the first one, or start another connection.'
  throw new ServiceError('account_mismatch', detail, {
    context: { connectionId: connection.connectionId },
  })
}

function unusableCode(): ServiceError {
  return new ServiceError(
    'invalid_request',
    'completionCode is unknown, expired or overtaken. Start the connection again.',
  )
}
