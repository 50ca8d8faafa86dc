import { ServiceError } from '../../errors.ts'
import type { ConnectionId } from '../../ids.ts'
import type { DriveApi } from './api.ts'
import { swallow } from '../../net/swallow.ts'

/** Ids fetched at a time, the most that Drive gives: one call in a thousand creations asks for them. */
const reservedAtOnce = 1000
/** Connections whose left-over ids are kept; the ones used longest ago are dropped. */
const maxConnections = 1000

interface Pool {
  readonly ids: string[]
  pending?: Promise<void> | undefined
}

/**
 * File ids that Drive has generated for a connection's account and nobody has had yet. Callers at the same
 * time share a call.
 * https://developers.google.com/workspace/drive/api/reference/rest/v3/files/generateIds
 */
export interface ReservedIds {
  take(connectionId: ConnectionId, api: DriveApi, signal?: AbortSignal): Promise<string>
}

/** One for a process: backends are opened for each request, and ids do not run out. */
export function reservedIds(): ReservedIds {
  const pools = new Map<ConnectionId, Pool>()

  const poolOf = (connectionId: ConnectionId): Pool => {
    const pool = pools.get(connectionId) ?? { ids: [] }
    pools.delete(connectionId)
    pools.set(connectionId, pool)
    const [oldest] = pools.keys()
    if (pools.size > maxConnections && oldest !== undefined) pools.delete(oldest)
    return pool
  }

  return {
    async take(connectionId, api, signal) {
      const pool = poolOf(connectionId)
      for (;;) {
        const id = pool.ids.pop()
        if (id !== undefined) return id
        if (pool.pending) {
          // A caller whose own call fails hears of it; those who only waited make one of their own.
          await pool.pending.catch(swallow)
          continue
        }
        const call = fill(pool, api, signal)
        pool.pending = call
        try {
          await call
        } finally {
          pool.pending = undefined
        }
      }
    },
  }
}

async function fill(pool: Pool, api: DriveApi, signal: AbortSignal | undefined): Promise<void> {
  const ids = await api.generateIds(reservedAtOnce, signal)
  if (ids.length === 0) {
    throw new ServiceError('provider_error', 'Google Drive gave no file id.', { retry: { retryable: true } })
  }
  pool.ids.push(...ids)
}
