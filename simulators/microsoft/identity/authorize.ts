import type { Exchange } from '../../kernel/exchange.ts'
import { accountKey, accountKind, ensureAccount, PERSONAL_TENANT, tenantOf } from '../drive/accounts.ts'
import type { AuthorizeRequest } from './authorize-request.ts'
import { readAuthorizeRequest } from './authorize-request.ts'
import { consentPage, errorPage, formPostPage } from './authorize-page.ts'
import { newGuid, tokenId } from '../drive/ids.ts'
import { describe, IdentityFailure, identityError } from './errors.ts'
import type { Account, Context } from '../drive/records.ts'
import { clientInfo } from './tokens.ts'

const CODE_LIFETIME = 10 * 60_000
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/u
const HTML = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }

/**
 * `GET /{tenant}/oauth2/v2.0/authorize`: the page that asks for consent, or with `prompt=none` the
 * answer at once. What is wrong with the app or its redirect URI is shown here and never redirected.
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
 */
export async function showAuthorize(context: Context, x: Exchange): Promise<void> {
  await answering(context, x, async (request) => {
    if (request.prompt !== 'none') {
      await x.text(200, consentPage(request), HTML)
      return
    }
    const account = context.tables.accounts.get(accountKey(request.loginHint))
    if (account === undefined) throw identityError(50058)
    const grant = context.tables.grants.get(grantId(account, request))
    const granted = request.scopes.every((scope) => grant?.scopes.includes(scope) === true)
    if (!granted) throw new IdentityFailure(400, 'interaction_required', 65001, identityError(65001).message)
    await approve(context, x, request, account.email)
  })
}

/** `POST` to the same URL with `decision` and `account`: what the person on the page decided. */
export async function decideAuthorize(context: Context, x: Exchange): Promise<void> {
  const form = await x.form()
  await answering(context, x, async (request) => {
    if (form.get('decision') !== 'approve') throw identityError(65004)
    const email = accountKey(form.get('account') || request.loginHint)
    if (!EMAIL.test(email)) {
      await x.text(400, consentPage(request, 'Enter the e-mail address of an account.'), HTML)
      return
    }
    await approve(context, x, request, email)
  })
}

/**
 * Runs with a checked request; failures go to the redirect URI once
 * that is known to be good, and to a page before.
 */
async function answering(
  context: Context,
  x: Exchange,
  act: (request: AuthorizeRequest) => Promise<void>,
): Promise<void> {
  const now = context.clock.now()
  const describeIt = (failure: IdentityFailure) =>
    describe(failure, now, newGuid(context.random), newGuid(context.random))
  const read = readAuthorizeRequest(context.tables, x.url, x.params['tenant'] ?? '')
  if (read.shown !== undefined) {
    await x.text(400, errorPage(describeIt(read.shown)), HTML)
    return
  }
  const { request } = read
  try {
    if (read.refused !== undefined) throw read.refused
    await act(request)
  } catch (error) {
    if (!(error instanceof IdentityFailure)) throw error
    if (error.code === 50020 || error.code === 9002332) {
      await x.text(400, errorPage(describeIt(error)), HTML)
      return
    }
    await respond(x, request, { error: error.error, error_description: describeIt(error) })
  }
}

async function approve(
  context: Context,
  x: Exchange,
  request: AuthorizeRequest,
  email: string,
): Promise<void> {
  const tid = signInTenant(request.tenant, email)
  const account = ensureAccount(context, email)
  x.account = account.email
  const prefix = account.kind === 'personal' ? 'M.C5_SIM.2.U.' : '1.AXSIM.'
  const code = prefix + context.random.text(120)
  const { tables } = context
  const id = grantId(account, request)
  const before = tables.grants.get(id)?.scopes ?? []
  tables.grants.put(id, { id, scopes: [...new Set([...before, ...request.scopes])] })
  tables.codes.put(tokenId(code), {
    id: tokenId(code),
    clientId: request.clientId,
    account: account.email,
    tid,
    redirectUri: request.redirectUri,
    scopes: request.scopes,
    challenge: request.challenge,
    challengeMethod: request.challengeMethod,
    nonce: request.nonce,
    expiresAt: context.clock.now() + CODE_LIFETIME,
    used: false,
  })
  await respond(x, request, {
    code,
    ...(request.wantsClientInfo ? { client_info: clientInfo(account) } : {}),
    session_state: newGuid(context.random),
  })
}

function grantId(account: Account, request: AuthorizeRequest): string {
  return `${account.email}|${request.clientId}`
}

/** The tenant that the sign-in happens in; refuses an account that it does not take in. */
function signInTenant(tenant: string, email: string): string {
  const personal = accountKind(email) === 'personal'
  if (tenant === 'common') return tenantOf(email)
  if (tenant === 'consumers' || tenant === PERSONAL_TENANT) {
    if (personal) return PERSONAL_TENANT
    throw identityError(50020)
  }
  if (personal) throw identityError(tenant === 'organizations' ? 9002332 : 50020)
  // A tenant by its GUID takes any work account in, as a guest if need be; by domain it is that domain's.
  return tenant === 'organizations' || tenant.includes('.') ? tenantOf(email) : tenant
}

/**
 * Sends the answer to the redirect URI in the way that was asked for; `state` comes back exactly as it was.
 */
async function respond(
  x: Exchange,
  request: AuthorizeRequest,
  answer: Record<string, string>,
): Promise<void> {
  const params = new URLSearchParams(answer)
  if (request.state !== null) params.set('state', request.state)
  if (request.responseMode === 'form_post') {
    await x.text(200, formPostPage(request.redirectUri, params), HTML)
    return
  }
  const location = new URL(request.redirectUri)
  if (request.responseMode === 'fragment') location.hash = params.toString()
  else for (const [name, value] of params) location.searchParams.set(name, value)
  await x.send(302, { location: location.toString(), 'cache-control': 'no-store' })
}
