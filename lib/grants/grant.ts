import type { ReauthReason } from '../errors.ts'
import type { ConnectionId } from '../ids.ts'
import type { TokenSource } from '../net/token-source.ts'
import type { Secret } from '../secret.ts'

/** What a connection may do at its provider, and how it is asked for: of the kind that the facts name. */
export type Grant = OAuth2Grant | PasswordGrant | { readonly kind: 'none' }

/** A grant of the kind that the provider's facts name; another kind is a mistake of ours. */
export function ofKind<Kind extends Grant['kind']>(grant: Grant, kind: Kind): Extract<Grant, { kind: Kind }> {
  if (grant.kind === kind) return grant as Extract<Grant, { kind: Kind }>
  throw new TypeError(`A grant of the kind ${grant.kind}, where ${kind} was wanted.`)
}

/** How a driver proves itself to its provider. */
export type Credentials =
  | { readonly kind: 'oauth2'; readonly tokens: TokenSource }
  | {
      readonly kind: 'password'
      /** CloudConnectionError when there is none, or the connection is not active. */
      read(): Promise<PasswordCredentials>
      /**
       * After a 401: a newer password than `refused`, or the same one when the server takes it after all.
       * CloudConnectionError when it is proven dead, and then the connection says so.
       */
      renew(refused: PasswordCredentials): Promise<PasswordCredentials>
    }
  | { readonly kind: 'none' }

/** What a connection is given when it is completed. */
export type NewGrant =
  | { readonly kind: 'oauth2'; readonly tokens: TokenSet }
  | { readonly kind: 'password'; readonly credentials: PasswordCredentials }

/** Whose grant it is: `accountId` is stable, `email` is for people and may change or be hidden. */
export interface Account {
  readonly accountId: string
  readonly email?: string
}

/**
 * A grant by consent. Calls answer what is final. An outage or throttling rejects with retry advice; what
 * only an operator can mend with `operator_attention`.
 */
export interface OAuth2Grant {
  readonly kind: 'oauth2'
  /** `provider_not_configured` without an OAuth client. */
  authorizationUrl(request: AuthorizationRequest): Promise<string>
  exchangeCode(exchange: CodeExchange): Promise<TokenOutcome>
  refresh(refreshToken: Secret): Promise<TokenOutcome>
  /** Ends what the facts' `revokes` says, or says that there is no way to. Already ended is success. */
  revoke(refreshToken: Secret): Promise<'revoked' | 'not_supported'>
  /** Whose grant a code exchange gave; `CloudConnectionError` when it lacks a scope or opens no drive. */
  identify(tokens: TokenSet, connectionId: ConnectionId): Promise<Account>
}

/** A grant by a server's address and an app password. Outages reject as those of `OAuth2Grant` do. */
export interface PasswordGrant {
  readonly kind: 'password'
  /** Whose account it is; undefined when the server refuses the name or the password. */
  identify(credentials: PasswordCredentials, signal?: AbortSignal): Promise<Account | undefined>
  /** Ends the app password at the server, where that can be done. Already ended is success. */
  revoke(credentials: PasswordCredentials): Promise<'revoked' | 'not_supported'>
}

export interface PasswordCredentials {
  /** Without a trailing slash. */
  readonly serverUrl: string
  readonly userName: string
  readonly password: Secret
}

/** For an authorization URL. `codeChallenge` is the S256 challenge of a fresh verifier (RFC 7636). */
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

/** This deployment's registration at a provider. */
export interface OAuthClient {
  readonly clientId: string
  readonly clientSecret: Secret
}

/** Reads this deployment's OAuth client; `fresh` asks past the cache, when the cached one was refused. */
export type ClientSource = (fresh: boolean) => Promise<OAuthClient>

/** What a token endpoint gave. */
export interface TokenSet {
  readonly accessToken: Secret
  readonly expiresInSeconds: number
  /** Absent when the provider keeps the one that was presented. */
  readonly refreshToken?: Secret
  /** As the provider spells them. */
  readonly scopes: readonly string[]
  readonly idToken?: Secret
  /** Until the grant itself ends by plan: of a project in testing, or a consent for a time. */
  readonly grantEndsInSeconds?: number
}

/**
 * A token endpoint's final word. What is not final (outage, throttling, operator's fault) is thrown instead.
 */
export type TokenOutcome =
  | { readonly granted: true; readonly tokens: TokenSet }
  /** The provider refuses the code or refresh token itself; `providerCode` is its own short code. */
  | { readonly granted: false; readonly reason: ReauthReason; readonly providerCode: string }
