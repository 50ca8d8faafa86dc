import * as z from 'zod/mini'
import type { Clock } from '../clock.ts'
import type { ProviderId } from '../providers/registry.ts'
import { oauth2Of } from '../providers/registry.ts'
import { ServiceError } from '../errors.ts'
import type { ConnectionId } from '../ids.ts'
import type { Secret } from '../secret.ts'
import { secret } from '../secret.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { OAuthClient, PasswordCredentials } from './grant.ts'
import { credentialsOf, packPassword, passwordBody } from './packing.ts'
import type { SealKeys, SealKeySource } from './seal.ts'
import { sealKey } from './seal.ts'
import type { SecretStore } from './secret-store.ts'

/** A refresh token and when it was given, epoch milliseconds. */
export interface StoredGrant {
  readonly refreshToken: Secret
  readonly issuedAt: number
}

/** What a connection's secret holds, by the kind of its grant. */
type Held = StoredGrant | PasswordCredentials

/** What Secrets Manager holds here: one small secret a connection, one a provider, and the sealing keys. */
export interface Vault {
  /**
   * The connection's refresh token. When Secrets Manager cannot be read, what this process read last serves.
   * `fresh` forbids that: a proof needs what is stored now.
   */
  readGrant(
    connectionId: ConnectionId,
    options?: { readonly fresh?: boolean },
  ): Promise<StoredGrant | undefined>
  /** The connection's app password, from memory for some minutes; otherwise as `readGrant`. */
  readPassword(
    connectionId: ConnectionId,
    options?: { readonly fresh?: boolean },
  ): Promise<PasswordCredentials | undefined>
  /** Stores a grant in place of the one before. */
  writeGrant(connectionId: ConnectionId, grant: Held): Promise<void>
  /** Stores a grant in place of one that is still there; without one nothing is written. */
  renewGrant(connectionId: ConnectionId, grant: StoredGrant): Promise<void>
  /** Deletes the connection's secret; it can be restored within the deployment's recovery window. */
  deleteGrant(connectionId: ConnectionId): Promise<void>
  /**
   * This deployment's OAuth client, from memory for minutes; `provider_not_configured` when there is none.
   */
  oauthClient(provider: ProviderId, fresh: boolean): Promise<OAuthClient>
  readonly sealKeys: SealKeySource
}

const text = z.string().check(z.minLength(1))
// A secret without `kind` is a refresh token.
const heldBody = z.union([passwordBody, z.object({ refreshToken: text, issuedAt: z.int() })])
const clientBody = z.object({ clientId: text, clientSecret: text })
// `keys` as people write it, or flat (`{"current": "k1", "k1": "…"}`) as Secrets Manager generates it.
const nestedKeys = z.object({ current: text, keys: z.record(z.string(), text) })
const flatKeys = z.catchall(z.object({ current: text }), text)

const cacheMs = 5 * 60_000
const rememberedGrants = 1_000

const pack = (held: Held): Secret =>
  'password' in held
    ? packPassword(held)
    : secret(JSON.stringify({ refreshToken: held.refreshToken.reveal(), issuedAt: held.issuedAt }))

const nameOf = (connectionId: ConnectionId): string => `connections/${connectionId}`

/**
 * The vault over `store`. What was read stays in memory: minutes to spare calls, longer for when calls fail.
 */
