import type { TokenOutcome, TokenSet } from '../grant.ts'
import type { Connection, ConnectionStore } from '../../catalog/connections.ts'
import type { Lease, TokenRow, TokenStore } from '../../catalog/tokens.ts'
import type { Clock } from '../../clock.ts'
import { dayMs } from '../../clock.ts'
import type { ProviderId } from '../../providers/registry.ts'
import { oauth2Of } from '../../providers/registry.ts'
import type { ReauthReason } from '../../errors.ts'
import { CloudConnectionError, ServiceError } from '../../errors.ts'
import type { AccessToken } from '../../net/token-source.ts'
import type { Sealer, Secret } from '../../secret.ts'
import { errorFields, logger } from '../../telemetry/logger.ts'
import { count } from '../../telemetry/metrics.ts'
import { requireReauth, tryAgain } from '../requires-reauth.ts'
import type { Grants, ReadGrant } from '../store.ts'
import { consentOf } from '../grant-row.ts'
import { sealTokens } from './stored-tokens.ts'

export interface RefreshDeps {
  readonly connections: ConnectionStore
  readonly tokens: TokenStore
  readonly grants: Pick<Grants, 'read' | 'consent' | 'used'>
  readonly sealer: Sealer
  readonly clock: Clock
  /** The provider's token endpoint: final answers resolve, everything else rejects with advice. */
  readonly refresh: (provider: ProviderId, refreshToken: Secret) => Promise<TokenOutcome>
}

/** The life of a row that says a grant is dead; the connection itself says so for ever. */
const deadRowMs = 90 * dayMs

/** How often it is asked at most: a refused refresh token may have been replaced meanwhile. */
const mostAsks = 4
/**
 * A refusal comes once and not again now and then, so it is confirmed before a user is bothered.
 * https://github.com/sabeechen/hassio-google-drive-backup/issues/582
 */
const confirmAfterMs = 2_000

/**
 * Refreshes under a lease that this process holds, and ends the lease with the outcome, so that those who
 * wait learn it too. `CloudConnectionError` only when the grant is proven dead.
 */
export async function refreshUnderLease(
  deps: RefreshDeps,
  connection: Connection,
  row: TokenRow,
  owner: string,
): Promise<AccessToken> {
  const lease: Lease = { connectionId: connection.connectionId, owner, fence: row.fence }
  let outcome: Refreshed
  try {
    outcome = await refreshGrant(deps, connection)
  } catch (error) {
    await settleFailure(deps, lease, error)
    throw error
  }
  if (outcome.kind === 'dead') {
    const { reason, used } = outcome
    const rowExpiresAt = deps.clock.now() + deadRowMs
    const consent = used && consentOf(used.row)
    await tried(() => deps.tokens.settle(lease, { kind: 'dead', reason, consent, rowExpiresAt }))
    return refuse(deps, connection, outcome)
  }
  const sealed = await seal(deps, connection, outcome.tokens, row)
  const { write, rowExpiresAt } = sealed
  const written = await tried(() => deps.tokens.settle(lease, { kind: 'tokens', write, rowExpiresAt }))
  if (written.done && !written.value)
    logger.info('A refresh outlived its lease; what the next one wrote stands', {
      connectionId: lease.connectionId,
    })
  return sealed.token
}

/**
 * Refreshes with no lease, when the tokens table cannot be written: two refreshes at once do no harm, a
 * request that fails would. Not so where a refresh token is good once: the second refresh would kill the
 * grant.
 */
export async function refreshUnfenced(
  deps: RefreshDeps,
  connection: Connection,
  row: TokenRow | undefined,
): Promise<AccessToken> {
  if (isSingleUse(connection)) throw tryAgain('The connection’s token cannot be stored now. Try again.')
  const outcome = await refreshGrant(deps, connection)
  if (outcome.kind === 'dead') return refuse(deps, connection, outcome)
  const { token, write, rowExpiresAt } = await seal(deps, connection, outcome.tokens, row)
  await tried(() =>
    deps.tokens.writeUnfenced(connection.connectionId, row?.version ?? 0, write, rowExpiresAt),
  )
  return token
}

function seal(
  { sealer, clock }: RefreshDeps,
  { connectionId }: Connection,
  tokens: TokenSet,
  row: TokenRow | undefined,
) {
  return sealTokens(sealer, connectionId, tokens, row, clock.now())
}

/** The old refresh token is dead as soon as the provider gives a new one. */
function isSingleUse({ provider }: Connection): boolean {
  return oauth2Of(provider).refreshTokens === 'single use'
}

