import type { AuthorizationStore } from '../catalog/authorizations.ts'
import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { Clock } from '../clock.ts'
import { authorizationLifetimeSeconds } from '../contract/limits.ts'
import { pageRoutes } from '../contract/page-routes.ts'
import type { ProviderId } from '../providers/registry.ts'
import type { Sealer } from '../secret.ts'
import type { ConnectionId, NewId, Owner } from '../ids.ts'
import { newConnectionId } from '../ids.ts'
import type { Grant } from '../grants/grant.ts'
import { secret } from '../secret.ts'
import { authorizationKey, codeChallengeOf, newOneTimeValue } from './one-time.ts'
import { getConnection } from './read.ts'
import { checkReturnUrl } from './return-url.ts'

/** What sending a user to a provider works with. */
export interface AuthorizeDeps {
  readonly connections: ConnectionStore
  readonly authorizations: Pick<AuthorizationStore, 'create'>
  readonly sealer: Sealer
  readonly openGrant: (provider: ProviderId) => Promise<Grant>
  readonly clock: Clock
  readonly newId?: NewId
  /** The API's own base URL as providers see it, without a trailing slash. */
  readonly publicUrl: string
  /** Origins and URL prefixes that `returnUrl` may start with. */
  readonly allowedReturnUrls: readonly string[]
}

export interface Started {
  readonly connection: Connection
  /** Where to send the user; absent where no consent is needed. */
  readonly authorizationUrl?: string
}

/**
 * Begins a connection. The deployment's own storage is active at once; a drive is `pending` until its user
 * completes it. One that never is stays so, and can be begun again by `reauthorizeConnection` or removed.
 */
export async function startConnection(
  deps: AuthorizeDeps,
  request: Owner & { readonly provider: ProviderId; readonly returnUrl?: string | undefined },
): Promise<Started> {
  const { userId, userKey, provider } = request
  const returnUrl =
    request.returnUrl === undefined ? undefined : checkReturnUrl(request.returnUrl, deps.allowedReturnUrls)
  const connectionId = newConnectionId(deps.newId)
  const grant = await deps.openGrant(provider)
  if (grant.kind === 'none') {
    return {
      connection: await deps.connections.create({
        userKey,
        userId,
        connectionId,
        provider,
        status: 'active',
      }),
    }
  }
  // What can fail for the deployment's sake comes first, so that it leaves no row behind.
  const consent = await prepareConsent(deps, grant, provider, connectionId)
  const connection = await deps.connections.create({
    userKey,
    userId,
    connectionId,
    provider,
    status: 'pending',
  })
  await consent.record(connection, returnUrl)
  return { connection, authorizationUrl: consent.authorizationUrl }
}

/**
 * Begins the same connection again, whatever its status: its id, documents and account stay. Nothing of it
 * changes until the completion, so an active one goes on working if the user thinks better of it.
 */
export async function reauthorizeConnection(
  deps: AuthorizeDeps,
  request: Owner & { readonly connectionId: ConnectionId; readonly returnUrl?: string | undefined },
): Promise<Started> {
  const { connectionId } = request
  const connection = await getConnection(deps, request, connectionId)
  const returnUrl =
    request.returnUrl === undefined ? undefined : checkReturnUrl(request.returnUrl, deps.allowedReturnUrls)
  const { provider } = connection
  const grant = await deps.openGrant(provider)
  if (grant.kind === 'none') {
    const { after } = await deps.connections.change(request, connectionId, (seen) =>
      seen.status === 'active' ? undefined : { status: 'active' },
    )
    return { connection: after }
  }
  const consent = await prepareConsent(deps, grant, provider, connectionId, connection.email)
  await consent.record(connection, returnUrl)
  return { connection, authorizationUrl: consent.authorizationUrl }
}

async function prepareConsent(
  deps: AuthorizeDeps,
  grant: Exclude<Grant, { kind: 'none' }>,
  provider: ProviderId,
  connectionId: ConnectionId,
  loginHint?: string,
) {
  const state = newOneTimeValue()
  const verifier = newOneTimeValue()
  const redirectUri = `${deps.publicUrl}/v1/oauth/callback`
  const authorizationUrl =
    grant.kind === 'password'
      ? `${deps.publicUrl}${pageRoutes.passwordPage.path}?state=${state}`
      : await grant.authorizationUrl({
          state,
          codeChallenge: codeChallengeOf(verifier),
          redirectUri,
          ...(loginHint === undefined ? {} : { loginHint }),
        })
  const sealedVerifier = await deps.sealer.seal(secret(verifier), connectionId)
  const record = async ({ userKey }: Connection, returnUrl: string | undefined): Promise<void> => {
    const now = deps.clock.now()
    await deps.authorizations.create({
      id: authorizationKey('state', state),
      kind: 'state',
      userKey,
      connectionId,
      provider,
      redirectUri,
      ...(returnUrl === undefined ? {} : { returnUrl }),
      sealedVerifier,
      startedAt: new Date(now).toISOString(),
      expiresAt: Math.floor(now / 1000) + authorizationLifetimeSeconds,
    })
  }
  return { authorizationUrl, record }
}
