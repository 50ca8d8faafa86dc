import type { ConnectionStore } from '../catalog/connections.ts'
import type { AuthorizeDeps } from '../connections/authorize.ts'
import type { CallbackDeps } from '../connections/callback.ts'
import type { CompleteDeps } from '../connections/complete.ts'
import type { DisconnectDeps } from '../connections/disconnect.ts'
import type { HealthDeps } from '../connections/health.ts'
import type { KeepAliveDeps } from '../connections/keep-alive.ts'
import type { MoveDeps } from '../connections/move-grants.ts'
import type { PasswordPageDeps } from '../connections/password-page.ts'
import { listed, required } from '../contract/env.ts'
import type { GrantDeps } from '../grants/connect.ts'
import { reachOf } from '../net/reach.ts'
import type { Composition } from './composition.ts'
import { hallDeps } from './hall.ts'

/** For listing and showing connections. */
export function openConnections({ connections }: Composition): { readonly connections: ConnectionStore } {
  return { connections: connections() }
}

/** For starting and restarting a connection. */
export function openAuthorize(composition: Composition): AuthorizeDeps {
  const { settings, clock, outside, openGrant } = composition
  return {
    connections: composition.connections(),
    authorizations: composition.authorizations(),
    sealer: composition.sealer(),
    openGrant,
    clock,
    newId: outside.newId,
    publicUrl: required(settings, 'PUBLIC_URL'),
    allowedReturnUrls: listed(settings, 'ALLOWED_RETURN_URLS'),
  }
}

/** For the browser that comes back from a provider. */
export function openCallback({ authorizations, sealer, clock, outside }: Composition): CallbackDeps {
  return { authorizations: authorizations(), sealer: sealer(), clock, newId: outside.newId }
}

/** For the page that asks for an app password. */
export function openPasswordPage(composition: Composition): PasswordPageDeps {
  const { settings, openGrant } = composition
  return { ...openCallback(composition), openGrant, reach: reachOf(settings) }
}

function grantsOf(composition: Composition): GrantDeps {
  const { grants, grantRows, secrets, sealKeys, tokens, sealer, accessTokens, clock, outside } = composition
  return {
    grants: grants(),
    grantRows: grantRows(),
    secrets: secrets(),
    sealKeys: sealKeys(),
    tokens: tokens(),
    sealer: sealer(),
    accessTokens: accessTokens(),
    clock,
    random: outside.random,
  }
}

/** For completing a connection. */
export function openComplete(composition: Composition): CompleteDeps {
  return {
    ...grantsOf(composition),
    connections: composition.connections(),
    authorizations: composition.authorizations(),
    openGrant: composition.openGrant,
    newId: composition.outside.newId,
    async onReconnected(connection) {
      const { wakeParked } = await import('../transfer/wake.ts')
      await wakeParked(hallDeps(composition), connection)
    },
  }
}

/** For disconnecting. */
export function openDisconnect(composition: Composition): DisconnectDeps {
  return {
    ...grantsOf(composition),
    connections: composition.connections(),
    openGrant: composition.openGrant,
    async cancelTransfers(connection) {
      const { endChangesOf } = await import('../transfer/wake.ts')
      await endChangesOf(hallDeps(composition), connection)
    },
  }
}

/** For the health check. */
export function openHealth({ connections, openDriver, clock }: Composition): HealthDeps {
  return { connections: connections(), openDriver, clock }
}

/** For the keep-alive, and for what moves the grants of an earlier version. */
export function openKeepAlive(composition: Composition): KeepAliveDeps & MoveDeps {
  const { connections, grantRows, outside } = composition
  return {
    ...grantsOf(composition),
    accessTokens: composition.accessTokens(),
    connections: connections(),
    grantRows: grantRows(),
    newId: outside.newId,
  }
}
