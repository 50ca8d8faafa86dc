import { randomUUID } from 'node:crypto'
import type { Authorization, AuthorizationStore } from '../catalog/authorizations.ts'
import type { Clock } from '../clock.ts'
import { authorizationLifetimeSeconds } from '../contract/limits.ts'
import type { Sealer } from '../secret.ts'
import { ServiceError } from '../errors.ts'
import { secret } from '../secret.ts'
import { completionPage, refusalPage } from './callback-page.ts'
import { authorizationKey, newOneTimeValue } from './one-time.ts'
import { withParameters } from './return-url.ts'

export interface CallbackDeps {
  readonly authorizations: AuthorizationStore
  readonly sealer: Sealer
  readonly clock: Clock
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
  const { state, code, error } = query
  if (state === undefined || state === '') throw invalid('state is missing')
  const id = authorizationKey('state', state)
  const authorization = await deps.authorizations.get(id)
  if (authorization === undefined || authorization.kind !== 'state') throw unknownState()
  if (error === undefined && (code === undefined || code === '')) throw invalid('code is missing')
  const { connectionId } = authorization
  // Sealed before the state is used up: what can fail for our own sake must not cost the user the consent.
  const sealedCode = await deps.sealer.seal(secret(code ?? ''), connectionId)
  if (!(await deps.authorizations.claim(id, randomUUID()))) throw unknownState()
  const answer =
    error === undefined
      ? await granted(deps, authorization, sealedCode)
      : refused(authorization, /^[a-z_]{1,64}$/.test(error) ? error : 'server_error')
  await deps.authorizations.remove(id)
  return answer
}

async function granted(
  deps: CallbackDeps,
  authorization: Authorization,
  sealedCode: string,
): Promise<CallbackAnswer> {
  const { returnUrl, connectionId } = authorization
  const completionCode = newOneTimeValue()
  await deps.authorizations.create({
    ...authorization,
    id: authorizationKey('completion', completionCode),
    kind: 'completion',
    sealedCode,
    expiresAt: Math.floor(deps.clock.now() / 1000) + authorizationLifetimeSeconds,
  })
  return returnUrl === undefined
    ? { kind: 'page', html: completionPage(connectionId, completionCode) }
    : { kind: 'redirect', location: withParameters(returnUrl, { connectionId, completionCode }) }
}

/** The user said no, or the provider did. Only its short code goes on, never its text. */
function refused({ returnUrl, connectionId }: Authorization, error: string): CallbackAnswer {
  return returnUrl === undefined
    ? { kind: 'page', html: refusalPage(error) }
    : { kind: 'redirect', location: withParameters(returnUrl, { connectionId, error }) }
}

function unknownState(): ServiceError {
  return invalid('state is unknown, expired or used already. Start the connection again')
}

function invalid(what: string): ServiceError {
  return new ServiceError('invalid_request', `${what}.`)
}
