import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { ProviderId } from '../providers/registry.ts'
import { providerIds } from '../providers/registry.ts'
import type { AccessTokens } from '../grants/tokens/access-tokens.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { NewId } from '../ids.ts'
import { randomId } from '../ids.ts'
import { errorFields, logger } from '../telemetry/logger.ts'

export interface KeepAliveDeps {
  readonly connections: Pick<ConnectionStore, 'get' | 'update' | 'listDue'>
  /** Of a function that may write secrets. */
  readonly accessTokens: Pick<AccessTokens, 'keepAlive'>
  readonly newId?: NewId
}

export interface KeepAliveRun {
  /** The most connections to refresh in this run, the longest idle first. The rest waits for the next run. */
  readonly limit: number
  /** Milliseconds left for this run. */
  readonly remainingMs: () => number
}

export interface KeepAliveReport {
  readonly refreshed: number
  /** Found dead: the user has to reconnect. */
  readonly dead: number
  /** To be tried again by the next run. */
  readonly failed: number
}

const pageSize = 25
const atOnce = 5
/** One refresh with its writes, milliseconds: less time left begins no more. */
const reserveMs = 20_000

/**
 * Refreshes grants before they die of idleness, as each provider's facts say when. Meant to run daily. One
 * run does at most `limit` refreshes and leaves a provider alone that is down.
 */
export async function keepAlive(deps: KeepAliveDeps, run: KeepAliveRun): Promise<KeepAliveReport> {
  const report = { refreshed: 0, dead: 0, failed: 0 }
  for (const provider of providerIds) await keepProviderAlive(deps, provider, run, report)
  logger.info('Idle grants were kept alive', report)
  return report
}

type Count = { -readonly [K in keyof KeepAliveReport]: number }

async function keepProviderAlive(
  deps: KeepAliveDeps,
  provider: ProviderId,
  run: KeepAliveRun,
  report: Count,
): Promise<void> {
  let startKey: Parameters<ConnectionStore['listDue']>[2]
  do {
    const page = await deps.connections.listDue(provider, pageSize, startKey)
    for (let at = 0; at < page.rows.length; at += atOnce) {
      const done = report.refreshed + report.dead + report.failed
      if (done >= run.limit || run.remainingMs() < reserveMs) return
      const batch = page.rows.slice(at, Math.min(at + atOnce, at + run.limit - done))
      const outcomes = await Promise.all(batch.map((row) => keepOneAlive(deps, row)))
      for (const outcome of outcomes) if (outcome !== 'skipped' && outcome !== 'down') report[outcome] += 1
      const down = outcomes.filter((outcome) => outcome === 'down').length
      report.failed += down
      // All of them at once is the provider, not the connections.
      if (down > 0 && down === outcomes.length) return
    }
    startKey = page.nextKey
  } while (startKey !== undefined)
}

type Outcome = 'refreshed' | 'dead' | 'failed' | 'down' | 'skipped'

async function keepOneAlive(deps: KeepAliveDeps, row: Connection): Promise<Outcome> {
  const { connectionId } = row
  try {
    // The index lags behind: only the row itself says whether the connection is still there and due.
    const connection = await deps.connections.get(row, connectionId)
    if (connection === undefined || connection.keepAliveAt !== row.keepAliveAt) return 'skipped'
    if (connection.status !== 'active') return (await tellLate(deps, connection)) ? 'dead' : 'skipped'
    await deps.accessTokens.keepAlive(connection)
    return 'refreshed'
  } catch (error) {
    if (isServiceError(error, 'connection_requires_reauth')) return 'dead'
    logger.warn('A grant could not be kept alive', { connectionId, ...errorFields(error) })
    const down =
      error instanceof ServiceError && (error.retry.retryable || error.context.operatorFault === true)
    return down ? 'down' : 'failed'
  }
}

/** A dead connection is due only when an older version could not tell of it: it is told now. */
async function tellLate(deps: KeepAliveDeps, seen: Connection): Promise<boolean> {
  if (seen.status !== 'requires_reauth') return false
  const event = { id: (deps.newId ?? randomId)(), type: 'Connection Requires Reauth' } as const
  return (await deps.connections.update(seen, { keepAliveAt: undefined, event })) !== undefined
}
