import { ServiceError } from '../errors.ts'
import type { Account, Grant } from '../grants/grant.ts'
import { ofKind } from '../grants/grant.ts'
import { packGrant } from '../grants/packing.ts'
import type { Reach } from '../net/reach.ts'
import { serverAddress } from '../net/reach.ts'
import type { ProviderId } from '../providers/registry.ts'
import { aboutOf } from '../providers/registry.ts'
import { secret } from '../secret.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { CallbackAnswer, CallbackDeps } from './callback.ts'
import { approve, decline, openState, over } from './callback.ts'
import { passwordForm } from './pages.ts'

export interface PasswordPageDeps extends CallbackDeps {
  readonly openGrant: (provider: ProviderId) => Promise<Grant>
  readonly reach: Reach
}

/** What the user has typed and pressed. */
export interface TypedPassword {
  readonly serverUrl?: string | undefined
  readonly userName?: string | undefined
  readonly password?: string | undefined
  readonly cancel?: string | undefined
}

/** So many passwords may be tried with one start. */
const mostTries = 10

/**
 * Stands where a provider's consent page would: asks for an app password, tries it, and puts it away,
 * sealed, under a completion code. The state is good once, for ten minutes. What is wrong with what was
 * typed is said on the form, and the password never comes back with it.
 */
export async function passwordPage(
  deps: PasswordPageDeps,
  request: {
    readonly state?: string | undefined
    /** Undefined: the form is asked for. */
    readonly typed?: TypedPassword | undefined
    readonly signal: AbortSignal
  },
): Promise<CallbackAnswer> {
  const { typed, signal } = request
  const authorization = await openState(deps, request.state, 'password')
  if (authorization === undefined || (typed === undefined && authorization.answer !== undefined))
    return over()
  const { name, grant: facts } = aboutOf(authorization.provider)
  if (facts.kind !== 'password') throw new TypeError(`${name} takes no password.`)
  const form = (mistake?: string): CallbackAnswer => ({
    kind: 'page',
    html: passwordForm({ name, howTo: facts.howTo, serverUrl: facts.serverUrl, typed, mistake }),
  })
  if (typed === undefined) return form()
  if (typed.cancel !== undefined) return decline(deps, authorization, 'access_denied')

  const serverUrl = facts.serverUrl ?? serverAddress(typed.serverUrl ?? '', deps.reach)
  const userName = typed.userName?.trim() ?? ''
  const password = secret(typed.password ?? '')
  if (serverUrl === undefined)
    return form('The server address has to be one of the internet, such as https://cloud.example.com.')
  if (userName === '' || password.reveal() === '') return form('User name and app password are both needed.')
  if (!(await deps.authorizations.countTry(authorization.id, mostTries)))
    return decline(deps, authorization, 'access_denied')

  const credentials = { serverUrl, userName, password }
  let account: Account | undefined
  try {
    account = await ofKind(await deps.openGrant(authorization.provider), 'password').identify(
      credentials,
      signal,
    )
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    logger.info('A server did not say whose account it is', errorFields(error))
    return form('The server does not answer as it should. Check its address, or try again later.')
  }
  if (account === undefined) return form('The server does not take this user name and app password.')
  return approve(deps, authorization, {
    attribute: 'sealedTokens',
    value: packGrant({ kind: 'password', credentials }),
    proof: account.accountId,
  })
}
