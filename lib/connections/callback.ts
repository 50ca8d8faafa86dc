import type { Authorization, AuthorizationStore } from '../catalog/authorizations.ts'
import type { Clock } from '../clock.ts'
import type { NewId } from '../ids.ts'
import { randomId } from '../ids.ts'
import { authorizationLifetimeSeconds } from '../contract/limits.ts'
import type { Sealer, Secret } from '../secret.ts'
import { ServiceError } from '../errors.ts'
import { aboutOf } from '../providers/registry.ts'
import { secret } from '../secret.ts'
import { completionPage, refusalPage } from './pages.ts'
import { authorizationKey, newOneTimeValue } from './one-time.ts'
import { withParameters } from './return-url.ts'

export interface CallbackDeps {
  readonly authorizations: AuthorizationStore
  readonly sealer: Sealer
  readonly clock: Clock
  readonly newId?: NewId
}

/** What the provider sent along with the browser. */
export interface CallbackQuery {
  readonly state?: string | undefined
  readonly code?: string | undefined
  readonly error?: string | undefined
}

export type CallbackAnswer =
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'page'; readonly html: string }

/**
 * Takes the browser back from the provider. The state is good once, for ten minutes; anything else is
 * `invalid_request` and changes nothing.
 *
 * The code is not exchanged here but put away, sealed, until the user who started asks for it. So nothing is
 * fetched for whoever's browser this is, and an abandoned code dies at the provider.
 */
export async function handleCallback(deps: CallbackDeps, query: CallbackQuery): Promise<CallbackAnswer> {
  const { code, error } = query
  const authorization = await openState(deps, query.state, 'oauth2')
  if (error !== undefined)
    return decline(deps, authorization, /^[a-z_]{1,64}$/.test(error) ? error : 'server_error')
  if (code === undefined || code === '') throw invalid('code is missing')
  return approve(deps, authorization, 'sealedCode', secret(code))
}

/** The start that `state` belongs to, of a provider with this kind of grant; else `invalid_request`. */
export async function openState(
  deps: Pick<CallbackDeps, 'authorizations'>,
  state: string | undefined,
  kind: 'oauth2' | 'password',
): Promise<Authorization> {
  if (state === undefined || state === '') throw invalid('state is missing')
  const authorization = await deps.authorizations.get(authorizationKey('state', state))
  const fits = authorization?.kind === 'state' && aboutOf(authorization.provider).grant.kind === kind
  if (authorization === undefined || !fits) throw unknownState()
  return authorization
}

/** Uses the start up for a completion code, under which `value` waits, sealed. */
export async function approve(
  deps: CallbackDeps,
  authorization: Authorization,
  attribute: 'sealedCode' | 'sealedTokens',
  value: Secret,
): Promise<CallbackAnswer> {
  const { returnUrl, connectionId } = authorization
  // Sealed before the state is used up: what can fail for our own sake must not cost the user the consent.
  const sealed = await deps.sealer.seal(value, connectionId)
  await useUp(deps, authorization)
  const completionCode = newOneTimeValue()
  await deps.authorizations.create({
    ...authorization,
    id: authorizationKey('completion', completionCode),
    kind: 'completion',
    [attribute]: sealed,
    expiresAt: Math.floor(deps.clock.now() / 1000) + authorizationLifetimeSeconds,
  })
  await deps.authorizations.remove(authorization.id)
  return returnUrl === undefined
    ? { kind: 'page', html: completionPage(connectionId, completionCode) }
    : { kind: 'redirect', location: withParameters(returnUrl, { connectionId, completionCode }) }
}

/** Ends the start: the user said no, or the provider did. Only its short code goes on, never its text. */
export async function decline(
  deps: CallbackDeps,
  authorization: Authorization,
  error: string,
): Promise<CallbackAnswer> {
  const { returnUrl, connectionId } = authorization
  await useUp(deps, authorization)
  await deps.authorizations.remove(authorization.id)
  return returnUrl === undefined
    ? { kind: 'page', html: refusalPage(error) }
    : { kind: 'redirect', location: withParameters(returnUrl, { connectionId, error }) }
}

async function useUp(deps: CallbackDeps, { id }: Authorization): Promise<void> {
  if (!(await deps.authorizations.claim(id, (deps.newId ?? randomId)()))) throw unknownState()
}

function unknownState(): ServiceError {
  return invalid('state is unknown, expired or used already. Start the connection again')
}

function invalid(what: string): ServiceError {
  return new ServiceError('invalid_request', `${what}.`)
}
