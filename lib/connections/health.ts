import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { Clock } from '../clock.ts'
import type { HealthView } from '../contract/views.ts'
import { ServiceError } from '../errors.ts'
import type { ConnectionId, Owner } from '../ids.ts'
import type { Driver } from '../storage/driver.ts'
import { getConnection } from './read.ts'

export interface HealthDeps {
  readonly connections: Pick<ConnectionStore, 'get'>
  readonly openDriver: (connection: Connection) => Promise<Driver>
  readonly clock: Clock
}

/** A provider that takes longer counts as down, milliseconds. */
const patienceMs = 10_000

/**
 * Does the provider answer for this connection, and how much space is there? A provider that is down, a dead
 * grant and a missing OAuth client are answers (`healthy: false` with a `reason`), not errors.
 */
export async function checkHealth(
  deps: HealthDeps,
  request: Owner & {
    readonly connectionId: ConnectionId
    readonly signal?: AbortSignal | undefined
  },
): Promise<HealthView> {
  const { connectionId } = request
  const connection = await getConnection(deps, request, connectionId)
  const startedAt = deps.clock.now()
  const checkedAt = new Date(startedAt).toISOString()
  const { status } = connection
  // No call for a connection that is known not to work: the provider is left alone until the user reconnects.
  if (status !== 'active') {
    return { healthy: false, status, checkedAt, latencyMs: 0, reason: connection.reason ?? status }
  }
  const answer = await probe(deps, connection, request.signal)
  const latencyMs = Math.max(0, Math.round(deps.clock.now() - startedAt))
  if (answer.healthy) {
    const { quota } = answer
    return { healthy: true, status, checkedAt, latencyMs, ...(quota === undefined ? {} : { quota }) }
  }
  // The check itself may have found the grant dead.
  const now = await deps.connections.get(request, connectionId).catch(() => undefined)
  return {
    healthy: false,
    status: now?.status ?? status,
    checkedAt,
    latencyMs,
    reason: now?.reason ?? answer.reason,
  }
}

type Probe =
  | { readonly healthy: true; readonly quota: HealthView['quota'] }
  | { readonly healthy: false; readonly reason: string }

/** The provider's own check says whether it works, or why not; how much space there is, comes along. */
async function probe(
  deps: HealthDeps,
  connection: Connection,
  outer: AbortSignal | undefined,
): Promise<Probe> {
  const ended = new AbortController()
  const late = new AbortController()
  deps.clock.sleep(patienceMs, ended.signal).then(
    () =>
      late.abort(
        new ServiceError('provider_unavailable', 'The provider did not answer in time.', {
          retry: { retryable: true },
        }),
      ),
    // Only the end of the probe aborts this sleep.
    () => undefined,
  )
  const signal = outer === undefined ? late.signal : AbortSignal.any([late.signal, outer])
  try {
    const driver = await deps.openDriver(connection)
    const [healthy, space] = await Promise.allSettled([
      driver.check({ signal }),
      driver.space?.usage({ signal }),
    ])
    if (healthy.status === 'rejected') return { healthy: false, reason: reasonOf(healthy.reason) }
    return { healthy: true, quota: space.status === 'fulfilled' ? space.value : undefined }
  } catch (error) {
    return { healthy: false, reason: reasonOf(error) }
  } finally {
    ended.abort()
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof ServiceError)) return 'internal_error'
  return error.context.reason ?? error.code
}
