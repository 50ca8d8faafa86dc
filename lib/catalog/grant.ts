import type { ReauthReason } from '../errors.ts'
import type { Secret } from '../secret.ts'

/** This deployment's registration at a provider. */
export interface OAuthClient {
  readonly clientId: string
  readonly clientSecret: Secret
}

/** What a token endpoint gave. */
export interface TokenSet {
  readonly accessToken: Secret
  readonly expiresInSeconds: number
  /** Absent when the provider keeps the one that was presented (Google on every refresh). */
  readonly refreshToken?: Secret
  /** As the provider spells them. */
  readonly scopes: readonly string[]
  readonly idToken?: Secret
}

/** A token endpoint's final word. Everything that is not final (outage, throttling, the operator's fault) is thrown instead. */
export type TokenOutcome =
  | { readonly granted: true; readonly tokens: TokenSet }
  /** The provider refuses the code or refresh token itself; `providerCode` is its own short code. */
  | { readonly granted: false; readonly reason: ReauthReason; readonly providerCode: string }
