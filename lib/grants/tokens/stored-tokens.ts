import type { TokenSet } from '../grant.ts'
import type { Connection } from '../../catalog/connections.ts'
import type { TokenRow, TokenWrite } from '../../catalog/tokens.ts'
import { dayMs } from '../../clock.ts'
import { oauth2Of } from '../../providers/registry.ts'
import type { ConnectionId } from '../../ids.ts'
import type { AccessToken } from '../../net/token-source.ts'
import type { Sealer, Secret } from '../../secret.ts'
import { errorFields, logger } from '../../telemetry/logger.ts'
import type { StoredGrant, Vault } from '../vault.ts'

/**
 * A new access token, sealed and as callers get it, and when the row may go. Times are epoch milliseconds.
 */
export interface SealedTokens {
  readonly token: AccessToken
  readonly write: TokenWrite
  readonly rowExpiresAt: number
  /** The refresh token that came along: whoever sends a new one may refuse the old one from then on. */
  readonly rotated?: StoredGrant
}

/**
 * Seals what a token endpoint gave at `now`. Versions and the times of rotated tokens follow the clock, so
 * that they go on growing when a row has been deleted.
 */
export async function sealTokens(
  sealer: Sealer,
  connection: Pick<Connection, 'connectionId' | 'provider'>,
  tokens: TokenSet,
  before: Pick<TokenRow, 'version' | 'refreshIssuedAt'> | undefined,
  now: number,
): Promise<SealedTokens> {
  const { connectionId, provider } = connection
  const lifetimeMs = oauth2Of(provider).idleDays * dayMs
  const version = Math.max((before?.version ?? 0) + 1, now)
  const expiresAt = now + tokens.expiresInSeconds * 1000
  const accessToken = await sealer.seal(tokens.accessToken, connectionId)
  const token = { token: tokens.accessToken, version, expiresAt }
  if (tokens.refreshToken === undefined) {
    const rowExpiresAt = Math.max(expiresAt, (before?.refreshIssuedAt ?? 0) + lifetimeMs) + dayMs
    return { token, write: { version, accessToken, tokenExpiresAt: expiresAt }, rowExpiresAt }
  }
  const issuedAt = Math.max(now, (before?.refreshIssuedAt ?? 0) + 1)
  const refreshToken = await sealer.seal(tokens.refreshToken, connectionId)
  return {
    token,
    write: { version, accessToken, tokenExpiresAt: expiresAt, refreshToken, refreshIssuedAt: issuedAt },
    rowExpiresAt: issuedAt + lifetimeMs,
    rotated: { refreshToken: tokens.refreshToken, issuedAt },
  }
}

/** The row's access token, or undefined when there is none that opens: then a refresh replaces it. */
export async function openAccessToken(sealer: Sealer, row: TokenRow): Promise<AccessToken | undefined> {
  if (row.accessToken === undefined || row.tokenExpiresAt === undefined) return undefined
  const token = await open(sealer, row.accessToken, row.connectionId)
  return token === undefined ? undefined : { token, version: row.version, expiresAt: row.tokenExpiresAt }
}

/**
 * The newest refresh token: the row's where the provider rotates them, else the vault's (`fresh` as there).
 */
export async function newestGrant(
  sealer: Sealer,
  vault: Vault,
  connectionId: ConnectionId,
  row: TokenRow | undefined,
  fresh: boolean,
): Promise<StoredGrant | undefined> {
  if (row?.refreshToken !== undefined && row.refreshIssuedAt !== undefined) {
    const refreshToken = await open(sealer, row.refreshToken, connectionId)
    if (refreshToken !== undefined) return { refreshToken, issuedAt: row.refreshIssuedAt }
  }
  return vault.readGrant(connectionId, { fresh })
}

async function open(sealer: Sealer, sealed: string, connectionId: ConnectionId): Promise<Secret | undefined> {
  try {
    return await sealer.open(sealed, connectionId)
  } catch (error) {
    logger.warn('A stored token does not open; going on without it', { connectionId, ...errorFields(error) })
    return undefined
  }
}