export function createVault(store: SecretStore, clock: Clock): Vault {
  const grants = new Map<ConnectionId, { readonly held: Held; readonly at: number }>()
  const clients = new Map<ProviderId, (fresh: boolean) => Promise<OAuthClient>>()
  const clientOf = (provider: ProviderId) => {
    const known = clients.get(provider) ?? cached(clock, () => readClient(store, provider))
    clients.set(provider, known)
    return known
  }
  const sealKeys = cached(clock, () => readSealKeys(store))
  const remember = (connectionId: ConnectionId, held: Held): void => {
    grants.delete(connectionId)
    grants.set(connectionId, { held, at: clock.now() })
    const [oldest] = grants.keys()
    if (grants.size > rememberedGrants && oldest !== undefined) grants.delete(oldest)
  }
  const read = async (connectionId: ConnectionId, fresh: boolean): Promise<Held | undefined> => {
    let value: Secret | undefined
    try {
      value = await store.read(nameOf(connectionId))
    } catch (error) {
      const known = grants.get(connectionId)
      if (fresh || known === undefined) throw error
      logger.warn('Secrets Manager cannot be read; going on with what is in memory', errorFields(error))
      return known.held
    }
    if (value === undefined) {
      grants.delete(connectionId)
      return undefined
    }
    const body = parse(heldBody, value)
    const held =
      'password' in body ? credentialsOf(body) : { ...body, refreshToken: secret(body.refreshToken) }
    remember(connectionId, held)
    return held
  }
  return {
    async readGrant(connectionId, { fresh = false } = {}) {
      const held = await read(connectionId, fresh)
      return held !== undefined && 'refreshToken' in held ? held : undefined
    },
    async readPassword(connectionId, { fresh = false } = {}) {
      const known = grants.get(connectionId)
      const young = known !== undefined && clock.now() - known.at < cacheMs
      const held = young && !fresh ? known.held : await read(connectionId, fresh)
      return held !== undefined && 'password' in held ? held : undefined
    },
    async writeGrant(connectionId, grant) {
      await store.write(nameOf(connectionId), pack(grant))
      remember(connectionId, grant)
    },
    async renewGrant(connectionId, grant) {
      if (await store.replace(nameOf(connectionId), pack(grant))) remember(connectionId, grant)
      else grants.delete(connectionId)
    },
    async deleteGrant(connectionId) {
      await store.remove(nameOf(connectionId))
      grants.delete(connectionId)
    },
    oauthClient: (provider, fresh) => clientOf(provider)(fresh),
    sealKeys,
  }
}

/**
 * `read` at most once in some minutes, and once for all who ask at the same time. When reading fails, the
 * last value still serves, but not after a definite `provider_not_configured`.
 */
function cached<Value>(clock: Clock, read: () => Promise<Value>): (fresh: boolean) => Promise<Value> {
  let last: { readonly value: Value; readonly at: number } | undefined
  let reading: Promise<Value> | undefined
  const load = async (): Promise<Value> => {
    try {
      const value = await read()
      last = { value, at: clock.now() }
      return value
    } catch (error) {
      if (last === undefined || (error instanceof ServiceError && !error.retry.retryable)) throw error
      return last.value
    } finally {
      reading = undefined
    }
  }
  return (fresh) => {
    if (!fresh && last !== undefined && clock.now() - last.at < cacheMs) return Promise.resolve(last.value)
    reading ??= load()
    return reading
  }
}

async function readClient(store: SecretStore, provider: ProviderId): Promise<OAuthClient> {
  const value = await store.read(oauth2Of(provider).clientSecretName)
  const body = value === undefined ? undefined : clientBody.safeParse(parseJson(value)).data
  if (body === undefined) {
    throw new ServiceError('provider_not_configured', `This deployment has no OAuth client for ${provider}.`)
  }
  return { clientId: body.clientId, clientSecret: secret(body.clientSecret) }
}

async function readSealKeys(store: SecretStore): Promise<SealKeys> {
  const value = await store.read('seal-key')
  if (value === undefined) throw new ServiceError('internal_error', 'This deployment has no sealing key.')
  const json = parseJson(value)
  const nested = nestedKeys.safeParse(json)
  const { current, ...flat } = nested.success ? { current: nested.data.current } : parse(flatKeys, value)
  const entries = Object.entries(nested.success ? nested.data.keys : flat)
  if (entries.some(([id]) => !/^[A-Za-z0-9_-]{1,32}$/.test(id))) {
    throw new ServiceError('internal_error', 'The name of a sealing key has to match ^[A-Za-z0-9_-]{1,32}$.')
  }
  return { current, keys: new Map(entries.map(([id, material]) => [id, sealKey(material)])) }
}

function parse<Schema extends z.ZodMiniType>(schema: Schema, value: Secret): z.output<Schema> {
  const parsed = schema.safeParse(parseJson(value))
  if (parsed.success) return parsed.data
  throw new ServiceError('internal_error', 'A stored secret is malformed.')
}

function parseJson(value: Secret): unknown {
  try {
    return JSON.parse(value.reveal())
  } catch {
    return undefined
  }
}
