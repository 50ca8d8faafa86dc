import type { AuthorizationStore } from '../catalog/authorizations.ts'
import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { Clock } from '../clock.ts'
import { authorizationLifetimeSeconds } from '../contract/limits.ts'
import { pageRoutes } from '../contract/page-routes.ts'
import type { ProviderId } from '../providers/registry.ts'
import { ServiceError } from '../errors.ts'
import type { Sealer } from '../secret.ts'
import type { ConnectionId, NewId, Owner } from '../ids.ts'
import { newConnectionId, randomId } from '../ids.ts'
import type { Grant } from '../grants/grant.ts'
import { secret } from '../secret.ts'
import { authorizationKey, digestOf, newOneTimeValue } from './one-time.ts'
import { getConnection } from './read.ts'
import type { ReturnUrls } from './return-url.ts'
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
  readonly returnUrls: ReturnUrls
  readonly connectionsPerUser: number
  /** The providers that new connections may go to; all when it is empty. */
  readonly offered: readonly string[]
}

export interface Started {
  readonly connection: Connection
  /** Where to send the user; absent where no consent is needed. */
  readonly authorizationUrl?: string
}

/**
 * Begins a connection. The deployment's own storage is active at once; a drive is `pending` until its user
 * completes it. One that never is ends by itself, ten minutes after the last thing that was done for it.
 */
export async function startConnection(
  deps: AuthorizeDeps,
  request: Owner & { readonly provider: ProviderId; readonly returnUrl?: string | undefined },
): Promise<Started> {
  const { userId, userKey, provider } = request
  if (deps.offered.length > 0 && !deps.offered.includes(provider))
    throw new ServiceError('provider_not_configured', `This deployment does not offer ${provider}.`)
  const fresh = { userKey, userId, provider, connectionId: newConnectionId(deps.newId) }
  const grant = await deps.openGrant(provider)
  const returnUrl = allowed(deps, grant, request.returnUrl)
  await refuseTooMany(deps, request)
  if (grant.kind === 'none') {
    const active = { ...fresh, status: 'active', event: activated(deps), seq: 1 } as const
    return { connection: await deps.connections.create(active) }
  }
  // What can fail for the deployment's sake comes first, so that it leaves no row behind.
  const consent = await prepareConsent(deps, grant, fresh)
  const connection = await deps.connections.create({ ...fresh, status: 'pending' })
  return { connection, authorizationUrl: await consent(returnUrl) }
}

/**
 * Begins the same connection again, whatever its status: its id, documents and account stay. Nothing of it
 * changes until the completion, so an active one goes on working if the user thinks better of it.
 */
export async function reauthorizeConnection(
  deps: AuthorizeDeps,
  request: Owner & { readonly connectionId: ConnectionId; readonly returnUrl?: string | undefined },
): Promise<Started> {
  const connection = await getConnection(deps, request, request.connectionId)
  const grant = await deps.openGrant(connection.provider)
  const returnUrl = allowed(deps, grant, request.returnUrl)
  if (grant.kind === 'none') {
    const { after } = await deps.connections.change(request, request.connectionId, ({ status }) =>
      status === 'active' ? undefined : { status: 'active', event: activated(deps) },
    )
    return { connection: after }
  }
  const consent = await prepareConsent(deps, grant, connection)
  const authorizationUrl = await consent(returnUrl)
  // Its ten minutes begin anew; whoever has changed it meanwhile has seen to that.
  if (connection.status === 'pending') await deps.connections.update(connection, {})
  return { connection, authorizationUrl }
}

function allowed(
  { returnUrls }: AuthorizeDeps,
  { kind }: Pick<Grant, 'kind'>,
  returnUrl: string | undefined,
): string | undefined {
  if (returnUrl !== undefined) return checkReturnUrl(returnUrl, returnUrls.allowed)
  if (!returnUrls.areNeeded || kind === 'none') return undefined
  throw new ServiceError(
    'invalid_request',
    'body.returnUrl: is needed in this deployment; name a page of yours that its settings allow',
  )
}

/** Requests at the same time may pass it by a few; one user cannot fill the table. */
async function refuseTooMany(
  { connections, connectionsPerUser: quota }: AuthorizeDeps,
  owner: Owner,
): Promise<void> {
  const held = (await connections.list(owner)).filter(({ status }) => status !== 'disconnected')
  if (held.length < quota) return
  throw new ServiceError(
    'rate_limited',
    `The user has ${String(held.length)} connections, and ${String(quota)} is the most. Disconnect one that is not used.`,
    // What waits for a consent ends by itself after that long.
    { context: { limit: { policy: 'connections', quota }, retryAfterSeconds: authorizationLifetimeSeconds } },
  )
}

/** The event of a connection that needs nobody's consent. */
const activated = ({ newId = randomId }: AuthorizeDeps) =>
  ({ id: newId(), type: 'Connection Activated' }) as const

/** The consent's address, which counts once the function that is answered has recorded it. */
async function prepareConsent(
  { authorizations, clock, publicUrl, sealer }: AuthorizeDeps,
  grant: Exclude<Grant, { kind: 'none' }>,
  {
    userKey,
    connectionId,
    provider,
    email,
  }: Pick<Connection, 'userKey' | 'connectionId' | 'provider' | 'email'>,
) {
  const state = newOneTimeValue()
  const verifier = newOneTimeValue()
  const redirectUri = `${publicUrl}/v1/oauth/callback`
  const hint = email === undefined ? {} : { loginHint: email }
  const authorizationUrl =
    grant.kind === 'password'
      ? `${publicUrl}${pageRoutes.passwordPage.path}?state=${state}`
      : await grant.authorizationUrl({ state, codeChallenge: digestOf(verifier), redirectUri, ...hint })
  const sealedVerifier = await sealer.seal(secret(verifier), 'code verifier', connectionId)
  return async (returnUrl: string | undefined): Promise<string> => {
    const now = clock.now()
    await authorizations.create({
      id: authorizationKey('state', state),
      kind: 'state',
      userKey,
      connectionId,
      provider,
      redirectUri,
      sealedVerifier,
      ...(returnUrl === undefined ? {} : { returnUrl }),
      startedAt: new Date(now).toISOString(),
      expiresAt: Math.floor(now / 1000) + authorizationLifetimeSeconds,
    })
    return authorizationUrl
  }
}
