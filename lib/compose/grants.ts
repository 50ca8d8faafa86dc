import { cellStore } from '../catalog/cells.ts'
import { grantStore } from '../catalog/grants.ts'
import type { TokenStore } from '../catalog/tokens.ts'
import { required } from '../contract/env.ts'
import { createSealer } from '../grants/seal.ts'
import { secretStore } from '../grants/secret-store.ts'
import { createGrants } from '../grants/store.ts'
import { createVault } from '../grants/vault.ts'
import type { Settings } from '../providers/about.ts'
import { once } from './once.ts'
import type { Outside } from './outside.ts'

/** What a process keeps grants and sealed values with, made on first use. */
export function openGrants(settings: Settings, outside: Outside, tokens: () => TokenStore) {
  const { clock, newId, dynamo } = outside
  const secrets = once(() =>
    secretStore({
      client: outside.secrets,
      prefix: required(settings, 'SECRET_PREFIX'),
      recoveryDays: Number(settings['SECRET_RECOVERY_DAYS'] ?? 7),
      kmsKeyId: settings['SECRETS_KEY_ARN'],
      newId,
    }),
  )
  const vault = once(() => createVault(secrets(), clock))
  const sealer = once(() => createSealer(vault().sealKeys))
  const grantRows = once(() =>
    grantStore(dynamo(), required(settings, 'GRANTS_TABLE'), () => clock.now(), newId),
  )
  const grants = once(() =>
    createGrants({
      rows: grantRows(),
      secrets: secrets(),
      sealKeys: vault().sealKeys,
      readOld: async (connectionId) => {
        const { oldGrants } = await import('../grants/old-grants.ts')
        return oldGrants(secrets(), tokens(), sealer())(connectionId)
      },
      clock,
    }),
  )
  const cells = once(() => cellStore(dynamo(), required(settings, 'CELLS_TABLE')))
  return { secrets, vault, sealKeys: () => vault().sealKeys, sealer, grantRows, grants, cells }
}
