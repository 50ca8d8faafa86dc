import { createHash, createPublicKey } from 'node:crypto'
import { jwtVerify } from 'jose'
import type { OAuthClient } from '../../kernel/control.ts'
import type { Exchange } from '../../kernel/exchange.ts'
import { Refusal } from '../../kernel/exchange.ts'
import type { AuthorizationCode, GoogleState } from '../state.ts'
import { issueFromCode, liveAccess, refreshAccess, revokeToken } from './grants.ts'
import type { Signer } from './identity.ts'
import { isOpenId, ISSUER, userClaims } from './identity.ts'
import { SCOPE } from './scopes.ts'

const NO_STORE = { 'cache-control': 'no-cache, no-store, max-age=0, must-revalidate', pragma: 'no-cache' }

/** An error of the token endpoint: no `errors[]` envelope here. */
export function oauthError(status: number, error: string, description: string): Refusal {
  return new Refusal(status, { error, error_description: description }, NO_STORE)
}

/** `POST /token`: an authorization code or a refresh token for an access token. */
export async function exchangeToken(state: GoogleState, signer: Signer, x: Exchange): Promise<void> {
  const form = await x.form()
  const type = form.get('grant_type')
  if (!type) throw oauthError(400, 'invalid_request', 'Missing required parameter: grant_type')
  if (type !== 'authorization_code' && type !== 'refresh_token') {
    throw oauthError(400, 'unsupported_grant_type', `Invalid grant_type: ${type}`)
  }
  const client = authenticate(state, x, form)
  if (type === 'refresh_token') return refresh(state, signer, x, form, client)
  const code = redeem(state, form, client)
  const issued = issueFromCode(state, code)
  x.account = code.account
  await x.json(
    200,
    {
      access_token: issued.access.token,
      expires_in: issued.expiresIn,
      ...(issued.refresh === undefined ? {} : { refresh_token: issued.refresh.token }),
      ...(issued.refreshExpiresIn === undefined ? {} : { refresh_token_expires_in: issued.refreshExpiresIn }),
      scope: issued.access.scopes.join(' '),
      token_type: 'Bearer',
      ...(isOpenId(code.scopes) ? { id_token: await signer.idToken(issued.access, code.nonce) } : {}),
    },
    NO_STORE,
  )
}

/** `POST /revoke`, the token in the body or the query. 400 `invalid_token` means: already gone. */
export async function revoke(state: GoogleState, x: Exchange): Promise<void> {
  const form = await x.form()
  const text = form.get('token') ?? x.url.searchParams.get('token')
  if (!text) throw oauthError(400, 'invalid_request', 'Missing required parameter: token')
  x.account = state.tokens.get(text)?.account ?? ''
  if (!revokeToken(state, text)) throw oauthError(400, 'invalid_token', 'Token expired or revoked')
  await x.json(200, {}, NO_STORE)
}

/** `GET` or `POST /tokeninfo` with an access token or an id token. */
export async function tokenInfo(state: GoogleState, signer: Signer, x: Exchange): Promise<void> {
  const form = x.method === 'POST' ? await x.form() : new URLSearchParams()
  const parameter = (name: string): string | null => x.url.searchParams.get(name) ?? form.get(name)
  const idToken = parameter('id_token')
  if (idToken !== null) return idTokenInfo(state, signer, x, idToken)
  const bearer = /^Bearer (.+)$/i.exec(x.req.headers.authorization ?? '')?.[1]
  const token = liveAccess(state, parameter('access_token') ?? bearer ?? '')
  if (token === undefined) throw oauthError(400, 'invalid_token', 'Invalid Value')
  x.account = token.account
  const seconds = Math.floor(((token.expiresAt ?? 0) - state.clock.now()) / 1000)
  const { sub, email } = userClaims(state, token)
  await x.json(200, {
    azp: token.clientId,
    aud: token.clientId,
    sub,
    scope: token.scopes.join(' '),
    exp: String(Math.floor((token.expiresAt ?? 0) / 1000)),
    expires_in: String(seconds),
    ...(email === undefined ? {} : { email, email_verified: 'true' }),
    access_type: token.refreshToken === undefined ? 'online' : 'offline',
  })
}

