import { createHash, timingSafeEqual } from 'node:crypto'
import type { Exchange } from '../../kernel/exchange.ts'
import { ensureAccount } from '../drive/accounts.ts'
import { tokenId } from '../drive/ids.ts'
import { identityError, tokenHeaders } from './errors.ts'
import type { SigningKey } from './keys.ts'
import type { Account, AuthorizationCode, Client, Context } from '../drive/records.ts'
import { narrow, parseScopes } from './scopes.ts'
import { issueTokens } from './tokens.ts'

/**
 * `POST /{tenant}/oauth2/v2.0/token`: codes and refresh tokens. Parameters that it does not know are ignored.
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
 */
export async function redeem(context: Context, key: SigningKey, x: Exchange): Promise<void> {
  const form = await x.form()
  const grantType = form.get('grant_type')
  if (grantType === null) throw missing('grant_type')
  const client = authenticateClient(context, x, form)
  const asked = parseScopes(form.get('scope') ?? '')
  if (asked === undefined) throw identityError(70011)
  const grant = grantOf(context, grantType, form, client)
  x.account = grant.account
  const account = ensureAccount(context, grant.account)
  const scopes = narrow(grant.scopes, asked)
  if (scopes === undefined) throw identityError(65001)
  const answer = issueTokens(context, key, {
    clientId: client.clientId,
    account,
    tid: grant.tid,
    scopes,
    granted: grant.scopes,
    nonce: grant.nonce,
    wantsClientInfo: form.get('client_info') === '1',
    origin: x.origin,
  })
  await x.json(200, answer, tokenHeaders())
}

interface RedeemedGrant {
  account: string
  tid: string
  scopes: string[]
  nonce: string | null
}

function grantOf(context: Context, grantType: string, form: URLSearchParams, client: Client): RedeemedGrant {
  if (grantType === 'authorization_code') return redeemCode(context, form, client)
  if (grantType === 'refresh_token') return redeemRefreshToken(context, form, client)
  throw identityError(70003)
}

function missing(name: string): Error {
  return identityError(900144, `The request body must contain the following parameter: '${name}'.`)
}

/** The secret in the body or as HTTP Basic. A client registered with an empty secret is a public one. */
function authenticateClient(context: Context, x: Exchange, form: URLSearchParams): Client {
  const basic = /^basic\s+(\S+)$/iu.exec(x.req.headers.authorization ?? '')?.[1]
  const [basicId, ...basicSecret] = Buffer.from(basic ?? '', 'base64')
    .toString('utf8')
    .split(':')
  const clientId = form.get('client_id') ?? (basic === undefined ? null : formDecode(basicId ?? ''))
  if (clientId === null) throw missing('client_id')
  const client = context.tables.clients.get(clientId)
  if (client === undefined) {
    throw identityError(700016, `Application with identifier '${clientId}' was not found in the directory.`)
  }
  if (client.clientSecret === '') return client
  const secret = form.get('client_secret') ?? (basic === undefined ? null : formDecode(basicSecret.join(':')))
  if (secret === null || secret === '') throw identityError(7000218)
  if (!sameText(secret, client.clientSecret)) throw identityError(7000215)
  return client
}

function formDecode(text: string): string {
  return new URLSearchParams(`v=${text}`).get('v') ?? ''
}

function sameText(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function redeemCode(context: Context, form: URLSearchParams, client: Client): RedeemedGrant {
  const { tables, clock } = context
  const value = form.get('code')
  if (value === null) throw missing('code')
  const code = tables.codes.get(tokenId(value))
  if (code === undefined)
    throw identityError(70000, "The provided value for the 'code' parameter is not valid.")
  if (code.clientId !== client.clientId) throw identityError(700005)
  if (code.used) throw identityError(54005)
  if (code.expiresAt <= clock.now()) throw identityError(70008)
  const redirectUri = form.get('redirect_uri')
  if (redirectUri === null) throw missing('redirect_uri')
  if (redirectUri !== code.redirectUri) throw identityError(500112)
  assertVerifier(code, form.get('code_verifier'))
  tables.codes.put(code.id, { ...code, used: true })
  const { account, tid, scopes, nonce } = code
  return { account, tid, scopes, nonce }
}

/** https://www.rfc-editor.org/rfc/rfc7636#section-4.6 */
function assertVerifier(code: AuthorizationCode, verifier: string | null): void {
  if (code.challenge === null) return
  if (verifier === null) throw identityError(501481)
  const derived =
    code.challengeMethod === 'plain' ? verifier : createHash('sha256').update(verifier).digest('base64url')
  if (!sameText(derived, code.challenge)) throw identityError(501481)
}

/** Each redemption yields a new token; the redeemed one is not revoked. */
function redeemRefreshToken(context: Context, form: URLSearchParams, client: Client): RedeemedGrant {
  const value = form.get('refresh_token')
  if (value === null) throw missing('refresh_token')
  const token = context.tables.refreshTokens.get(tokenId(value))
  if (token === undefined)
    throw identityError(70000, "The provided value for the 'refresh_token' parameter is not valid.")
  if (token.clientId !== client.clientId) throw identityError(700005)
  const account = ensureAccount(context, token.account)
  if (token.generation !== account.refreshGeneration) throw deadGrant(account)
  if (token.expiresAt <= context.clock.now())
    throw identityError(account.kind === 'personal' ? 70000 : 700082)
  const { tid, scopes } = token
  return { account: token.account, tid, scopes, nonce: null }
}

/** Consent withdrawn reads differently for the two kinds of account. */
function deadGrant(account: Account): Error {
  return identityError(account.kind === 'personal' ? 70000 : 50173)
}
