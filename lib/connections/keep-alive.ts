import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { GrantRow, GrantStore } from '../catalog/grants.ts'
import { eachDue } from '../catalog/each-due.ts'
import { firstLook } from '../catalog/followed.ts'
import type { GrantDeps } from '../grants/connect.ts'
import { disconnectGrant } from '../grants/connect.ts'
import type { AccessTokens } from '../grants/tokens/access-tokens.ts'
import { providerIds, usesOAuth } from '../providers/registry.ts'
import type { ConnectionId } from '../ids.ts'
import { isServiceError } from '../errors.ts'
import { errorFields, logger } from '../telemetry/logger.ts'

export interface KeepAliveDeps extends Pick<GrantDeps, 'secrets' | 'tokens' | 'clock'> {
  readonly connections: Pick<ConnectionStore, 'named' | 'update'>
  readonly grantRows: GrantStore
  readonly accessTokens: Pick<AccessTokens, 'keepAlive' | 'forget'>
}

export interface KeepAliveReport {
  readonly refreshed: number
  /** Found dead: the user has to reconnect. */
  readonly dead: number
  /** To be tried again in some hours. */
  readonly failed: number
}

/** What failed must not stand in the way of what is due after it. */
const againMs = 6 * 3_600_000

/** Refreshes grants before they die of idleness, as each provider's facts say when. */
export async function keepAlive(
  deps: KeepAliveDeps,
  run: { /** Milliseconds left for this run. */ readonly remainingMs: () => number },
): Promise<KeepAliveReport> {
  const report = { refreshed: 0, dead: 0, failed: 0 }
  await eachDue(
    providerIds.filter(usesOAuth),
    (...page) => deps.grantRows.due('keep-alive', ...page),
    run.remainingMs,
    async ({ connectionId }) => {
      const outcome = await keepOneAlive(deps, connectionId)
      if (outcome !== 'skipped') report[outcome] += 1
      return outcome === 'failed' ? 'failed' : outcome === 'refreshed' ? 'done' : 'not asked'
    },
  )
  logger.info('Idle grants were kept alive', report)
  return report
}

type Outcome = keyof KeepAliveReport | 'skipped'

async function keepOneAlive(deps: KeepAliveDeps, connectionId: ConnectionId): Promise<Outcome> {
  try {
    // The index lags behind: only the row itself says whether it is due.
    const row = await deps.grantRows.get(connectionId)
    if (row?.dueAt === undefined || Date.parse(row.dueAt) > deps.clock.now()) return 'skipped'
    const connection = await deps.connections.named(row.userKey, connectionId)
    return await keepGrantAlive(deps, row, connection)
  } catch (error) {
    logger.warn('A grant could not be kept alive', { connectionId, ...errorFields(error) })
    return 'failed'
  }
}

async function keepGrantAlive(
  deps: KeepAliveDeps,
  row: GrantRow,
  connection: Connection | undefined,
): Promise<Outcome> {
  if (connection?.status === 'active') {
    try {
      await deps.accessTokens.keepAlive(connection)
      // One of an earlier version: from now on its drive is followed.
      const due = connection.dueAt === undefined ? firstLook(connection.provider, deps.clock.now()) : {}
      if (due.dueAt !== undefined) await deps.connections.update(connection, due)
      return 'refreshed'
    } catch (error) {
      const dead = isServiceError(error, 'connection_requires_reauth')
      const again = new Date(deps.clock.now() + againMs).toISOString()
      await deps.grantRows.update(row, { dueAt: dead ? undefined : again })
      if (dead) return 'dead'
      throw error
    }
  }
  // Dead already: a reconnect makes it due again. Or a disconnect broke off before it came to the grant.
  if (connection?.status === 'requires_reauth') await deps.grantRows.update(row, { dueAt: undefined })
  else await disconnectGrant(deps, connection ?? row)
  return 'skipped'
}
