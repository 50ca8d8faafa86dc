import { nextKeepAlive } from '../catalog/connections.ts'
import type { GrantChanges, GrantRow, GrantStore } from '../catalog/grants.ts'
import type { Clock } from '../clock.ts'
import { dayMs } from '../clock.ts'
import { ServiceError } from '../errors.ts'
import type { ConnectionId } from '../ids.ts'
import { logger } from '../telemetry/logger.ts'
import { count } from '../telemetry/metrics.ts'
import type { Item } from './cell.ts'
import { itemAt, itemsIn } from './cell.ts'
import type { HeldGrant } from './item.ts'
import { newRowKey, openItem, sealItem } from './item.ts'
import type { ReadOldGrant } from './old-grants.ts'
import type { GrantHolder } from './grant-row.ts'
import { consentOf, newestAt, oldSecretName } from './grant-row.ts'
import type { SealKeySource } from './seal.ts'
import type { SecretStore } from './secret-store.ts'

export interface GrantKeeperDeps {
  readonly rows: GrantStore
  readonly secrets: SecretStore
  readonly sealKeys: SealKeySource
  readonly readOld: ReadOldGrant
  readonly clock: Clock
}

/** A grant, and the row that it was read under. */
export interface ReadGrant {
  readonly held: HeldGrant
  readonly row: GrantRow
}

/** The grants of all connections: a row each, and the secrets that the rows point to. */
export interface Grants {
  /**
   * The newest grant; undefined when there is none. A grant that should be there and cannot be read is an
   * outage, `provider_unavailable`, and never a reason to ask a user for another one.
   */
  read(holder: GrantHolder): Promise<ReadGrant | undefined>
  /** Tells one consent of a connection from the next; undefined without a grant. */
  consent(connectionId: ConnectionId): Promise<string | undefined>
  /**
   * The provider has taken `read` and has perhaps given a `newer` refresh token for it, which is kept. False
   * when the connection was disconnected or reconnected meanwhile: then nothing is written.
   */
  used(holder: GrantHolder, read: ReadGrant, newer?: HeldGrant): Promise<boolean>
}

/** A newer grant goes from its row into a secret after so long. */
const flushMs = dayMs
const rememberedSecrets = 200
/** So often a grant may move between the look at its row and the look into its secret. */
const readTries = 3

export function createGrants(deps: GrantKeeperDeps): Grants {
  const { rows, secrets, sealKeys, clock } = deps
  const itemsOf = rememberingItems(secrets)

  const open = async (row: GrantRow): Promise<HeldGrant | undefined> => {
    if (row.key === undefined) return undefined
    const owner = { ...row, key: row.key }
    if (row.hot !== undefined) return openItem(sealKeys, owner, itemAt(row.hot))
    const items = row.at === undefined ? undefined : await itemsOf(row.at)
    const item = items?.find(({ connectionId }) => connectionId === row.connectionId)
    return item && openItem(sealKeys, owner, item)
  }

  /** What an earlier version kept gets a row, unless somebody was quicker. */
  const move = async (holder: GrantHolder): Promise<GrantRow | undefined> => {
    const { connectionId, provider, idleSince } = holder
    const old = await deps.readOld(connectionId)
    if (old === undefined) return undefined
    const key = newRowKey()
    const { issuedAt, held } = old
    const { item, sealedWith } = await sealItem(sealKeys, { connectionId, provider, key }, held, issuedAt)
    const where = { key, at: oldSecretName(connectionId), issuedAt, sealedWith, hot: item }
    const since = idleSince === undefined ? issuedAt : Date.parse(idleSince)
    return rows.change(holder, (seen) =>
      seen?.key !== undefined || seen?.goneAt !== undefined
        ? undefined
        : {
            ...where,
            hotIssuedAt: issuedAt,
            packAt: new Date(clock.now()).toISOString(),
            dueAt: nextKeepAlive(provider, since),
          },
    )
  }

  return {
    async read(holder) {
      let row = await rows.get(holder.connectionId)
      for (let attempt = 1; attempt <= readTries; attempt += 1) {
        if (row?.goneAt !== undefined) return undefined
        if (row?.key === undefined) row = await move(holder)
        if (row?.key === undefined) return undefined
        const held = await open(row)
        if (held !== undefined) return { held, row }
        const again = await rows.get(holder.connectionId)
        if (again?.version === row.version) break
        row = again
      }
      throw unreadable(holder.connectionId)
    },
    async consent(connectionId) {
      const row = await rows.get(connectionId)
      return row && consentOf(row)
    },
    used: (holder, read, newer) => recordUse(deps, holder, read, newer),
  }
}

