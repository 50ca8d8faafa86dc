import type { Exchange } from '../../kernel/exchange.ts'
import type { AuthorizationCode, DropboxState } from '../state.ts'
import { ensureAccount } from '../state.ts'
import { grantOf, recordGrant, SCOPES } from './grants.ts'
import { consentPage, errorPage } from './pages.ts'

interface AuthorizationRequest {
  clientId: string
  redirectUri: string
  scopes: string[]
  offline: boolean
  forced: boolean
  state: string | null
  challenge?: string
  challengeMethod?: 'S256' | 'plain'
}

const CODE_LIFETIME = 10 * 60_000
const COOKIE = 'sim_dropbox_account'

/**
 * `GET /oauth2/authorize`: the consent page; straight back for whoever is signed in and has agreed before,
 * unless `force_reapprove` asks for the page. https://developers.dropbox.com/oauth-guide
 */
export async function showConsent(state: DropboxState, x: Exchange): Promise<void> {
  const request = parseRequest(state, x.url.searchParams)
  if (typeof request === 'string') return html(x, 400, errorPage(request))
  const account = signedIn(state, x)
  const given = account === undefined ? undefined : grantOf(state, account, request.clientId)
  const covered = given !== undefined && request.scopes.every((scope) => given.scopes.includes(scope))
  if (account !== undefined && covered && !request.forced) return approve(state, x, request, account)
  await html(x, 200, consentPage(request.clientId, request.scopes, account ?? ''))
}

/** The form on the consent page: `decision` and `account`. */
export async function decideConsent(state: DropboxState, x: Exchange): Promise<void> {
  const form = await x.form()
  const request = parseRequest(state, x.url.searchParams)
  if (typeof request === 'string') return html(x, 400, errorPage(request))
  const decision = form.get('decision')
  if (decision === 'deny') {
    const words = 'The user chose not to give your app access to their Dropbox account.'
    return redirect(x, request, { error: 'access_denied', error_description: words })
  }
  const email = (form.get('account') ?? '').trim() || (signedIn(state, x) ?? '')
  if (decision !== 'approve' || !/^[^\s@]+@[^\s@]+$/.test(email))
    return html(x, 400, errorPage('decision and account are missing'))
  await approve(state, x, request, ensureAccount(state, email).email)
}

/** The request, or what Dropbox says on its own page in place of redirecting. */
function parseRequest(state: DropboxState, query: URLSearchParams): AuthorizationRequest | string {
  const clientId = query.get('client_id') ?? ''
  const client = state.clients.get(clientId)
  if (client === undefined) return `Invalid client_id: "${clientId}".`
  const redirectUri = query.get('redirect_uri')
  if (redirectUri === null || !client.redirectUris.includes(redirectUri))
    return `Invalid redirect_uri: "${redirectUri ?? ''}": It must exactly match one of the redirect URIs you've pre-configured for your app (including the path).`
  const type = query.get('response_type')
  if (type !== 'code') return `Invalid response_type: "${type ?? ''}": must be "code".`
  const access = query.get('token_access_type') ?? 'online'
  if (!['offline', 'online'].includes(access)) return `Invalid token_access_type: "${access}".`
  // Without a scope it is all that the app was registered for; `files.permanent_delete` is for teams.
  const asked = query.get('scope')
  const all = SCOPES.filter((scope) => /^(?:account_info\.read|files\.(?:content|metadata)\.)/.test(scope))
  const scopes = asked === null || asked === '' ? all : asked.split(' ').filter((scope) => scope !== '')
  const unknown = scopes.find((scope) => !SCOPES.includes(scope))
  if (unknown !== undefined) return `Invalid scope: "${unknown}".`
  const challenge = query.get('code_challenge')
  const method = query.get('code_challenge_method') ?? 'plain'
  if (challenge !== null && (!/^[\w.~-]{43,128}$/.test(challenge) || !['S256', 'plain'].includes(method)))
    return 'Invalid code_challenge.'
  return {
    clientId,
    redirectUri,
    scopes,
    offline: access === 'offline',
    forced: query.get('force_reapprove') === 'true',
    state: query.get('state'),
    ...(challenge === null ? {} : { challenge, challengeMethod: method === 'S256' ? 'S256' : 'plain' }),
  }
}

function signedIn(state: DropboxState, x: Exchange): string | undefined {
  const cookie = new RegExp(`(?:^|; *)${COOKIE}=([^;]+)`).exec(x.req.headers.cookie ?? '')?.[1]
  const email = cookie === undefined ? undefined : Buffer.from(cookie, 'base64url').toString()
  return email !== undefined && state.accounts.get(email) !== undefined ? email : undefined
}

async function approve(
  state: DropboxState,
  x: Exchange,
  request: AuthorizationRequest,
  account: string,
): Promise<void> {
  x.account = account
  const { clientId, redirectUri, scopes, offline, challenge, challengeMethod } = request
  const code = state.random.text(43)
  const record: AuthorizationCode = {
    clientId,
    redirectUri,
    account,
    scopes,
    offline,
    expiresAt: state.clock.now() + CODE_LIFETIME,
    ...(challenge === undefined ? {} : { challenge }),
    ...(challengeMethod === undefined ? {} : { challengeMethod }),
  }
  state.store.transaction(() => {
    recordGrant(state, account, clientId, scopes)
    state.codes.put(code, record)
  })
  const cookie = `${COOKIE}=${Buffer.from(account).toString('base64url')}; Path=/; HttpOnly; SameSite=Lax`
  await redirect(x, request, { code }, { 'set-cookie': cookie })
}

function redirect(
  x: Exchange,
  request: AuthorizationRequest,
  answer: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<void> {
  const location = new URL(request.redirectUri)
  for (const [name, value] of Object.entries(answer)) location.searchParams.set(name, value)
  if (request.state !== null) location.searchParams.set('state', request.state)
  return x.send(302, { location: location.href, 'cache-control': 'no-store', ...headers })
}

function html(x: Exchange, status: number, body: string): Promise<void> {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }
  return x.send(status, headers, Buffer.from(body))
}
