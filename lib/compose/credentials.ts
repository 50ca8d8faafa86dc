import { systemClock } from '../clock.ts'
import type { Grant } from '../grants/grant.ts'
import { byConsent } from '../grants/grant.ts'
import { createAccessTokens } from '../grants/tokens/access-tokens.ts'
import { createSealer } from '../grants/seal.ts'
import { secretStore } from '../grants/secret-store.ts'
import { createVault } from '../grants/vault.ts'
import type { EventPublisher } from '../telemetry/events.ts'
import { eventBridgePublisher } from '../telemetry/events.ts'
import { count, countBytes, observe } from '../telemetry/metrics.ts'
import type { ProviderId } from '../providers/registry.ts'
import { startCommonHash } from '../transfer/hash.ts'
import { connections, tokens } from './catalog.ts'
import { openProviders, startHashWith } from './providers.ts'
import { once, onceAsync, optional, required, settings } from './settings.ts'

const secretsManager = onceAsync(async () => {
  const { SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager')
  return new SecretsManagerClient({ maxAttempts: 4 })
})

const eventBridge = onceAsync(async () => {
  const { EventBridgeClient } = await import('@aws-sdk/client-eventbridge')
  return new EventBridgeClient({ maxAttempts: 4 })
})

/** A function that publishes nothing is given no bus; one that tries anyway fails loudly. */
export const events = once((): EventPublisher => ({
  publish: (event) => eventBridgePublisher(eventBridge, required('EVENT_BUS')).publish(event),
}))

export const vault = once(() =>
  createVault(
    secretStore({
      client: secretsManager,
      prefix: required('SECRET_PREFIX'),
      recoveryDays: Number(optional('SECRET_RECOVERY_DAYS') ?? 7),
      kmsKeyId: optional('SECRETS_KEY_ARN'),
      clock: systemClock,
    }),
    systemClock,
  ),
)

export const sealer = once(() => createSealer(vault().sealKeys))

export const providers = once(() =>
  openProviders(
    {
      clock: systemClock,
      settings,
      observe({ provider, operation, status, ms, bytes }) {
        observe('ProviderLatency', ms, { provider, operation })
        countBytes('BytesSent', bytes, { provider })
        if (status === 429) count('ProviderThrottles', { provider })
        if (status === 0 || status >= 500) count('ProviderErrors', { provider, operation })
      },
    },
    (provider) => (fresh) => vault().oauthClient(provider, fresh),
  ),
)

/** What a connection to the provider may do there. */
export const openGrant = (provider: ProviderId): Promise<Grant> => providers().grant(provider)

export const accessTokens = once(() =>
  createAccessTokens({
    connections: connections(),
    tokens: tokens(),
    vault: vault(),
    sealer: sealer(),
    events: events(),
    clock: systemClock,
    writesSecrets: optional('WRITES_SECRETS') === 'true',
    refresh: async (provider, refreshToken) => byConsent(await openGrant(provider)).refresh(refreshToken),
  }),
)

export const startHash = startHashWith(startCommonHash)
