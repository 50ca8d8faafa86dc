import type { Connection, ConnectionStore } from '../../catalog/connections.ts'
import { nextKeepAlive } from '../../catalog/connections.ts'
import type { TokenRow, TokenStore } from '../../catalog/tokens.ts'
import type { Clock } from '../../clock.ts'
import { dayMs } from '../../clock.ts'
import { errorFields, logger } from '../../telemetry/logger.ts'
import type { StoredGrant, Vault } from '../vault.ts'

/** So often the catalog learns of a grant's use, and a secret of a rotated token: it takes few writes. */
const recordEveryMs = dayMs

export interface RotationDeps {
  readonly connections: ConnectionStore
  readonly tokens: TokenStore
  readonly vault: Vault
  readonly clock: Clock
  /**
   * Whether this function may write secrets. Where it may not, rotated tokens stay in the tokens table until
   * the keep-alive comes by.
   */
  readonly writesSecrets: boolean
}

/** Whether a rotated token goes to Secrets Manager now: once a day, or when the keep-alive says so. */
export function secretIsDue(
  deps: RotationDeps,
  row: TokenRow | undefined,
  now: number,
  forced: boolean,
): boolean {
  return deps.writesSecrets && (forced || now - (row?.secretWrittenAt ?? 0) >= recordEveryMs)
}

/**
 * After a refresh: takes the rotated refresh token to Secrets Manager when that is due, and puts the
 * keep-alive off. Nothing here fails the caller, who has a token. `claim` is the time that the tokens row
 * already carries for this write, so that no other process does the same.
 */
export async function recordRefresh(
  deps: RotationDeps,
  connection: Connection,
  rotated: StoredGrant | undefined,
  claim: { readonly at: number; readonly before: number } | undefined,
): Promise<void> {
  const { connectionId } = connection
  try {
    if (rotated !== undefined && claim === undefined) return
    if (rotated !== undefined && claim !== undefined) {
      try {
        await writeUnlessOlder(deps.vault, connection, rotated)
      } catch (error) {
        await deps.tokens.restoreSecretWrittenAt(connectionId, claim.at, claim.before)
        throw error
      }
    }
    await putOff(deps, connection)
  } catch (error) {
    logger.warn('A refresh could not be recorded', { connectionId, ...errorFields(error) })
  }
}

/**
 * Secrets Manager cannot compare before it sets, so the stored token is looked at first: an older one never
 * takes a newer one's place. A disconnect may come even after that look, so this makes no secret where there
 * is none.
 */
async function writeUnlessOlder(
  vault: Vault,
  { connectionId }: Connection,
  rotated: StoredGrant,
): Promise<void> {
  const stored = await vault.readGrant(connectionId, { fresh: true })
  if (stored === undefined || stored.issuedAt >= rotated.issuedAt) return
  await vault.renewGrant(connectionId, rotated)
}

/** Puts the keep-alive off: the grant, as Secrets Manager holds it, has just been good. */
async function putOff(deps: RotationDeps, connection: Connection): Promise<void> {
  const { connectionId, provider } = connection
  const keepAliveAt = nextKeepAlive(provider, deps.clock.now())
  const before = connection.keepAliveAt === undefined ? 0 : Date.parse(connection.keepAliveAt)
  if (Date.parse(keepAliveAt) - before < recordEveryMs) return
  const seen = await deps.connections.get(connection, connectionId)
  if (seen?.status === 'active') await deps.connections.update(seen, { keepAliveAt })
}
