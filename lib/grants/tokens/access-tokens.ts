import type { Connection } from '../../catalog/connections.ts'
import { refreshAheadSeconds } from '../../contract/limits.ts'
import { isServiceError } from '../../errors.ts'
import type { ConnectionId } from '../../ids.ts'
import { swallow } from '../../net/swallow.ts'
import type { AccessToken, TokenSource } from '../../net/token-source.ts'
import { errorFields, logger } from '../../telemetry/logger.ts'
import { grantLost, refusalOf } from '../requires-reauth.ts'
import type { ObtainDeps } from './obtain.ts'
import { obtainToken } from './obtain.ts'

/** The access tokens of every connection, as this process uses them. */
export interface AccessTokens {
  /** The tokens of one connection, for a backend's transport. Makes no call by itself. */
  sourceOf(connection: Connection): TokenSource
  /** The keep-alive: refreshes now in any case. */
  keepAlive(connection: Connection): Promise<void>
  /** Drops what is in memory: the connection got a new grant, or none. */
  forget(connectionId: ConnectionId): void
}

const rememberedTokens = 5_000

/**
 * Tokens on demand: from memory, else from the tokens table, else by one refresh, whoever asks. In one
 * process callers share it; across processes a lease in the table picks who refreshes, and the others wait
 * for the new version. A refresh always runs to its end, even when its caller goes away.
 */
export function createAccessTokens(deps: ObtainDeps): AccessTokens {
  const memory = new Map<ConnectionId, AccessToken>()
  const flights = new Map<ConnectionId, Promise<AccessToken>>()

  const remember = (connectionId: ConnectionId, token: AccessToken): void => {
    if ((memory.get(connectionId)?.version ?? 0) > token.version) return
    memory.delete(connectionId)
    memory.set(connectionId, token)
    const [oldest] = memory.keys()
    if (memory.size > rememberedTokens && oldest !== undefined) memory.delete(oldest)
  }

  const inMemory = (
    connectionId: ConnectionId,
    after: number,
    marginSeconds: number,
  ): AccessToken | undefined => {
    const token = memory.get(connectionId)
    const good =
      token !== undefined &&
      token.version > after &&
      token.expiresAt > deps.clock.now() + marginSeconds * 1000
    return good ? token : undefined
  }

  const fly = async (connection: Connection, after: number): Promise<AccessToken> => {
    const { connectionId } = connection
    try {
      const token = await obtainToken(deps, connection, after)
      remember(connectionId, token)
      return token
    } catch (error) {
      if (isServiceError(error, 'connection_requires_reauth')) memory.delete(connectionId)
      // In its last minute the old token is still good: better than an error that is nobody's fault.
      const last = isServiceError(error, 'connection_requires_reauth')
        ? undefined
        : inMemory(connectionId, after, 0)
      if (last === undefined) throw error
      logger.warn('A refresh failed; going on with the token there is', {
        connectionId,
        ...errorFields(error),
      })
      return last
    } finally {
      flights.delete(connectionId)
    }
  }

  const current = async (connection: Connection, after: number): Promise<AccessToken> => {
    const { connectionId } = connection
    for (;;) {
      const known = inMemory(connectionId, after, refreshAheadSeconds)
      if (known !== undefined) return known
      const running = flights.get(connectionId)
      if (running === undefined) {
        const flight = fly(connection, after)
        flights.set(connectionId, flight)
        return flight
      }
      // It may have begun before the token at hand was refused, and end with that very one: then once more.
      const token = await running
      if (token.version > after) return token
    }
  }

  return {
    sourceOf(connection) {
      const ask = (after: number, signal: AbortSignal | undefined): Promise<AccessToken> => {
        const refusal = refusalOf(connection)
        if (refusal !== undefined) return Promise.reject(refusal)
        return unlessAborted(current(connection, after), signal)
      }
      return {
        get: (signal) => ask(0, signal),
        renew: (stale, signal) => ask(stale.version, signal),
        lost: (reason) => grantLost(deps, connection, reason),
      }
    },
    async keepAlive(connection) {
      const refusal = refusalOf(connection)
      if (refusal !== undefined) throw refusal
      const row = await deps.tokens.get(connection.connectionId)
      await current(connection, row?.version ?? 0)
    },
    forget(connectionId) {
      memory.delete(connectionId)
    },
  }
}

/** The caller's own wait ends with its signal; the work goes on for the others. */
async function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return work
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => {
    const { reason } = signal
    reject(reason instanceof Error ? reason : new Error('aborted', { cause: reason }))
  }
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  // Whichever loses the race must not end the process as an unhandled rejection.
  work.catch(swallow)
  try {
    return await Promise.race([promise, work])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
