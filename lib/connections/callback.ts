import type { Authorization, AuthorizationStore } from '../catalog/authorizations.ts'
import type { ConnectionStore } from '../catalog/connections.ts'
import type { Clock } from '../clock.ts'
import { authorizationLifetimeSeconds } from '../contract/limits.ts'
import type { Sealer, Secret } from '../secret.ts'
import { aboutOf, oauth2Of } from '../providers/registry.ts'
import { secret } from '../secret.ts'
import { completionPage, overPage, refusalPage } from './pages.ts'
import { authorizationKey, digestOf, newOneTimeValue } from './one-time.ts'
import { endPending } from './read.ts'
import { withParameters } from './return-url.ts'

export interface CallbackDeps {
  readonly authorizations: Pick<AuthorizationStore, 'create' | 'get' | 'answer' | 'countTry'>
  readonly connections: Pick<ConnectionStore, 'named' | 'update' | 'remove'>
  readonly sealer: Sealer
  readonly clock: Clock
}

/** What the provider sent along with the browser. */
export interface CallbackQuery {
  readonly state?: string | undefined
  readonly code?: string | undefined
  readonly error?: string | undefined
  readonly error_description?: unknown
}

export type CallbackAnswer =
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'page'; readonly html: string; readonly status?: number }

/**
 * Takes the browser back from the provider, to the app or on a page. The state is good for one outcome: who
 * comes with the same again (a reload, a scanner of links) is answered the same. The code is put away until
 * the user who started asks for it: an abandoned one dies at the provider.
 */
export async function handleCallback(deps: CallbackDeps, query: CallbackQuery): Promise<CallbackAnswer> {
  const { code, error } = query
  const authorization = await openState(deps, query.state, 'oauth2')
  if (authorization === undefined) return over()
  if (error !== undefined) return decline(deps, authorization, denialOf(authorization, query))
  if (code === undefined || code === '') return ended(authorization, 'server_error')
  return approve(deps, authorization, { attribute: 'sealedCode', value: secret(code), proof: code })
}

/** Which word the app gets: an administrator's refusal is told apart from the user's. No text goes on. */
function denialOf(
  { provider }: Authorization,
  { error = '', error_description: text }: CallbackQuery,
): string {
  // Microsoft's number stands at the beginning of the text alone.
  const number = typeof text === 'string' ? /^[A-Z]+\d{4,8}(?=:)/.exec(text)?.[0] : undefined
  const { administratorCodes } = oauth2Of(provider)
  const isTheirs = administratorCodes.some((code) => code === error || code === number)
  if (isTheirs) return 'policy_blocked'
  return /^[a-z_]{1,64}$/.test(error) ? error : 'server_error'
}

/** The start that `state` belongs to, of a provider with this kind of grant; undefined when it is over. */
export async function openState(
  deps: Pick<CallbackDeps, 'authorizations'>,
  state: string | undefined,
  kind: 'oauth2' | 'password',
): Promise<Authorization | undefined> {
  if (state === undefined || state === '') return undefined
  const authorization = await deps.authorizations.get(authorizationKey('state', state))
  const fits = authorization?.kind === 'state' && aboutOf(authorization.provider).grant.kind === kind
  return fits ? authorization : undefined
}

/**
 * Answers the start with a completion code, under which `value` waits, sealed. `proof` is what nobody but the
 * browser can bring again.
 */
export async function approve(
  deps: CallbackDeps,
  authorization: Authorization,
  given: {
    readonly attribute: 'sealedCode' | 'sealedTokens'
    readonly value: Secret
    readonly proof: string
  },
): Promise<CallbackAnswer> {
  const { userKey, connectionId } = authorization
  const proof = digestOf(given.proof)
  if (authorization.answer !== undefined) return again(deps, authorization, proof)
  const completionCode = newOneTimeValue()
  const { sealer } = deps
  const kind = given.attribute === 'sealedCode' ? 'authorization code' : 'grant'
  const [sealed, sealedCode] = await Promise.all([
    sealer.seal(given.value, kind, connectionId),
    sealer.seal(secret(completionCode), 'completion code', connectionId),
  ])
  // First what the code opens, then that it was given out: what is lost in between costs nobody the consent.
  await deps.authorizations.create({
    ...authorization,
    id: authorizationKey('completion', completionCode),
    kind: 'completion',
    [given.attribute]: sealed,
    expiresAt: Math.floor(deps.clock.now() / 1000) + authorizationLifetimeSeconds,
  })
  const answered = await deps.authorizations.answer(authorization.id, { proof, sealedCode })
  if (answered === undefined) return over()
  const pending = await deps.connections.named(userKey, connectionId)
  // A connect that goes on has its time anew.
  if (pending?.status === 'pending') await deps.connections.update(pending, {})
  return again(deps, answered, proof)
}

/** Ends the start: the user said no, or the provider did. A connection that never was goes with it. */
export async function decline(
  deps: CallbackDeps,
  authorization: Authorization,
  error: string,
): Promise<CallbackAnswer> {
  const proof = digestOf(`error ${error}`)
  const answered = await deps.authorizations.answer(authorization.id, { proof, error })
  if (answered === undefined) return over()
  if (answered.answer?.error !== undefined) await endPending(deps, authorization)
  return again(deps, answered, proof)
}

/** The answer that was given first, to whoever brings the same. */
async function again(
  deps: CallbackDeps,
  authorization: Authorization,
  proof: string,
): Promise<CallbackAnswer> {
  const { answer, connectionId, returnUrl } = authorization
  if (answer?.proof !== proof) return ended(authorization, 'used_already')
  if (answer.error !== undefined) return ended(authorization, answer.error)
  const completionCode = (
    await deps.sealer.open(answer.sealedCode ?? '', 'completion code', connectionId)
  ).reveal()
  return returnUrl === undefined
    ? { kind: 'page', html: completionPage(connectionId, completionCode) }
    : { kind: 'redirect', location: withParameters(returnUrl, { connectionId, completionCode }) }
}

/** Back with a short code of what went wrong. */
function ended({ returnUrl, connectionId }: Authorization, error: string): CallbackAnswer {
  return returnUrl === undefined
    ? { kind: 'page', html: refusalPage(error) }
    : { kind: 'redirect', location: withParameters(returnUrl, { connectionId, error }) }
}

/** Nothing is known of this start any more. */
export function over(): CallbackAnswer {
  return { kind: 'page', html: overPage(), status: 400 }
}
