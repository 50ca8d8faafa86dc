import { createHash } from 'node:crypto'
import type { OAuthClient } from '../../kernel/control.ts'
import type { Exchange, Headers } from '../../kernel/exchange.ts'
import { Refusal } from '../../kernel/exchange.ts'
import type { AuthorizationCode, DropboxState } from '../state.ts'
import { ensureAccount } from '../state.ts'
import { ACCESS_SECONDS, issueFromCode, liveRefresh, refreshAccess } from './grants.ts'

// Its code and its words are one text: https://github.com/s-aska/dropbox-api-command/issues/41
const WRONG_CLIENT = { error: 'invalid_client: Invalid client_id or client_secret' }

const refusal = (error: string, description: string): Refusal =>
  new Refusal(400, { error, error_description: description })

/** The body of the token endpoint for a status that a fault asks for. */
export function oauthFailure(status: number, reason?: string): { body: unknown; headers?: Headers } {
  if (status >= 500) return { body: 'Internal Server Error' }
  if (reason === 'invalid_client') return { body: WRONG_CLIENT }
  const error = reason ?? (status === 400 ? 'invalid_grant' : 'invalid_request')
  return {
    body: { error, error_description: 'refresh token is invalid or revoked' },
    headers: status === 429 ? { 'retry-after': '1' } : {},
  }
}

/** `POST /oauth2/token`: an authorization code or a refresh token for an access token. */
export async function exchangeToken(state: DropboxState, x: Exchange): Promise<void> {
  // The official client sends it all in the query, so that Dropbox takes both.
  const parameters = new URLSearchParams(x.url.searchParams)
  for (const [name, value] of await x.form().catch(() => new URLSearchParams())) parameters.set(name, value)
  const type = parameters.get('grant_type')
  if (type !== 'authorization_code' && type !== 'refresh_token')
    throw refusal('unsupported_grant_type', 'grant type not supported')
  if (type === 'refresh_token') return refresh(state, x, parameters)
  const code = redeem(state, x, parameters)
  const { access, refresh: refreshToken } = issueFromCode(state, code)
  x.account = code.account
  const { accountId } = ensureAccount(state, code.account)
  await x.json(200, {
    access_token: access.token,
    token_type: 'bearer',
    expires_in: ACCESS_SECONDS,
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken.token }),
    scope: code.scopes.join(' '),
    uid: String(createHash('sha256').update(accountId).digest().readUInt32BE()),
    account_id: accountId,
  })
}

async function refresh(state: DropboxState, x: Exchange, parameters: URLSearchParams): Promise<void> {
  const client = clientOf(state, x, parameters)
  const token = liveRefresh(state, parameters.get('refresh_token') ?? '', client.clientId)
  if (token === undefined) throw refusal('invalid_grant', 'refresh token is invalid or revoked')
  const asked = parameters.get('scope')?.split(' ')
  if (asked?.some((scope) => !token.scopes.includes(scope)) === true)
    throw refusal('invalid_scope', 'invalid scope in request')
  x.account = token.account
  const access = refreshAccess(state, token, asked ?? token.scopes)
  await x.json(200, { access_token: access.token, token_type: 'bearer', expires_in: ACCESS_SECONDS })
}

/** The client, by its secret in the parameters or as Basic; a code with a challenge needs no secret. */
function clientOf(
  state: DropboxState,
  x: Exchange,
  parameters: URLSearchParams,
  withoutSecret = false,
): OAuthClient {
  const basic = /^Basic (.+)$/i.exec(x.req.headers.authorization ?? '')?.[1]
  const [user, password] = basic === undefined ? [] : Buffer.from(basic, 'base64').toString().split(':')
  const client = state.clients.get(parameters.get('client_id') ?? user ?? '')
  const secret = parameters.get('client_secret') ?? password
  const matches = secret === undefined ? withoutSecret : secret === client?.clientSecret
  if (client === undefined || !matches) throw new Refusal(400, WRONG_CLIENT)
  return client
}

function redeem(state: DropboxState, x: Exchange, parameters: URLSearchParams): AuthorizationCode {
  const text = parameters.get('code') ?? ''
  const code = state.codes.get(text)
  const client = clientOf(state, x, parameters, code?.challenge !== undefined)
  if (code === undefined || code.clientId !== client.clientId || state.clock.now() >= code.expiresAt)
    throw refusal('invalid_grant', "code doesn't exist or has expired")
  if (code.redirectUri !== parameters.get('redirect_uri'))
    throw refusal('invalid_grant', 'redirect_uri mismatch')
  // One try is all a code has, also with a wrong verifier.
  state.codes.delete(text)
  if (!verifies(code, parameters.get('code_verifier')))
    throw refusal('invalid_grant', 'invalid code verifier')
  return code
}

function verifies({ challenge, challengeMethod }: AuthorizationCode, verifier: string | null): boolean {
  if (challenge === undefined) return true
  if (verifier === null) return false
  const derived =
    challengeMethod === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier
  return derived === challenge
}