/** Keeps a newer token, and puts the keep-alive off, once a day at most where there is no newer token. */
async function recordUse(
  { rows, sealKeys, clock }: GrantKeeperDeps,
  holder: GrantHolder,
  { row, held }: ReadGrant,
  newer: HeldGrant | undefined,
): Promise<boolean> {
  const { key } = row
  if (key === undefined) return false
  const now = clock.now()
  const due = nextKeepAlive(holder.provider, now)
  const isLater = due !== undefined && Date.parse(due) - Date.parse(row.dueAt ?? '0') >= dayMs
  const putOff: GrantChanges = isLater ? { dueAt: due } : {}
  const isMine = (seen: GrantRow | undefined): seen is GrantRow =>
    seen?.key !== undefined && Buffer.from(key).equals(seen.key)
  // What an older sealing key seals is sealed anew: so that key can go when everybody has been here.
  const isCurrent = row.sealedWith === (await sealKeys(false)).current
  if (isCurrent && (newer === undefined || isSame(held, newer))) {
    return !isLater || isMine(await rows.change(holder, (seen) => (isMine(seen) ? putOff : undefined), row))
  }
  const issuedAt = Math.max(now, newestAt(row) + 1)
  const { connectionId, provider } = holder
  const { item, sealedWith } = await sealItem(
    sealKeys,
    { connectionId, provider, key },
    newer ?? held,
    issuedAt,
  )
  const hot = { hot: item, hotIssuedAt: issuedAt, sealedWith, ...putOff }
  const packAt = new Date(now + flushMs).toISOString()
  const decide = (seen: GrantRow | undefined): GrantChanges | undefined =>
    isMine(seen) && newestAt(seen) < issuedAt ? { ...hot, packAt: seen.packAt ?? packAt } : undefined
  return isMine(await rows.change(holder, decide, row))
}

/** Secrets are never written again, so what was read of one is right for ever. */
function rememberingItems(secrets: Pick<SecretStore, 'read'>) {
  const known = new Map<string, readonly Item[]>()
  return async (name: string): Promise<readonly Item[] | undefined> => {
    const value = known.get(name) ?? (await secrets.read(name).then((bytes) => bytes && itemsIn(bytes)))
    known.delete(name)
    if (value === undefined) return undefined
    known.set(name, value)
    const [oldest] = known.keys()
    if (known.size > rememberedSecrets && oldest !== undefined) known.delete(oldest)
    return value
  }
}

function isSame(one: HeldGrant, other: HeldGrant): boolean {
  return 'refreshToken' in one && 'refreshToken' in other && one.refreshToken.equals(other.refreshToken)
}

/** Nothing is known to be wrong with the grant: somebody has to look, and everybody else waits. */
function unreadable(connectionId: ConnectionId): ServiceError {
  count('VaultInconsistent')
  logger.error('A grant cannot be read: its secret is missing, or does not open', { connectionId })
  return new ServiceError('provider_unavailable', 'The connection’s grant cannot be read now. Try again.', {
    retry: { retryable: true, afterSeconds: 60 },
    context: { connectionId, retryAfterSeconds: 60, providerCode: 'vault_inconsistent' },
  })
}
