import { authorizationStore } from '../catalog/authorizations.ts'
import { bothReader } from '../catalog/both.ts'
import { cellStore } from '../catalog/cells.ts'
import type { Connection } from '../catalog/connections.ts'
import { connectionStore } from '../catalog/connections.ts'
import { documentStore } from '../catalog/documents.ts'
import { erasureStore } from '../catalog/erasures.ts'
import { grantStore } from '../catalog/grants.ts'
import { tokenStore } from '../catalog/tokens.ts'
import type { EnvironmentName } from '../contract/env.ts'
import { listed, required, settingsOf } from '../contract/env.ts'
import { defaultConnectionsPerUser } from '../contract/limits.ts'
import type { Credentials } from '../grants/grant.ts'
import { ofKind } from '../grants/grant.ts'
import { passwordSource } from '../grants/passwords.ts'
import type { ReadOldGrant } from '../grants/old-grants.ts'
import { createSealer } from '../grants/seal.ts'
import { secretStore } from '../grants/secret-store.ts'
import { createGrants } from '../grants/store.ts'
import { createAccessTokens } from '../grants/tokens/access-tokens.ts'
import { createVault } from '../grants/vault.ts'
import type { ObserveCall } from '../net/provider-http.ts'
import { reachOf } from '../net/reach.ts'
import type { Settings } from '../providers/about.ts'
import { aboutOf } from '../providers/registry.ts'
import { eventPublisher } from '../telemetry/events.ts'
import { count, measure } from '../telemetry/metrics.ts'
import type { Composition } from './composition.ts'
import { lazily } from './once.ts'
import type { ReturnUrls } from '../connections/return-url.ts'
import type { Outside } from './outside.ts'
import { outsideOf } from './outside.ts'
import { openProviders } from './providers.ts'

/** The composition of a process with this environment; handlers work with the one in `this-process.ts`. */
export function compose(environment: Settings, given?: Outside): Composition {
  const settings = settingsOf(environment)
  const outside = given ?? outsideOf(settings)
  const { clock, newId, random } = outside
  const now = (): number => clock.now()
  const setting = (name: EnvironmentName): string => required(settings, name)

  const providers = openProviders({
    clock,
    settings,
    observe: observeCall,
    send: outside.http,
    clientOf: (provider) => (fresh) => all.vault.oauthClient(provider, fresh),
    credentialsOf: (connection) => credentialsOf(all, connection),
    connections: () => all.connections,
    commonHash: outside.hasher,
  })

  const readOld: ReadOldGrant = async (connectionId) => {
    const { oldGrants } = await import('../grants/old-grants.ts')
    return oldGrants(all.secrets, all.tokens, all.sealer)(connectionId)
  }

  const all: Composition = lazily({
    settings: () => settings,
    outside: () => outside,
    clock: () => clock,
    newId: () => newId,
    random: () => random,
    documents: () => documentStore(outside.dynamo(), setting('DOCUMENTS_TABLE'), now, newId),
    connections: () => connectionStore(outside.dynamo(), setting('CONNECTIONS_TABLE'), now, newId),
    readBoth: () => {
      const tables = { documents: setting('DOCUMENTS_TABLE'), connections: setting('CONNECTIONS_TABLE') }
      return bothReader(outside.dynamo(), tables, clock)
    },
    tokens: () => tokenStore(outside.dynamo(), setting('TOKENS_TABLE')),
    authorizations: () => authorizationStore(outside.dynamo(), setting('AUTHORIZATIONS_TABLE'), now),
    grantRows: () => grantStore(outside.dynamo(), setting('GRANTS_TABLE'), now, newId),
    erasures: () => erasureStore(outside.dynamo(), setting('USERS_TABLE'), now, newId),
    cells: () => cellStore(outside.dynamo(), setting('CELLS_TABLE')),
    secrets: () =>
      secretStore({
        client: outside.secrets,
        prefix: setting('SECRET_PREFIX'),
        recoveryDays: Number(settings['SECRET_RECOVERY_DAYS'] ?? 7),
        kmsKeyId: settings['SECRETS_KEY_ARN'],
        newId,
      }),
    vault: () => createVault(all.secrets, clock),
    sealKeys: () => all.vault.sealKeys,
    sealer: () => createSealer(all.sealKeys),
    grants: () =>
      createGrants({ rows: all.grantRows, secrets: all.secrets, sealKeys: all.sealKeys, readOld, clock }),
    accessTokens: () =>
      createAccessTokens({
        connections: all.connections,
        tokens: all.tokens,
        grants: all.grants,
        sealer: all.sealer,
        clock,
        newId,
        random,
        refresh: async (provider, refreshToken) =>
          ofKind(await providers.openGrant(provider), 'oauth2').refresh(refreshToken),
      }),
    // Loaded by who tells something.
    bus: () => ({ put: async (events) => (await import('./webhooks.ts')).openBus(all).put(events) }),
    // A function that publishes nothing is given no bus; one that tries anyway fails loudly.
    events: () => ({ publish: (event) => eventPublisher(all.bus).publish(event) }),
    startHash: () => providers.startHash,
    openGrant: () => providers.openGrant,
    openDriver: () => providers.openDriver,
    publicUrl: () => setting('PUBLIC_URL'),
    connectionsPerUser: () => Number(settings['CONNECTIONS_PER_USER'] ?? defaultConnectionsPerUser),
    offered: () => listed(settings, 'OFFERED_PROVIDERS'),
    returnUrls: () => returnUrlsOf(settings),
    reach: () => reachOf(settings),
  })
  return all
}

const returnUrlsOf = (settings: Settings): ReturnUrls => ({
  allowed: listed(settings, 'ALLOWED_RETURN_URLS'),
  areNeeded: settings['REQUIRE_RETURN_URL'] === 'true',
})

function credentialsOf(all: Composition, connection: Connection): Credentials {
  switch (aboutOf(connection.provider).grant.kind) {
    case 'oauth2':
      return { kind: 'oauth2', tokens: all.accessTokens.sourceOf(connection) }
    case 'password':
      return passwordSource(all, connection)
    case 'none':
      return { kind: 'none' }
  }
}

const observeCall: ObserveCall = ({ provider, operation, status, ms, bytes }) => {
  // Bytes both ways, as far as lengths were named.
  measure({ ProviderLatency: [ms, 'Milliseconds'], ProviderBytes: [bytes, 'Bytes'] }, { provider, operation })
  if (status === 429) count('ProviderThrottles', { provider })
  if (status === 0 || status >= 500) count('ProviderErrors', { provider, operation })
}
