import type { Along, Connection } from '../catalog/connections.ts'
import { nextKeepAlive } from '../catalog/connections.ts'
import { firstLook } from '../catalog/followed.ts'
import type { GrantStore } from '../catalog/grants.ts'
import type { TokenRow, TokenStore } from '../catalog/tokens.ts'
import type { Clock } from '../clock.ts'
import { dayMs } from '../clock.ts'
import { CloudConnectionError, ServiceError } from '../errors.ts'
import type { ProviderId } from '../providers/registry.ts'
import { oauth2Of } from '../providers/registry.ts'
import type { Sealer } from '../secret.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import { cellOf } from './cell.ts'
import type { NewGrant, TokenSet } from './grant.ts'
import type { GrantHolder } from './grant-row.ts'
import { comesBefore, earlier, goneMs, newSecretName, replaced } from './grant-row.ts'
import type { HeldGrant } from './item.ts'
import { newRowKey, sealItem } from './item.ts'
import type { SealKeySource } from './seal.ts'
import type { SecretStore } from './secret-store.ts'
import type { Grants } from './store.ts'
import type { AccessTokens } from './tokens/access-tokens.ts'
import { tried } from './tokens/refresh.ts'
import { sealTokens } from './tokens/stored-tokens.ts'

/** What giving a connection a grant, and taking it away, works with. */
export interface GrantDeps {
  readonly grants: Grants
  readonly grantRows: Pick<GrantStore, 'get' | 'change' | 'updating'>
  readonly secrets: SecretStore
  readonly sealKeys: SealKeySource
  readonly tokens: TokenStore
  readonly sealer: Sealer
  readonly accessTokens: Pick<AccessTokens, 'forget'>
  readonly clock: Clock
  /** From 0 to below 1, for pauses. */
  readonly random?: (() => number) | undefined
}

/** What activating a connection answers. */
interface Activated {
  readonly before: Connection
  readonly after: Connection
}

/** The life of a disconnect's mark in the tokens table: longer than any refresh that began before it. */
const retiredRowMs = dayMs

/**
 * Stores a new grant in place of whatever the connection had. `activate` writes the connection, and with it
 * in one transaction what it is given: that alone makes the grant stand. When it rejects, nothing is left.
 * The old grant is not revoked: that may end the new one as well.
 */
export async function connectGrant(
  deps: GrantDeps,
  connection: GrantHolder,
  given: NewGrant,
  activate: (along: Along) => Promise<Activated>,
): Promise<Activated> {
  if (given.kind === 'password') return establish(deps, connection, { password: given.credentials }, activate)
  const { connectionId } = connection
  const { refreshToken } = given.tokens
  if (refreshToken === undefined) throw new CloudConnectionError(connectionId, 'refresh_token_missing')
  const before = await tried(() => deps.tokens.get(connectionId))
  const activated = await establish(deps, connection, { refreshToken }, activate)
  // The connection is active; without this token the first call refreshes.
  if (before.done) await tried(() => storeFirstToken(deps, connection, given.tokens, before.value))
  deps.accessTokens.forget(connectionId)
  return activated
}

/**
 * Takes the grant away: nothing of it opens from the first write on. A refresh that is under way meets the
 * marks in both rows and stores nothing. Already gone is success.
 */
export async function disconnectGrant(
  deps: Pick<GrantDeps, 'grantRows' | 'secrets' | 'tokens' | 'accessTokens' | 'clock'>,
  holder: GrantHolder,
): Promise<void> {
  const now = deps.clock.now()
  const row = await deps.grantRows.change(holder, (seen) => {
    const arriving = seen?.arriving
    if (seen === undefined && holder.accountId === undefined) return undefined
    if (seen?.goneAt !== undefined && arriving === undefined) return undefined
    const gone = replaced(holder, seen)
    const goes = [...gone.goes, ...(arriving === undefined ? [] : [arriving])]
    const packAt = iso(now + (gone.leaves.length > 0 ? 0 : goneMs))
    return { ...gone, goes, arriving: undefined, goneAt: now, packAt }
  })
  await deps.tokens.retire(holder.connectionId, now + retiredRowMs)
  deps.accessTokens.forget(holder.connectionId)
  await deleteSecrets(deps, holder, row?.goes ?? [])
}

