import type { TokenSet } from '../grant.ts'
import type { TokenRow, TokenWrite } from '../../catalog/tokens.ts'
import { dayMs } from '../../clock.ts'
import type { ConnectionId } from '../../ids.ts'
import type { AccessToken } from '../../net/token-source.ts'
import type { Sealer } from '../../secret.ts'
import { errorFields, logger } from '../../telemetry/logger.ts'

/**
 * A new access token, sealed and as callers get it, and when the row may go. Times are epoch milliseconds.
 */
export interface SealedTokens {
  readonly token: AccessToken
  readonly write: TokenWrite
  readonly rowExpiresAt: number
}

/**
 * Seals the access token that a token endpoint gave at `now`. Versions follow the clock, so that they go on
 * growing when a row has been deleted.
 */
export async function sealTokens(
  sealer: Sealer,
  connectionId: ConnectionId,
  tokens: TokenSet,
  before: Pick<TokenRow, 'version'> | undefined,
  now: number,
): Promise<SealedTokens> {
  const version = Math.max((before?.version ?? 0) + 1, now)
  const expiresAt = now + tokens.expiresInSeconds * 1000
  const accessToken = await sealer.seal(tokens.accessToken, 'access token', connectionId)
  return {
    token: { token: tokens.accessToken, version, expiresAt },
    write: { version, accessToken, tokenExpiresAt: expiresAt },
    rowExpiresAt: expiresAt + dayMs,
  }
}

/** The row's access token, or undefined when there is none that opens: then a refresh replaces it. */
export async function openAccessToken(sealer: Sealer, row: TokenRow): Promise<AccessToken | undefined> {
  const { connectionId, accessToken, tokenExpiresAt, version } = row
  if (accessToken === undefined || tokenExpiresAt === undefined) return undefined
  try {
    return {
      token: await sealer.open(accessToken, 'access token', connectionId),
      version,
      expiresAt: tokenExpiresAt,
    }
  } catch (error) {
    logger.warn('A stored token does not open; going on without it', { connectionId, ...errorFields(error) })
    return undefined
  }
}
