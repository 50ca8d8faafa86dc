import { createHash } from 'node:crypto'
import { tokenId } from '../drive/ids.ts'
import type { SigningKey } from './keys.ts'
import type { Account, Context } from '../drive/records.ts'
import { includesScope, scopeText } from './scopes.ts'

const DAY = 86_400_000
/** What the service says; real tokens live 60 to 90 minutes. */
export const ACCESS_SECONDS = 3599
/** https://learn.microsoft.com/entra/identity-platform/refresh-tokens */
export const REFRESH_DAYS = 90

/** Whom tokens are for, and what they are good for. */
export interface Issue {
  clientId: string
  account: Account
  /** the tenant that the sign-in was in */
  tid: string
  /** what the access token opens */
  scopes: string[]
  /** what was consented to: the refresh token goes on standing for all of it */
  granted: string[]
  nonce: string | null
  wantsClientInfo: boolean
  origin: string
}

/**
 * A token answer: always a fresh refresh token with `offline_access`, and the one redeemed stays as it is.
 */
export function issueTokens(context: Context, key: SigningKey, issue: Issue): Record<string, unknown> {
  const { account, scopes } = issue
  return {
    token_type: 'Bearer',
    scope: scopeText(scopes),
    expires_in: ACCESS_SECONDS,
    ext_expires_in: ACCESS_SECONDS,
    access_token: accessToken(context, key, issue),
    ...(includesScope(issue.granted, 'offline_access')
      ? { refresh_token: refreshToken(context, issue) }
      : {}),
    ...(includesScope(scopes, 'openid') ? { id_token: key.sign(idClaims(context, issue)) } : {}),
    ...(issue.wantsClientInfo ? { client_info: clientInfo(account) } : {}),
  }
}

/** base64url of `{uid, utid}`, the account's key for clients. */
export function clientInfo(account: Account): string {
  return Buffer.from(JSON.stringify({ uid: account.oid, utid: account.tid })).toString('base64url')
}

/** Opaque for personal accounts, a JWT for work accounts; clients must not look into either. */
function accessToken(context: Context, key: SigningKey, issue: Issue): string {
  const { account, clientId, scopes } = issue
  const now = context.clock.now()
  const expiresAt = now + ACCESS_SECONDS * 1000
  const token =
    account.kind === 'personal'
      ? `EwB${context.random.text(900)}`
      : key.sign({
          aud: '00000003-0000-0000-c000-000000000000',
          iss: `https://sts.windows.net/${issue.tid}/`,
          iat: seconds(now),
          nbf: seconds(now),
          exp: seconds(expiresAt),
          appid: clientId,
          oid: account.oid,
          scp: scopeText(scopes),
          tid: issue.tid,
          uti: context.random.text(22),
          ver: '1.0',
        })
  const id = tokenId(token)
  context.tables.accessTokens.put(id, {
    id,
    clientId,
    account: account.email,
    scopes,
    generation: account.accessGeneration,
    expiresAt,
  })
  return token
}

function refreshToken(context: Context, issue: Issue): string {
  const { account, clientId, granted, tid } = issue
  const prefix = account.kind === 'personal' ? 'M.C5_SIM.0.U.-' : '1.AXSIM'
  const token = prefix + context.random.text(400)
  const id = tokenId(token)
  context.tables.refreshTokens.put(id, {
    id,
    clientId,
    account: account.email,
    tid,
    scopes: granted,
    generation: account.refreshGeneration,
    expiresAt: context.clock.now() + REFRESH_DAYS * DAY,
  })
  return token
}

function idClaims(context: Context, issue: Issue): Record<string, unknown> {
  const { account, scopes } = issue
  const now = context.clock.now()
  const email = includesScope(scopes, 'email') ? { email: account.email } : {}
  const profile = includesScope(scopes, 'profile')
    ? { name: account.displayName, preferred_username: account.email, oid: account.oid }
    : {}
  return {
    ver: '2.0',
    iss: `${issue.origin}/${issue.tid}/v2.0`,
    aud: issue.clientId,
    sub: pairwiseSubject(account, issue.clientId),
    tid: issue.tid,
    iat: seconds(now),
    nbf: seconds(now),
    exp: seconds(now) + ACCESS_SECONDS,
    ...profile,
    ...email,
    ...(issue.nonce === null ? {} : { nonce: issue.nonce }),
  }
}

/** `sub` differs from app to app for the same person. */
export function pairwiseSubject(account: Account, clientId: string): string {
  return createHash('sha256').update(`${clientId}|${account.oid}`).digest('base64url')
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
