import type { Exchange } from '../../kernel/exchange.ts'
import type { AuthorizationCode, GoogleState } from '../state.ts'
import { ensureAccount } from '../state.ts'
import { grantOf, newCode, recordGrant } from './grants.ts'
import { consentPage, errorPage } from './pages.ts'
import { isSignIn, parseScopes, unknownScopes } from './scopes.ts'

interface AuthorizationRequest {
  clientId: string
  redirectUri: string
  scopes: string[]
  offline: boolean
  combined: boolean
  prompt: Set<string>
  state: string | null
  hint: string
  nonce?: string
  challenge?: string
  challengeMethod?: 'S256' | 'plain'
}

/** What Google shows on its own page instead of redirecting. */
interface Shown {
  status: number
  code: string
  description: string
}

const CODE_LIFETIME = 10 * 60_000
const COOKIE = 'sim_account'

/**
 * `GET /o/oauth2/v2/auth`: checks every parameter and shows the consent page; goes straight back to
 * the application when the signed-in user already gave all that is asked and no prompt is wanted.
 * https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
 */
export async function showConsent(state: GoogleState, x: Exchange): Promise<void> {
  const request = parseRequest(state, x.url.searchParams)
  if ('code' in request) return show(x, request)
  const account = signedIn(state, x, request)
  const given = account === undefined ? undefined : grantOf(state, account, request.clientId)
  const covered = given !== undefined && request.scopes.every((scope) => given.scopes.includes(scope))
  if (request.prompt.has('none')) {
    if (account === undefined) return redirect(x, request, { error: 'login_required' })
    if (!covered)
      return redirect(x, request, {
        error: given === undefined ? 'consent_required' : 'interaction_required',
      })
  }
  if (
    account !== undefined &&
    covered &&
    !request.prompt.has('consent') &&
    !request.prompt.has('select_account')
  ) {
    return approve(state, x, request, account, request.scopes)
  }
  const accounts = state.accounts.all().map(({ email }) => email)
  const body = consentPage({ ...request, account: account ?? request.hint, accounts })
  await x.send(
    200,
    { 'content-type': 'text/html; charset=UTF-8', 'cache-control': 'no-store' },
    Buffer.from(body),
  )
}

/**
 * The form on the consent page: `decision`, `account`, and the
 * scopes left ticked when `scopes` is there at all.
 */
export async function decideConsent(state: GoogleState, x: Exchange): Promise<void> {
  const form = await x.form()
  const request = parseRequest(state, x.url.searchParams)
  if ('code' in request) return show(x, request)
  if (form.get('decision') === 'deny') return redirect(x, request, { error: 'access_denied' })
  if (form.get('decision') !== 'approve') return show(x, invalid('decision must be approve or deny'))
  const email = (form.get('account') ?? '').trim() || signedIn(state, x, request) || request.hint
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) return show(x, invalid('account must be an e-mail address'))
  const ticked = form.has('scopes') ? new Set(parseScopes(form.getAll('scopes').join(' '))) : undefined
  const scopes = request.scopes.filter(
    (scope) => ticked === undefined || isSignIn(scope) || ticked.has(scope),
  )
  await approve(state, x, request, ensureAccount(state, email).email, scopes)
}

function parseRequest(state: GoogleState, query: URLSearchParams): AuthorizationRequest | Shown {
  const clientId = query.get('client_id')
  if (!clientId) return invalid('Missing required parameter: client_id')
  const client = state.clients.get(clientId)
  if (client === undefined)
    return { status: 401, code: 'invalid_client', description: 'The OAuth client was not found.' }
  const redirectUri = query.get('redirect_uri')
  if (!redirectUri) return invalid('Missing required parameter: redirect_uri')
  if (!client.redirectUris.includes(redirectUri)) {
    const description =
      'The redirect URI in the request does not match the ones authorized for the OAuth client.'
    return { status: 400, code: 'redirect_uri_mismatch', description }
  }
  const type = query.get('response_type')
  if (!type) return invalid('Missing required parameter: response_type')
  if (type !== 'code')
    return { status: 400, code: 'unsupported_response_type', description: `Invalid response_type: ${type}` }
  const scopes = parseScopes(query.get('scope') ?? '')
  if (scopes.length === 0) return invalid('Missing required parameter: scope')
  const unknown = unknownScopes(scopes)
  if (unknown.length > 0) {
    return {
      status: 400,
      code: 'invalid_scope',
      description: `Some requested scopes were invalid. {invalid=[${unknown.join(', ')}]}`,
    }
  }
  const access = query.get('access_type') ?? 'online'
  if (access !== 'online' && access !== 'offline')
    return invalid(`Invalid parameter value for access_type: ${access}`)
  const combined = query.get('include_granted_scopes') ?? 'false'
  if (combined !== 'true' && combined !== 'false')
    return invalid('Invalid parameter value for include_granted_scopes')
  const prompt = new Set((query.get('prompt') ?? '').split(' ').filter((word) => word !== ''))
  const strange = [...prompt].find((word) => !['none', 'consent', 'select_account'].includes(word))
  if (strange !== undefined || (prompt.has('none') && prompt.size > 1))
    return invalid('Invalid parameter value for prompt')
  const challenge = parseChallenge(query)
  if ('code' in challenge) return challenge
  const nonce = query.get('nonce')
  return {
    clientId,
    redirectUri,
    scopes,
    offline: access === 'offline',
    combined: combined === 'true',
    prompt,
    state: query.get('state'),
    hint: query.get('login_hint') ?? '',
    ...(nonce === null ? {} : { nonce }),
    ...challenge,
  }
}