/** Tells that the grant is dead, unless a reconnect came in between: then the next look finds its tokens. */
async function refuse(
  deps: RefreshDeps,
  connection: Connection,
  { reason, providerCode, used }: Extract<Refreshed, { kind: 'dead' }>,
): Promise<never> {
  const stillDead = async (): Promise<boolean> => {
    const newest = await deps.grants.read(connection)
    const token = tokenOf(newest)
    return token === undefined || tokenOf(used)?.equals(token) === true
  }
  if (!(await requireReauth(deps, connection, reason, stillDead))) throw reconnected()
  throw new CloudConnectionError(connection.connectionId, reason, { context: { providerCode } })
}

type Refreshed =
  | { readonly kind: 'tokens'; readonly tokens: TokenSet }
  | {
      readonly kind: 'dead'
      readonly reason: ReauthReason
      readonly providerCode: string
      readonly used: ReadGrant | undefined
    }

/**
 * Asks the provider, and keeps the refresh token that it may give before anything else is written. A refusal
 * is believed the second time, and of the newest refresh token alone.
 */
async function refreshGrant(deps: RefreshDeps, connection: Connection): Promise<Refreshed> {
  const { connectionId, provider } = connection
  let grant = await deps.grants.read(connection)
  let refused: Secret | undefined
  for (let asked = 1; asked <= mostAsks; asked += 1) {
    const presented = tokenOf(grant)
    if (grant === undefined || presented === undefined)
      return { kind: 'dead', reason: 'refresh_token_missing', providerCode: 'none', used: grant }
    const outcome = await deps.refresh(provider, presented)
    count('Refreshes', { provider, outcome: outcome.granted ? 'granted' : outcome.reason })
    if (outcome.granted) {
      await keep(deps, connection, grant, outcome.tokens)
      return { kind: 'tokens', tokens: outcome.tokens }
    }
    const newest = await deps.grants.read(connection)
    const token = tokenOf(newest)
    if (token === undefined || refused?.equals(token) === true) {
      const reason = endedByPlan(connection, outcome.reason, deps.clock.now())
      return { kind: 'dead', reason, providerCode: outcome.providerCode, used: grant }
    }
    if (token.equals(presented)) {
      refused = token
      await deps.clock.sleep(confirmAfterMs)
    } else logger.info('A refused refresh token had been replaced; trying the new one', { connectionId })
    grant = newest
  }
  throw reconnected()
}

/** Google refuses a grant that has run out with the same words as one that was taken back. */
function endedByPlan({ grantEndsAt }: Connection, reason: ReauthReason, now: number): ReauthReason {
  const over = grantEndsAt !== undefined && Date.parse(grantEndsAt) <= now
  return reason === 'grant_revoked' && over ? 'grant_expired' : reason
}

function tokenOf(grant: ReadGrant | undefined): Secret | undefined {
  return grant !== undefined && 'refreshToken' in grant.held ? grant.held.refreshToken : undefined
}

/**
 * Where the old refresh token is dead now, the new one is the only one there is, and a write that fails is an
 * error. Elsewhere the old one serves on.
 */
async function keep(
  deps: RefreshDeps,
  connection: Connection,
  grant: ReadGrant,
  { refreshToken }: TokenSet,
): Promise<void> {
  const newer = refreshToken && { refreshToken }
  try {
    await deps.grants.used(connection, grant, newer)
  } catch (error) {
    if (isSingleUse(connection)) throw error
    logger.warn('A refresh could not be recorded', {
      connectionId: connection.connectionId,
      ...errorFields(error),
    })
  }
}

/** Those who waited for this refresh share its failure. Nobody asks again before the time that was named. */
async function settleFailure(deps: RefreshDeps, lease: Lease, error: unknown): Promise<void> {
  if (!(error instanceof ServiceError))
    return void (await tried(() => deps.tokens.settle(lease, { kind: 'release' })))
  const afterSeconds = error.retry.retryable ? (error.retry.afterSeconds ?? 0) : 0
  const retryAt =
    afterSeconds === 0 ? 0 : deps.clock.now() + Math.min(afterSeconds, longestPauseSeconds) * 1000
  const operatorFault = error.context.operatorFault === true ? { operatorFault: true } : {}
  await tried(() =>
    deps.tokens.settle(lease, { kind: 'failure', failure: { code: error.code, retryAt, ...operatorFault } }),
  )
}

/** A provider's wish for a pause is honoured up to this long. */
const longestPauseSeconds = 300

type Tried<Value> = { readonly done: true; readonly value: Value } | { readonly done: false }

/** Asks the tokens table for something that the caller can do without. */
export async function tried<Value>(work: () => Promise<Value>): Promise<Tried<Value>> {
  try {
    return { done: true, value: await work() }
  } catch (error) {
    logger.warn('The tokens table cannot be used', errorFields(error))
    return { done: false }
  }
}

function reconnected(): ServiceError {
  return tryAgain('The connection is being reconnected. Try again.')
}
