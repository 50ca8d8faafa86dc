import { systemClock } from '../clock.ts'
import type { OAuthProviderId } from '../providers/registry.ts'
import { createAccessTokens } from '../grants/tokens/access-tokens.ts'
import { createSealer } from '../grants/seal.ts'
import { secretStore } from '../grants/secret-store.ts'
import { createVault } from '../grants/vault.ts'
import type { OAuth2Grant } from '../grants/grant.ts'
import { googleGrant } from '../providers/google-drive/grant.ts'
import { microsoftGrant } from '../providers/onedrive/grant.ts'
import type { EventPublisher } from '../telemetry/events.ts'
import { eventBridgePublisher } from '../telemetry/events.ts'
import { connections, tokens } from './catalog.ts'
import { once, onceAsync, optional, required } from './settings.ts'

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

const google = once(() =>
  googleGrant({
    client: (fresh) => vault().oauthClient('google-drive', fresh),
    clock: systemClock,
    endpoint: optional('GOOGLE_ENDPOINT'),
  }),
)
const microsoft = once(() =>
  microsoftGrant({
    client: (fresh) => vault().oauthClient('onedrive', fresh),
    clock: systemClock,
    tenant: optional('MICROSOFT_TENANT_ID'),
    endpoint: optional('MICROSOFT_ENDPOINT'),
  }),
)

/** The OAuth side of a cloud provider. */
export function oauth(provider: OAuthProviderId): OAuth2Grant {
  switch (provider) {
    case 'google-drive':
      return google()
    case 'onedrive':
      return microsoft()
  }
}

export const accessTokens = once(() =>
  createAccessTokens({
    connections: connections(),
    tokens: tokens(),
    vault: vault(),
    sealer: sealer(),
    events: events(),
    clock: systemClock,
    writesSecrets: optional('WRITES_SECRETS') === 'true',
    refresh: (provider, refreshToken) => oauth(provider).refresh(refreshToken),
  }),
)
