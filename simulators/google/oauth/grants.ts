import type { Random } from '../../kernel/random.ts'
import type { AuthorizationCode, GoogleState, Grant, Token } from '../state.ts'
import { projectOf } from '../state.ts'

const ACCESS_SECONDS = 3599
const HALF_YEAR = 183 * 86_400_000
// https://developers.google.com/identity/protocols/oauth2#expiration:
// 100 per account and client id, then the oldest dies.
const REFRESH_CAP = 100
const TESTING_SECONDS = 604_799

/** What the user gave the client's project so far. */
export function grantOf(state: GoogleState, account: string, clientId: string): Grant | undefined {
  return state.grants.get(`${account} ${projectOf(clientId)}`)
}

/** Adds scopes to what the user gave the client's project. */
export function recordGrant(state: GoogleState, account: string, clientId: string, scopes: string[]): void {
  const project = projectOf(clientId)
  const before = grantOf(state, account, clientId)?.scopes ?? []
  state.grants.put(`${account} ${project}`, {
    account,
    project,
    scopes: [...new Set([...before, ...scopes])],
  })
}

/** Issues an access token, and a refresh token before it when the code calls for one. */
export function issueFromCode(
  state: GoogleState,
  code: AuthorizationCode,
): { access: Token; refresh: Token | undefined; expiresIn: number; refreshExpiresIn: number | undefined } {
  return state.store.transaction(() => {
    const testing = state.clients.get(code.clientId)?.testing === true
    const now = state.clock.now()
    let refresh: Token | undefined
    if (code.refresh) {
      refresh = {
        ...tokenBase(state, code, 'refresh', `1//0g${state.random.text(98)}`),
        ...(testing ? { expiresAt: now + TESTING_SECONDS * 1000 } : {}),
      }
      state.tokens.put(refresh.token, refresh)
      const owned = state.tokens.where('owner', `${code.account} ${code.clientId}`)
      for (const oldest of owned.slice(0, Math.max(0, owned.length - REFRESH_CAP)))
        state.tokens.delete(oldest.token)
    }
    const access = issueAccess(state, code, refresh?.token)
    return {
      access,
      refresh,
      expiresIn: ACCESS_SECONDS,
      refreshExpiresIn: refresh && testing ? TESTING_SECONDS : undefined,
    }
  })
}

/**
 * A new access token from a refresh token; earlier ones live on. Undefined when the refresh token is dead.
 */
export function refreshAccess(
  state: GoogleState,
  token: string,
  clientId: string,
): { access: Token; expiresIn: number } | undefined {
  const refresh = state.tokens.get(token)
  const now = state.clock.now()
  if (refresh === undefined || refresh.kind !== 'refresh' || refresh.clientId !== clientId) return undefined
  const dead = now >= (refresh.expiresAt ?? Infinity) || now - refresh.usedAt > HALF_YEAR
  if (dead) {
    state.tokens.delete(token)
    return undefined
  }
  return state.store.transaction(() => {
    // A combined grant refreshes into all that the user has given by now.
    const scopes = refresh.combined
      ? (grantOf(state, refresh.account, clientId)?.scopes ?? refresh.scopes)
      : refresh.scopes
    state.tokens.put(token, { ...refresh, usedAt: now })
    return { access: issueAccess(state, { ...refresh, scopes }, token), expiresIn: ACCESS_SECONDS }
  })
}

/** The live access token of that text. */
export function liveAccess(state: GoogleState, token: string): Token | undefined {
  const found = state.tokens.get(token)
  return found?.kind === 'access' && state.clock.now() < (found.expiresAt ?? 0) ? found : undefined
}

/**
 * Revokes either kind of token. An access token takes its refresh
 * token along, a combined one the whole grant.
 * @returns false when there is no such live token
 */
export function revokeToken(state: GoogleState, text: string): boolean {
  const token = state.tokens.get(text)
  if (token === undefined || state.clock.now() >= (token.expiresAt ?? Infinity)) return false
  state.store.transaction(() => {
    const sameProject = state.tokens
      .where('account', token.account)
      .filter((other) => other.project === token.project)
    const refresh = token.kind === 'refresh' ? token.token : token.refreshToken
    const doomed = token.combined
      ? sameProject
      : sameProject.filter(
          (t) =>
            t.token === text ||
            (refresh !== undefined && (t.token === refresh || t.refreshToken === refresh)),
        )
    for (const each of doomed) state.tokens.delete(each.token)
    const left = sameProject.some((t) => t.kind === 'refresh' && !doomed.includes(t))
    if (!left) state.grants.delete(`${token.account} ${token.project}`)
  })
  return true
}

/** The control API's revoke: the user removed the app. Every refresh token dies, and the consent with it. */
export function revokeAccount(state: GoogleState, account: string): void {
  state.store.transaction(() => {
    for (const token of state.tokens.where('account', account)) {
      if (token.kind === 'refresh') state.tokens.delete(token.token)
    }
    for (const grant of state.grants.where('account', account))
      state.grants.delete(`${account} ${grant.project}`)
  })
}

/** The control API's expire-tokens: every access token of the account is over. */
export function expireAccess(state: GoogleState, account: string): void {
  state.store.transaction(() => {
    for (const token of state.tokens.where('account', account)) {
      if (token.kind === 'access') state.tokens.delete(token.token)
    }
  })
}

/** An authorization code: short, single-use, and with a `/` in it, so that it arrives percent-encoded. */
export function newCode(random: Random): string {
  return `4/0A${random.text(68)}`
}

type TokenOwner = Pick<Token, 'account' | 'clientId' | 'scopes' | 'combined'>

function issueAccess(state: GoogleState, owner: TokenOwner, refreshToken: string | undefined): Token {
  const access: Token = {
    ...tokenBase(state, owner, 'access', `ya29.a0${state.random.text(190)}`),
    expiresAt: state.clock.now() + ACCESS_SECONDS * 1000,
    ...(refreshToken === undefined ? {} : { refreshToken }),
  }
  state.tokens.put(access.token, access)
  return access
}

function tokenBase(state: GoogleState, owner: TokenOwner, kind: Token['kind'], token: string): Token {
  const now = state.clock.now()
  const { account, clientId, scopes, combined } = owner
  return {
    token,
    kind,
    account,
    clientId,
    project: projectOf(clientId),
    scopes,
    combined,
    issuedAt: now,
    usedAt: now,
  }
}
