import type { Connection } from '../../catalog/connections.ts'
import type { TokenRow } from '../../catalog/tokens.ts'
import { refreshAheadSeconds } from '../../contract/limits.ts'
import { CloudConnectionError, ServiceError } from '../../errors.ts'
import type { NewId } from '../../ids.ts'
import { randomId } from '../../ids.ts'
import type { AccessToken } from '../../net/token-source.ts'
import type { RefreshDeps } from './refresh.ts'
import { refreshUnderLease, refreshUnfenced, tried } from './refresh.ts'
import { requireReauth, tryAgain } from '../requires-reauth.ts'
import { openAccessToken } from './stored-tokens.ts'

export interface ObtainDeps extends RefreshDeps {
  /**
   * After so many milliseconds another process may take a refresh over: longer than a token call and its
   * writes.
   */
  readonly leaseMs?: number | undefined
  /** The longest wait for a refresh elsewhere, milliseconds. */
  readonly waitMs?: number | undefined
  readonly newId?: NewId
  /** From 0 to below 1, for pauses. */
  readonly random?: () => number
}

const defaultLeaseMs = 12_000
const defaultWaitMs = 20_000
const firstPauseMs = 60
const longestPauseMs = 500
/** So often the tokens table may fail before this process refreshes without a lease. */
const tableTries = 2

/**
 * One token, newer than version `after`, from the tokens table: the one that is there, the one that another
 * process is just getting, or one refreshed here. Whoever waits does so for the new version, and takes over
 * when the lease runs out.
 *
 * `CloudConnectionError` when the grant is proven dead; other errors when no token can be had now.
 */
export async function obtainToken(
  deps: ObtainDeps,
  connection: Connection,
  after: number,
): Promise<AccessToken> {
  const { connectionId } = connection
  const { clock, tokens } = deps
  const giveUpAt = clock.now() + (deps.waitMs ?? defaultWaitMs)
  let first: { readonly row: TokenRow | undefined } | undefined
  let seen: TokenRow | undefined
  let failures = 0
  for (let round = 0; ; round += 1) {
    const look = await tried(() => tokens.get(connectionId))
    if (look.done) {
      seen = look.value
      first ??= { row: seen }
      const found = await outcomeIn(deps, connection, seen, first.row, after)
      if (found !== undefined) return found
    }
    const lease = look.done && mayLease(seen, clock.now()) ? await takeLease(deps, connection) : undefined
    if (lease?.done === true && lease.value !== undefined) {
      return useLease(deps, connection, lease.value.row, lease.value.owner, first?.row, after)
    }
    if (!look.done || lease?.done === false) {
      failures += 1
      if (failures >= tableTries) return refreshUnfenced(deps, connection, seen)
    }
    if (clock.now() >= giveUpAt)
      throw tryAgain('The connection’s token is being refreshed and takes long. Try again.')
    await clock.sleep(pauseMs(round, seen, clock.now(), deps.random))
  }
}

/** What the row says: a token to use, a dead grant, a failure to share, or (undefined) nothing yet. */
async function outcomeIn(
  deps: ObtainDeps,
  connection: Connection,
  row: TokenRow | undefined,
  first: TokenRow | undefined,
  after: number,
): Promise<AccessToken | undefined> {
  if (row === undefined) return undefined
  const now = deps.clock.now()
  if (row.dead !== undefined) {
    // The connection itself tells of a disconnect. Where a reconnect was quicker, the grant is just missing.
    const reason = row.dead === 'disconnected' ? 'refresh_token_missing' : row.dead
    const stillDead = () => isStillDead(deps, row)
    // Who marked it may have ended before the connection was told: telling it is safe to repeat.
    if ((await stillDead()) && (await requireReauth(deps, connection, reason, stillDead)))
      throw new CloudConnectionError(connection.connectionId, reason)
    return undefined
  }
  if (row.version > after && (row.tokenExpiresAt ?? 0) > now + margin(row, first)) {
    const token = await openAccessToken(deps.sealer, row)
    if (token !== undefined) return token
  }
  const failure = sharedFailure(row, first, now)
  if (failure !== undefined) throw failure
  return undefined
}

/** A mark that a grant is dead is about one consent: a reconnect may not have come to the mark yet. */
async function isStillDead(
  { grants }: ObtainDeps,
  { connectionId, dead, deadConsent = '' }: TokenRow,
): Promise<boolean> {
  const consent = (await grants.consent(connectionId)) ?? ''
  return consent === (dead === 'disconnected' ? '' : deadConsent)
}

/**
 * A token that came while this caller waited is taken as it is: some endpoints give short ones, and asking
 * again would give no better.
 */
function margin(row: TokenRow, first: TokenRow | undefined): number {
  return row.version > (first?.version ?? 0) ? 0 : refreshAheadSeconds * 1000
}

function mayLease(row: TokenRow | undefined, now: number): boolean {
  return row?.leaseUntil === undefined || row.leaseUntil <= now
}

function takeLease(deps: ObtainDeps, { connectionId }: Connection) {
  const owner = (deps.newId ?? randomId)()
  const now = deps.clock.now()
  return tried(async () => {
    const row = await deps.tokens.acquire(connectionId, owner, now, now + (deps.leaseMs ?? defaultLeaseMs))
    return row === undefined ? undefined : { row, owner }
  })
}

/** Between the look and the lease somebody else may have finished: then there is nothing to refresh. */
async function useLease(
  deps: ObtainDeps,
  connection: Connection,
  row: TokenRow,
  owner: string,
  first: TokenRow | undefined,
  after: number,
): Promise<AccessToken> {
  const release = () =>
    tried(() =>
      deps.tokens.settle({ connectionId: row.connectionId, owner, fence: row.fence }, { kind: 'release' }),
    )
  let found: AccessToken | undefined
  try {
    found = await outcomeIn(deps, connection, row, first, after)
  } catch (error) {
    await release()
    throw error
  }
  if (found === undefined) return refreshUnderLease(deps, connection, row, owner)
  await release()
  return found
}

/** The failure of the refresh that this caller waited for, or any while the provider asks for a pause. */
function sharedFailure(row: TokenRow, first: TokenRow | undefined, now: number): ServiceError | undefined {
  const { failure } = row
  if (failure === undefined) return undefined
  const waitedFor = first !== undefined && failure.fence !== first.failure?.fence
  if (!waitedFor && failure.retryAt <= now) return undefined
  const operator = failure.operatorFault === true
  const waits = failure.code === 'operator_attention'
  const seconds = Math.ceil(Math.max(0, failure.retryAt - now) / 1000)
  return new ServiceError(failure.code, 'The connection’s token could not be refreshed.', {
    retry: waits ? { retryable: false } : { retryable: true, afterSeconds: seconds },
    context: {
      connectionId: row.connectionId,
      ...(operator ? { operatorFault: true } : {}),
      ...(seconds > 0 ? { retryAfterSeconds: seconds } : {}),
    },
  })
}

/** Longer with each round, with jitter, and never far past the end of the lease that is waited for. */
function pauseMs(
  round: number,
  row: TokenRow | undefined,
  now: number,
  random: () => number = Math.random,
): number {
  const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(round, 5)) * (0.5 + random() / 2)
  const untilLeaseEnds = (row?.leaseUntil ?? 0) - now
  return Math.ceil(untilLeaseEnds > 0 ? Math.min(pause, untilLeaseEnds + 5) : pause)
}