function parseChallenge(
  query: URLSearchParams,
): Pick<AuthorizationRequest, 'challenge' | 'challengeMethod'> | Shown {
  const challenge = query.get('code_challenge')
  const method = query.get('code_challenge_method') ?? 'plain'
  if (challenge === null) return {}
  if (method !== 'S256' && method !== 'plain')
    return invalid('Invalid parameter value for code_challenge_method')
  if (!/^[\w.~-]{43,128}$/.test(challenge)) return invalid('Invalid parameter value for code_challenge')
  return { challenge, challengeMethod: method }
}

/**
 * Who the browser is signed in as: the hint (address or sub) when
 * that account exists, else the cookie of the last consent.
 */
function signedIn(state: GoogleState, x: Exchange, request: AuthorizationRequest): string | undefined {
  if (request.hint !== '') {
    if (state.accounts.get(request.hint) !== undefined) return request.hint
    return state.accounts.all().find(({ sub }) => sub === request.hint)?.email
  }
  const cookie = new RegExp(`(?:^|; *)${COOKIE}=([^;]+)`).exec(x.req.headers.cookie ?? '')?.[1]
  const email = cookie === undefined ? undefined : Buffer.from(cookie, 'base64url').toString()
  return email !== undefined && state.accounts.get(email) !== undefined ? email : undefined
}

async function approve(
  state: GoogleState,
  x: Exchange,
  request: AuthorizationRequest,
  account: string,
  scopes: string[],
): Promise<void> {
  x.account = account
  const before = grantOf(state, account, request.clientId)
  // A refresh token comes only with offline access, and only the first time or when consent was asked for.
  const first = !state.tokens
    .where('owner', `${account} ${request.clientId}`)
    .some((token) => token.kind === 'refresh')
  const all = request.combined ? [...new Set([...scopes, ...(before?.scopes ?? [])])] : scopes
  const code = newCode(state.random)
  const record: AuthorizationCode = {
    clientId: request.clientId,
    redirectUri: request.redirectUri,
    account,
    scopes: all,
    refresh: request.offline && (before === undefined || first || request.prompt.has('consent')),
    combined: request.combined,
    expiresAt: state.clock.now() + CODE_LIFETIME,
    ...(request.nonce === undefined ? {} : { nonce: request.nonce }),
    ...(request.challenge === undefined ? {} : { challenge: request.challenge }),
    ...(request.challengeMethod === undefined ? {} : { challengeMethod: request.challengeMethod }),
  }
  state.store.transaction(() => {
    recordGrant(state, account, request.clientId, scopes)
    state.codes.put(code, record)
  })
  const prompt = request.prompt.has('consent') || before === undefined ? 'consent' : 'none'
  await redirect(
    x,
    request,
    { code, scope: all.join(' '), authuser: '0', prompt },
    {
      'set-cookie': `${COOKIE}=${Buffer.from(account).toString('base64url')}; Path=/o/oauth2; HttpOnly; SameSite=Lax`,
    },
  )
}

function redirect(
  x: Exchange,
  request: AuthorizationRequest,
  answer: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<void> {
  const location = new URL(request.redirectUri)
  if (request.state !== null) location.searchParams.set('state', request.state)
  for (const [name, value] of Object.entries(answer)) location.searchParams.set(name, value)
  return x.send(302, { location: location.href, 'cache-control': 'no-store', ...headers })
}

function invalid(description: string): Shown {
  return { status: 400, code: 'invalid_request', description }
}

function show(x: Exchange, { status, code, description }: Shown): Promise<void> {
  const body = Buffer.from(errorPage(status, code, description))
  return x.send(status, { 'content-type': 'text/html; charset=UTF-8' }, body)
}
