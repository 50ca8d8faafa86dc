import type { TokenOutcome } from '../grant.ts'
import type { Connection } from '../../catalog/connections.ts'
import type { Lease, TokenRow } from '../../catalog/tokens.ts'
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
import type { RotationDeps } from './rotation.ts'
import { recordRefresh, secretIsDue } from './rotation.ts'
import { newestGrant, sealTokens } from './stored-tokens.ts'
import type { StoredGrant } from '../vault.ts'

export interface RefreshDeps extends RotationDeps {
  readonly sealer: Sealer
  /** The provider's token endpoint: final answers resolve, everything else rejects with advice. */
  readonly refresh: (provider: ProviderId, refreshToken: Secret) => Promise<TokenOutcome>
}

/** What a refresh is for. */
export interface RefreshPurpose {
  /** Take the rotated refresh token to Secrets Manager whether or not a day has passed (the keep-alive). */
  readonly forceSecret: boolean
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
  purpose: RefreshPurpose,
): Promise<AccessToken> {
  const lease: Lease = { connectionId: connection.connectionId, owner, fence: row.fence }
  let outcome: Refreshed
  try {
    outcome = await refreshGrant(deps, connection, row)
  } catch (error) {
    await settleFailure(deps, lease, error)
    throw error
  }
  if (outcome.kind === 'dead') {
    const rowExpiresAt = deps.clock.now() + deadRowMs
    const written = await tried(() =>
      deps.tokens.settle(lease, { kind: 'dead', reason: outcome.reason, rowExpiresAt }),
    )
    const { used } = outcome
    return refuse(deps, connection, outcome, async () =>
      written.done && written.value
        ? (await deps.tokens.get(connection.connectionId))?.dead !== undefined
        : unchanged(deps, connection, used),
    )
  }
  return keep(deps, connection, row, lease, outcome, purpose)
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
  const outcome = await refreshGrant(deps, connection, row)
  if (outcome.kind === 'dead') {
    const { used } = outcome
    return refuse(deps, connection, outcome, () => unchanged(deps, connection, used))
  }
  const sealed = await sealTokens(deps.sealer, connection, outcome.tokens, row, deps.clock.now())
  const { write, rowExpiresAt } = sealed
  await tried(() =>
    deps.tokens.writeUnfenced(connection.connectionId, row?.version ?? 0, write, rowExpiresAt),
  )
  return sealed.token
}

/** The old refresh token is dead as soon as the provider gives a new one. */
function isSingleUse({ provider }: Connection): boolean {
  return oauth2Of(provider).refreshTokens === 'single use'
}

/** Tells that the grant is dead, unless a reconnect came in between: then the next look finds its tokens. */
async function refuse(
  deps: RefreshDeps,
  connection: Connection,
  { reason, providerCode }: Extract<Refreshed, { kind: 'dead' }>,
  stillDead: () => Promise<boolean>,
): Promise<never> {
  if (!(await requireReauth(deps, connection, reason, stillDead))) throw reconnected()
  throw new CloudConnectionError(connection.connectionId, reason, { context: { providerCode } })
}

type Refreshed =
  | { readonly kind: 'tokens'; readonly tokens: Extract<TokenOutcome, { granted: true }>['tokens'] }
  | {
      readonly kind: 'dead'
      readonly reason: ReauthReason
      readonly providerCode: string
      readonly used: StoredGrant | undefined
    }

/** Asks the provider. A refusal is believed the second time, and of the newest refresh token alone. */
async function refreshGrant(
  deps: RefreshDeps,
  connection: Connection,
  row: TokenRow | undefined,
): Promise<Refreshed> {
  const { connectionId, provider } = connection
  let grant = await newestGrant(deps.sealer, deps.vault, connectionId, row, false)
  let refused: Secret | undefined
  for (let asked = 1; asked <= mostAsks; asked += 1) {
    if (grant === undefined)
      return { kind: 'dead', reason: 'refresh_token_missing', providerCode: 'none', used: undefined }
    const outcome = await deps.refresh(provider, grant.refreshToken)
    count('Refreshes', { provider, outcome: outcome.granted ? 'granted' : outcome.reason })
    if (outcome.granted) return { kind: 'tokens', tokens: outcome.tokens }
    const newest = await readNewest(deps, connection)
    if (newest === undefined || refused?.equals(newest.refreshToken) === true) {
      const reason = endedByPlan(connection, outcome.reason, deps.clock.now())
      return { kind: 'dead', reason, providerCode: outcome.providerCode, used: grant }
    }
    if (newest.refreshToken.equals(grant.refreshToken)) {
      refused = newest.refreshToken
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

/**
 * The newest refresh token as the stores have it now, from the row or Secrets Manager, whichever is later.
 */
async function readNewest(deps: RefreshDeps, { connectionId }: Connection): Promise<StoredGrant | undefined> {
  const row = await deps.tokens.get(connectionId)
  const [inRow, inVault] = await Promise.all([
    newestGrant(deps.sealer, deps.vault, connectionId, row, true),
    deps.vault.readGrant(connectionId, { fresh: true }),
  ])
  if (inRow === undefined || inVault === undefined) return inRow ?? inVault
  return inVault.issuedAt > inRow.issuedAt ? inVault : inRow
}

async function unchanged(
  deps: RefreshDeps,
  connection: Connection,
  used: StoredGrant | undefined,
): Promise<boolean> {
  const newest = await readNewest(deps, connection)
  return newest === undefined || (used !== undefined && newest.refreshToken.equals(used.refreshToken))
}

/**
 * Stores what came under the lease's fence. Whoever was too slow for the lease keeps the token to itself. But
 * where the old refresh token is dead now, the new one is the only one there is: it goes in unless somebody
 * wrote meanwhile, and a write that fails is an error.
 */
async function keep(
  deps: RefreshDeps,
  connection: Connection,
  row: TokenRow,
  lease: Lease,
  outcome: Extract<Refreshed, { kind: 'tokens' }>,
  purpose: RefreshPurpose,
): Promise<AccessToken> {
  const now = deps.clock.now()
  const sealed = await sealTokens(deps.sealer, connection, outcome.tokens, row, now)
  const { token, write, rowExpiresAt, rotated } = sealed
  const claim =
    rotated !== undefined && secretIsDue(deps, row, now, purpose.forceSecret)
      ? { at: now, before: row.secretWrittenAt ?? 0 }
      : undefined
  const store = async (): Promise<boolean> =>
    (await deps.tokens.settle(lease, {
      kind: 'tokens',
      write: claim === undefined ? write : { ...write, secretWrittenAt: claim.at },
      rowExpiresAt,
    })) ||
    (isSingleUse(connection) &&
      deps.tokens.writeUnfenced(lease.connectionId, row.version, write, rowExpiresAt))
  const written = isSingleUse(connection) ? { done: true, value: await store() } : await tried(store)
  if (written.done && written.value) await recordRefresh(deps, connection, rotated, claim)
  else if (written.done)
    logger.info('A refresh outlived its lease; what the next one wrote stands', {
      connectionId: lease.connectionId,
    })
  return token
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
