import type { Connection } from '../catalog/connections.ts'
import type { TokenStore } from '../catalog/tokens.ts'
import type { Clock } from '../clock.ts'
import { dayMs } from '../clock.ts'
import { CloudConnectionError } from '../errors.ts'
import { oauth2Of } from '../providers/registry.ts'
import type { Sealer, Secret } from '../secret.ts'
import type { NewGrant } from './grant.ts'
import type { AccessTokens } from './tokens/access-tokens.ts'
import { newestGrant, sealTokens } from './tokens/stored-tokens.ts'
import type { Vault } from './vault.ts'

/** The life of a disconnect's mark in the tokens table: longer than any refresh that began before it. */
const retiredRowMs = dayMs

/** What giving a connection a grant, and taking it away, works with. */
export interface GrantDeps {
  readonly vault: Vault
  readonly tokens: TokenStore
  readonly sealer: Sealer
  readonly accessTokens: Pick<AccessTokens, 'forget'>
  readonly clock: Clock
  /** From 0 to below 1, for pauses. */
  readonly random?: (() => number) | undefined
}

/**
 * Stores a new grant in place of whatever the connection had. The old one is not revoked: that may end the
 * new one as well. The tokens row comes last: from then on no refresh that began with the old grant can
 * write.
 */
export async function saveGrant(
  deps: GrantDeps,
  connection: Pick<Connection, 'connectionId' | 'provider'>,
  grant: NewGrant,
): Promise<void> {
  const { connectionId, provider } = connection
  if (grant.kind === 'password') return deps.vault.writeGrant(connectionId, grant.credentials)
  const { refreshToken, ...accessOnly } = grant.tokens
  if (refreshToken === undefined) throw new CloudConnectionError(connectionId, 'refresh_token_missing')
  const now = deps.clock.now()
  const before = await deps.tokens.get(connectionId)
  // A refresh token that is kept for good stands in Secrets Manager alone; others are soon replaced.
  const inRow = oauth2Of(provider).refreshTokens === 'kept' ? accessOnly : grant.tokens
  const sealed = await sealTokens(deps.sealer, connection, inRow, before, now)
  const issuedAt = sealed.rotated?.issuedAt ?? now
  await deps.vault.writeGrant(connectionId, { refreshToken, issuedAt })
  await deps.tokens.replace(connectionId, { ...sealed.write, secretWrittenAt: now }, sealed.rowExpiresAt)
  deps.accessTokens.forget(connectionId)
}

/** The connection's newest refresh token as the stores have it now; undefined when there is none left. */
export async function readRefreshToken(
  deps: Pick<GrantDeps, 'vault' | 'tokens' | 'sealer'>,
  { connectionId }: Pick<Connection, 'connectionId'>,
): Promise<Secret | undefined> {
  const row = await deps.tokens.get(connectionId)
  return (await newestGrant(deps.sealer, deps.vault, connectionId, row, true))?.refreshToken
}

/**
 * Deletes all tokens of a connection. A refresh that is under way meets the mark in the tokens row and stores
 * nothing. Already gone is success.
 */
export async function removeGrant(
  deps: Pick<GrantDeps, 'vault' | 'tokens' | 'accessTokens' | 'clock'>,
  { connectionId }: Pick<Connection, 'connectionId'>,
): Promise<void> {
  await deps.tokens.retire(connectionId, deps.clock.now() + retiredRowMs)
  await deps.vault.deleteGrant(connectionId)
  deps.accessTokens.forget(connectionId)
}
