import * as z from 'zod/mini'
import type { Clock } from '../clock.ts'
import type { ProviderId } from '../providers/registry.ts'
import { oauth2Of } from '../providers/registry.ts'
import { ServiceError } from '../errors.ts'
import type { Secret } from '../secret.ts'
import { secret } from '../secret.ts'
import type { OAuthClient } from './grant.ts'
import type { SealKeys, SealKeySource } from './seal.ts'
import { sealKey } from './seal.ts'
import type { SecretStore } from './secret-store.ts'

/** What a deployment's own secrets say: its OAuth clients and its sealing keys. */
export interface Vault {
  /**
   * This deployment's OAuth client, from memory for minutes; `provider_not_configured` when there is none.
   */
  oauthClient(provider: ProviderId, fresh: boolean): Promise<OAuthClient>
  readonly sealKeys: SealKeySource
}

const text = z.string().check(z.minLength(1))
const clientBody = z.object({ clientId: text, clientSecret: text })
// `keys` as people write it, or flat (`{"current": "k1", "k1": "…"}`) as Secrets Manager generates it.
const nestedKeys = z.object({ current: text, keys: z.record(z.string(), text) })
const flatKeys = z.catchall(z.object({ current: text }), text)

const cacheMs = 5 * 60_000

/**
 * The vault over `store`. What was read stays in memory: minutes to spare calls, longer for when calls fail.
 */
export function createVault(store: SecretStore, clock: Clock): Vault {
  const clients = new Map<ProviderId, (fresh: boolean) => Promise<OAuthClient>>()
  const clientOf = (provider: ProviderId) => {
    const known = clients.get(provider) ?? cached(clock, () => readClient(store, provider))
    clients.set(provider, known)
    return known
  }
  const sealKeys = cached(clock, () => readSealKeys(store))
  return {
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
  const value = await store.readText(oauth2Of(provider).clientSecretName)
  const body = value === undefined ? undefined : clientBody.safeParse(parseJson(value)).data
  if (body === undefined) {
    throw new ServiceError('provider_not_configured', `This deployment has no OAuth client for ${provider}.`)
  }
  return { clientId: body.clientId, clientSecret: secret(body.clientSecret) }
}

async function readSealKeys(store: SecretStore): Promise<SealKeys> {
  const value = await store.readText('seal-key')
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