/** Writes the secret's name down, makes it, commits. Dies it anywhere before, no key was stored. */
async function establish(
  deps: GrantDeps,
  holder: GrantHolder,
  grant: HeldGrant,
  activate: (along: Along) => Promise<Activated>,
): Promise<Activated> {
  const { grantRows, secrets, sealKeys, clock } = deps
  const { connectionId, provider } = holder
  const key = newRowKey()
  const issuedAt = clock.now()
  const { item, sealedWith } = await sealItem(sealKeys, { connectionId, provider, key }, grant, issuedAt)
  const name = newSecretName(connectionId, issuedAt)
  await grantRows.change(holder, (seen) => ({
    arriving: name,
    goes: [...(seen?.goes ?? []), ...(seen?.arriving === undefined ? [] : [seen.arriving])],
    packAt: earlier(seen?.packAt, iso(comesBefore(name))),
  }))
  try {
    await secrets.create(name, cellOf([item]))
    return await activate(async () => {
      const seen = await grantRows.get(connectionId)
      if (seen?.arriving !== name) throw overtaken()
      const stands = { key, at: name, issuedAt, sealedWith, packAt: iso(clock.now()) }
      const dueAt = nextKeepAlive(provider, issuedAt)
      return grantRows.updating(seen, { ...replaced(holder, seen), ...stands, dueAt, arriving: undefined })
    })
  } catch (error) {
    await giveUp(deps, holder, name).catch((reason: unknown) =>
      logger.warn('A secret is left to the packer', { connectionId, ...errorFields(reason) }),
    )
    throw error
  }
}

/** Perhaps only the answer was lost: it is given up where it has not been committed, and nowhere else. */
async function giveUp(deps: GrantDeps, holder: GrantHolder, name: string): Promise<void> {
  const row = await deps.grantRows.change(holder, (seen) =>
    seen?.arriving === name ? { arriving: undefined, goes: [...seen.goes, name] } : undefined,
  )
  if (row?.at !== name) await deleteSecrets(deps, holder, [name])
}

/** One that a consent is perhaps just about to make comes after this: the packer deletes it again. */
async function deleteSecrets(
  { secrets, grantRows, clock }: Pick<GrantDeps, 'secrets' | 'grantRows' | 'clock'>,
  holder: GrantHolder,
  names: readonly string[],
): Promise<void> {
  for (const name of names) await secrets.remove(name)
  const now = clock.now()
  const isLeft = (name: string): boolean => !names.includes(name) || comesBefore(name) > now
  await grantRows.change(holder, (seen) =>
    seen === undefined || seen.goes.every(isLeft) ? undefined : { goes: seen.goes.filter(isLeft) },
  )
}

/**
 * From here on no refresh that began with the grant before can write its access token. `before`: the row from
 * before the grant stood, so that a disconnect since then is met.
 */
async function storeFirstToken(
  { tokens, sealer, clock }: GrantDeps,
  { connectionId }: GrantHolder,
  given: TokenSet,
  before: TokenRow | undefined,
): Promise<void> {
  const { write, rowExpiresAt } = await sealTokens(sealer, connectionId, given, before, clock.now())
  await tokens.replace(connectionId, before?.fence ?? 0, write, rowExpiresAt)
}

const iso = (time: number): string => new Date(time).toISOString()

function overtaken(): ServiceError {
  return new ServiceError(
    'invalid_request',
    'Another consent or a disconnect came in between. Start the connection again.',
  )
}

/** What a connection says of a consent from then on. */
export function consentOf(clock: Clock, provider: ProviderId, given: NewGrant) {
  if (given.kind !== 'oauth2') return {}
  const { scopes, grantEndsInSeconds: seconds } = given.tokens
  // Where each refresh brings a new refresh token, the end of the first one says nothing.
  const ends = seconds !== undefined && oauth2Of(provider).refreshTokens === 'kept'
  return {
    scopes,
    grantEndsAt: ends ? new Date(clock.now() + seconds * 1000).toISOString() : undefined,
    ...firstLook(provider, clock.now()),
  }
}
