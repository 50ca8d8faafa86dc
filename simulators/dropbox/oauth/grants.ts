import type { AuthorizationCode, DropboxState, Grant, Token } from '../state.ts'

/** Four hours. https://developers.dropbox.com/oauth-guide */
export const ACCESS_SECONDS = 14_400

/**
 * What an app may ask for; an app of a team has more.
 * https://developers.dropbox.com/oauth-guide#dropbox-api-permissions
 */
export const SCOPES = [
  'account_info.read',
  'account_info.write',
  'files.metadata.read',
  'files.metadata.write',
  'files.content.read',
  'files.content.write',
  'files.permanent_delete',
  'sharing.read',
  'sharing.write',
  'file_requests.read',
  'file_requests.write',
  'contacts.read',
  'contacts.write',
  'openid',
  'email',
  'profile',
]

const grantKey = (account: string, clientId: string): string => `${account} ${clientId}`

export function grantOf(state: DropboxState, account: string, clientId: string): Grant | undefined {
  return state.grants.get(grantKey(account, clientId))
}

export function recordGrant(state: DropboxState, account: string, clientId: string, scopes: string[]): void {
  const before = grantOf(state, account, clientId)?.scopes ?? []
  const all = [...new Set([...before, ...scopes])]
  state.grants.put(grantKey(account, clientId), { account, clientId, scopes: all })
}

/** An access token, and a refresh token before it where the consent was for offline use. */
export function issueFromCode(
  state: DropboxState,
  code: AuthorizationCode,
): { access: Token; refresh: Token | undefined } {
  const { account, clientId, scopes } = code
  return state.store.transaction(() => {
    const refresh: Token | undefined = code.offline
      ? {
          token: `${state.random.text(15)}AAAAAAAAAA${state.random.text(39)}`,
          kind: 'refresh',
          account,
          clientId,
          scopes,
        }
      : undefined
    if (refresh !== undefined) state.tokens.put(refresh.token, refresh)
    return { access: issueAccess(state, code, refresh?.token), refresh }
  })
}

/**
 * A new access token; earlier ones live on, and so does the refresh token, for ever: Dropbox rotates none.
 * `scopes`: fewer than were given, if that is asked.
 */
export function refreshAccess(state: DropboxState, refresh: Token, scopes: string[]): Token {
  return issueAccess(state, { ...refresh, scopes }, refresh.token)
}

export function liveRefresh(state: DropboxState, token: string, clientId: string): Token | undefined {
  const found = state.tokens.get(token)
  return found?.kind === 'refresh' && found.clientId === clientId ? found : undefined
}

/**
 * `auth/token/revoke`: the access token, the refresh token behind it, and every other access token of that.
 */
export function revokeToken(state: DropboxState, token: Token): void {
  state.store.transaction(() => {
    state.tokens.delete(token.token)
    if (token.refreshToken === undefined) return
    for (const each of state.tokens.where('behind', token.refreshToken)) state.tokens.delete(each.token)
    state.tokens.delete(token.refreshToken)
    const { account, clientId } = token
    const left = state.tokens.where('account', account).some((other) => other.clientId === clientId)
    if (!left) state.grants.delete(grantKey(account, clientId))
  })
}

/** The control API's revoke: the user removed the app. All its tokens die with the consent. */
export function revokeAccount(state: DropboxState, account: string): void {
  state.store.transaction(() => {
    for (const token of state.tokens.where('account', account)) state.tokens.delete(token.token)
    for (const { clientId } of state.grants.where('account', account))
      state.grants.delete(grantKey(account, clientId))
  })
}

/** The control API's expire-tokens: every access token of the account is over. */
export function expireAccess(state: DropboxState, account: string): void {
  state.store.transaction(() => {
    for (const token of state.tokens.where('account', account)) {
      if (token.kind === 'access') state.tokens.put(token.token, { ...token, expiresAt: state.clock.now() })
    }
  })
}

function issueAccess(
  state: DropboxState,
  { account, clientId, scopes }: Pick<Token, 'account' | 'clientId' | 'scopes'>,
  refreshToken: string | undefined,
): Token {
  const access: Token = {
    token: `sl.u.${state.random.text(130)}`,
    kind: 'access',
    account,
    clientId,
    scopes,
    expiresAt: state.clock.now() + ACCESS_SECONDS * 1000,
    ...(refreshToken === undefined ? {} : { refreshToken }),
  }
  state.tokens.put(access.token, access)
  return access
}
