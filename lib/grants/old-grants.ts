import * as z from 'zod/mini'
import type { TokenStore } from '../catalog/tokens.ts'
import { ServiceError } from '../errors.ts'
import type { ConnectionId } from '../ids.ts'
import type { Sealer } from '../secret.ts'
import { secret } from '../secret.ts'
import { oldSecretName } from './grant-row.ts'
import type { HeldGrant } from './item.ts'
import { unpackPassword } from './packing.ts'
import type { SecretStore } from './secret-store.ts'

/** A grant as an earlier version kept it: one secret a connection, and a newer token in the tokens row. */
export type ReadOldGrant = (
  connectionId: ConnectionId,
) => Promise<{ readonly held: HeldGrant; readonly issuedAt: number } | undefined>

// A secret without `kind` is a refresh token.
const body = z.union([
  z.object({ kind: z.literal('password') }),
  z.object({ refreshToken: z.string().check(z.minLength(1)), issuedAt: z.int() }),
])

/** Reads the newest grant that an earlier version has left; undefined when there is none. */
export function oldGrants(
  secrets: Pick<SecretStore, 'readText'>,
  tokens: Pick<TokenStore, 'get'>,
  sealer: Sealer,
): ReadOldGrant {
  return async (connectionId) => {
    const { refreshToken, refreshIssuedAt = 0 } = (await tokens.get(connectionId)) ?? {}
    if (refreshToken !== undefined)
      return {
        held: { refreshToken: await sealer.open(refreshToken, 'refresh token', connectionId) },
        issuedAt: refreshIssuedAt,
      }
    const value = await secrets.readText(oldSecretName(connectionId))
    if (value === undefined) return undefined
    const { data } = body.safeParse(JSON.parse(value.reveal()))
    if (data === undefined) throw new ServiceError('internal_error', 'A stored secret is malformed.')
    return 'kind' in data
      ? { held: { password: unpackPassword(value) }, issuedAt: 0 }
      : { held: { refreshToken: secret(data.refreshToken) }, issuedAt: data.issuedAt }
  }
}