/** `GET /v1/userinfo` with a bearer that was given an OpenID scope. */
export async function userInfo(state: GoogleState, x: Exchange): Promise<void> {
  const bearer = /^Bearer (.+)$/i.exec(x.req.headers.authorization ?? '')?.[1]
  const token = liveAccess(state, bearer ?? x.url.searchParams.get('access_token') ?? '')
  const openId = token?.scopes.some(
    (scope) => scope === SCOPE.openid || scope === SCOPE.email || scope === SCOPE.profile,
  )
  if (token === undefined || openId !== true) {
    throw new Refusal(
      401,
      { error: 'invalid_request', error_description: 'Invalid Credentials' },
      { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' },
    )
  }
  x.account = token.account
  await x.json(200, userClaims(state, token))
}

async function refresh(
  state: GoogleState,
  signer: Signer,
  x: Exchange,
  form: URLSearchParams,
  client: OAuthClient,
): Promise<void> {
  const text = form.get('refresh_token')
  if (!text) throw oauthError(400, 'invalid_request', 'Missing required parameter: refresh_token')
  const issued = refreshAccess(state, text, client.clientId)
  if (issued === undefined) throw oauthError(400, 'invalid_grant', 'Token has been expired or revoked.')
  x.account = issued.access.account
  const asked = form.get('scope')
  await x.json(
    200,
    {
      access_token: issued.access.token,
      expires_in: issued.expiresIn,
      scope: asked ?? issued.access.scopes.join(' '),
      token_type: 'Bearer',
      ...(isOpenId(issued.access.scopes) ? { id_token: await signer.idToken(issued.access) } : {}),
    },
    NO_STORE,
  )
}

/** The secret in the body or as HTTP Basic. */
function authenticate(state: GoogleState, x: Exchange, form: URLSearchParams): OAuthClient {
  const basic = /^Basic (.+)$/i.exec(x.req.headers.authorization ?? '')?.[1]
  const [user, password] =
    basic === undefined ? [] : Buffer.from(basic, 'base64').toString().split(':').map(unquote)
  const id = form.get('client_id') ?? user
  if (!id) throw oauthError(400, 'invalid_request', 'Could not determine client ID from request.')
  const client = state.clients.get(id)
  if (client === undefined) throw oauthError(401, 'invalid_client', 'The OAuth client was not found.')
  if ((form.get('client_secret') ?? password) !== client.clientSecret) {
    throw oauthError(401, 'invalid_client', 'Unauthorized')
  }
  return client
}

function unquote(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function redeem(state: GoogleState, form: URLSearchParams, client: OAuthClient): AuthorizationCode {
  const text = form.get('code')
  if (!text) throw oauthError(400, 'invalid_request', 'Missing required parameter: code')
  const code = state.codes.get(text)
  if (code === undefined) throw oauthError(400, 'invalid_grant', 'Malformed auth code.')
  if (code.clientId !== client.clientId) throw oauthError(400, 'invalid_grant', 'Bad Request')
  if (code.redirectUri !== form.get('redirect_uri'))
    throw oauthError(400, 'redirect_uri_mismatch', 'Bad Request')
  // One try is all a code has, also with a wrong verifier.
  state.codes.delete(text)
  if (state.clock.now() >= code.expiresAt) throw oauthError(400, 'invalid_grant', 'Bad Request')
  verifyChallenge(code, form.get('code_verifier'))
  return code
}

function verifyChallenge(code: AuthorizationCode, verifier: string | null): void {
  if (code.challenge === undefined) return
  if (!verifier) throw oauthError(400, 'invalid_grant', 'Missing code verifier.')
  const derived =
    code.challengeMethod === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier
  if (derived !== code.challenge) throw oauthError(400, 'invalid_grant', 'Invalid code verifier.')
}

async function idTokenInfo(state: GoogleState, signer: Signer, x: Exchange, text: string): Promise<void> {
  const verified = await jwtVerify(text, createPublicKey((await signer.key()).pem), {
    issuer: ISSUER,
    currentDate: new Date(state.clock.now()),
  }).catch(() => undefined)
  if (verified === undefined) throw oauthError(400, 'invalid_token', 'Invalid Value')
  const claims = Object.entries(verified.payload).map(([name, value]) => [name, String(value)])
  await x.json(200, { ...Object.fromEntries(claims), ...verified.protectedHeader })
}
