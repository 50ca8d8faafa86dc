import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import { eachDue } from '../catalog/each-due.ts'
import type { DueConnections } from '../catalog/due-connections.ts'
import { isServiceError } from '../errors.ts'
import { aboutOf, providerIds } from '../providers/registry.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { FollowDeps } from './follow.ts'
import { follow, shortestPauseS } from './follow.ts'

export interface FollowDrivesDeps extends FollowDeps {
  readonly connections: Pick<ConnectionStore, 'change' | 'named'>
  readonly due: DueConnections
}

export interface FollowReport {
  readonly followed: number
  /** Changes of documents that were told. */
  readonly told: number
  /** To be looked at later. */
  readonly failed: number
}

/** Follows every drive that is due. */
export async function followDrives(
  deps: FollowDrivesDeps,
  run: { /** Milliseconds left for this run. */ readonly remainingMs: () => number },
): Promise<FollowReport> {
  const report = { followed: 0, told: 0, failed: 0 }
  if (deps.longestPauseS === 0) return report
  await eachDue(
    providerIds.filter((id) => aboutOf(id).tellsChanges),
    deps.due,
    run.remainingMs,
    async (due, mayGoOn) => {
      const told = await followOne(deps, due, mayGoOn)
      const isFailed = told === 'failed'
      report[isFailed ? 'failed' : 'followed'] += 1
      if (!isFailed) report.told += told
      return isFailed ? 'failed' : 'done'
    },
  )
  logger.info('Drives were followed', report)
  return report
}

async function followOne(
  deps: FollowDrivesDeps,
  { userKey, connectionId }: Pick<Connection, 'userKey' | 'connectionId'>,
  mayGoOn: () => boolean,
): Promise<number | 'failed'> {
  try {
    const connection = await deps.connections.named(userKey, connectionId)
    // The index lags behind: only the row itself says whether it is due.
    const { status, dueAt = '' } = connection ?? {}
    if (!connection || status !== 'active' || Date.parse(dueAt) > deps.clock.now()) return 0
    return await follow(deps, connection, mayGoOn).then(
      ({ told }) => told,
      async (error: unknown) => {
        logger.warn('A drive could not be followed', { connectionId, ...errorFields(error) })
        await putOff(deps, connection, error)
        // Its user has to act, and the provider is well.
        return isServiceError(error, 'connection_requires_reauth') ? 0 : ('failed' as const)
      },
    )
  } catch (error) {
    logger.warn('A look at a drive could not be put off', { connectionId, ...errorFields(error) })
    return 'failed'
  }
}

/** How far it had come stands in the row; a fault that passes costs time alone. */
async function putOff(deps: FollowDrivesDeps, connection: Connection, error: unknown): Promise<void> {
  const asked = isServiceError(error) && error.retry.retryable ? (error.retry.afterSeconds ?? 0) : 0
  await deps.connections.change(connection, connection.connectionId, ({ status, changes }) => {
    if (status !== 'active') return undefined
    const everyS = Math.min((changes?.everyS ?? shortestPauseS) * 2, deps.longestPauseS)
    const dueAt = new Date(deps.clock.now() + Math.max(asked, everyS) * 1000).toISOString()
    return { changes: { ...changes, everyS }, dueAt }
  })
}
