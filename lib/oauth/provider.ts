import type { OAuthClient, TokenOutcome, TokenSet } from '../catalog/grant.ts'
import type { OAuthProviderId } from '../providers/registry.ts'
import type { Secret } from '../secret.ts'

/** What goes into an authorization URL. `codeChallenge` is the S256 challenge of a fresh verifier (RFC 7636). */
export interface AuthorizationRequest {
  readonly state: string
  readonly codeChallenge: string
  readonly redirectUri: string
  /** Preselects the account of a reconnect; no guarantee, so the account is checked afterwards. */
  readonly loginHint?: string
}

export interface CodeExchange {
  readonly code: Secret
  readonly codeVerifier: Secret
  /** The very one of the authorization request. */
  readonly redirectUri: string
}

/** Whose grant it is: `accountId` is stable, `email` is for people and may change or be hidden. */
export interface Account {
  readonly accountId: string
  readonly email?: string
}

/**
 * One provider's side of OAuth. Calls answer what is final; an outage or throttling rejects with `provider_unavailable` or
 * `provider_throttled` and retry advice, what only the operator can mend with `provider_error` and `context.operatorFault`.
 */
export interface OAuthProvider {
  readonly provider: OAuthProviderId
  /** Where a user takes the grant back by hand. */
  readonly manageUrl: string
  /** `provider_not_configured` without an OAuth client. */
  authorizationUrl(request: AuthorizationRequest): Promise<string>
  exchangeCode(exchange: CodeExchange): Promise<TokenOutcome>
  refresh(refreshToken: Secret): Promise<TokenOutcome>
  /** Ends the whole grant at the provider, or says that it offers no way to. Already ended is success. */
  revoke(refreshToken: Secret): Promise<'revoked' | 'not_supported'>
  /** Whose grant a code exchange has given. */
  identify(tokens: TokenSet): Promise<Account>
  /** Those of the scopes that this project cannot do without that are not in `granted`. */
  missingScopes(granted: readonly string[]): readonly string[]
}

/** Reads this deployment's OAuth client; `fresh` asks past the cache, after the provider refused the cached one. */
export type ClientSource = (fresh: boolean) => Promise<OAuthClient>
