import { authorizationStore } from '../catalog/authorizations.ts'
import type { Connection } from '../catalog/connections.ts'
import { connectionStore } from '../catalog/connections.ts'
import { documentStore } from '../catalog/documents.ts'
import { tokenStore } from '../catalog/tokens.ts'
import { required, settingsOf } from '../contract/env.ts'
import type { Credentials } from '../grants/grant.ts'
import { ofKind } from '../grants/grant.ts'
import { passwordSource } from '../grants/passwords.ts'
import { createAccessTokens } from '../grants/tokens/access-tokens.ts'
import type { ObserveCall } from '../net/provider-http.ts'
import type { Settings } from '../providers/about.ts'
import { aboutOf } from '../providers/registry.ts'
import type { EventPublisher } from '../telemetry/events.ts'
import { eventBridgeBus, eventPublisher } from '../telemetry/events.ts'
import { count, countBytes, observe } from '../telemetry/metrics.ts'
import type { Composition } from './composition.ts'
import { openGrants } from './grants.ts'
import { once } from './once.ts'
import type { Outside } from './outside.ts'
import { outsideOf } from './outside.ts'
import { openProviders } from './providers.ts'

/** The composition of a process with this environment; handlers work with the one in `this-process.ts`. */
export function compose(environment: Settings, given?: Outside): Composition {
  const settings = settingsOf(environment)
  const outside = given ?? outsideOf(settings)
  const { clock, newId } = outside
  const now = (): number => clock.now()

  const documents = once(() =>
    documentStore(outside.dynamo(), required(settings, 'DOCUMENTS_TABLE'), now, newId),
  )
  const connections = once(() =>
    connectionStore(outside.dynamo(), required(settings, 'CONNECTIONS_TABLE'), now, newId),
  )
  const tokens = once(() => tokenStore(outside.dynamo(), required(settings, 'TOKENS_TABLE')))
  const authorizations = once(() =>
    authorizationStore(outside.dynamo(), required(settings, 'AUTHORIZATIONS_TABLE'), now),
  )

  const { vault, sealer, ...kept } = openGrants(settings, outside, tokens)
  // A function that publishes nothing is given no bus; one that tries anyway fails loudly.
  const events = once((): EventPublisher => ({
    publish: (event) =>
      eventPublisher(eventBridgeBus(outside.events, required(settings, 'EVENT_BUS'))).publish(event),
  }))

  const providers = openProviders({
    clock,
    settings,
    observe: observeCall,
    send: outside.http,
    clientOf: (provider) => (fresh) => vault().oauthClient(provider, fresh),
    credentialsOf,
    connections,
    commonHash: outside.hasher,
  })
  const accessTokens = once(() =>
    createAccessTokens({
      connections: connections(),
      tokens: tokens(),
      grants: kept.grants(),
      sealer: sealer(),
      clock,
      newId,
      random: outside.random,
      refresh: async (provider, refreshToken) =>
        ofKind(await providers.openGrant(provider), 'oauth2').refresh(refreshToken),
    }),
  )

  function credentialsOf(connection: Connection): Credentials {
    switch (aboutOf(connection.provider).grant.kind) {
      case 'oauth2':
        return { kind: 'oauth2', tokens: accessTokens().sourceOf(connection) }
      case 'password':
        return passwordSource(
          { connections: connections(), grants: kept.grants(), openGrant: providers.openGrant, newId },
          connection,
        )
      case 'none':
        return { kind: 'none' }
    }
  }

  const composition: Composition = {
    settings,
    clock,
    outside,
    documents,
    connections,
    tokens,
    authorizations,
    ...kept,
    sealer,
    accessTokens,
    events,
    ...providers,
  }
  return composition
}

const observeCall: ObserveCall = ({ provider, operation, status, ms, bytes }) => {
  observe('ProviderLatency', ms, { provider, operation })
  countBytes('BytesSent', bytes, { provider })
  if (status === 429) count('ProviderThrottles', { provider })
  if (status === 0 || status >= 500) count('ProviderErrors', { provider, operation })
}
