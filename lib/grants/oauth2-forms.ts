import type { Secret } from '../secret.ts'
import type { AuthorizationRequest, CodeExchange, OAuthClient } from './grant.ts'

type Form = Readonly<Record<string, string>>

/**
 * A consent page's address, with what every authorization server takes and what this one wants besides.
 * https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1, https://www.rfc-editor.org/rfc/rfc7636#section-4.3
 */
export function consentUrl(
  page: string,
  { clientId }: Pick<OAuthClient, 'clientId'>,
  scopes: readonly string[],
  { redirectUri, state, codeChallenge }: AuthorizationRequest,
  more: Form,
): string {
  const url = new URL(page)
  url.search = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: scopes.join(' '),
    state,
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
    ...more,
  }).toString()
  return url.href
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3 */
export function codeForm(client: OAuthClient, { code, codeVerifier, redirectUri }: CodeExchange): Form {
  return {
    grant_type: 'authorization_code',
    ...clientForm(client),
    code: code.reveal(),
    code_verifier: codeVerifier.reveal(),
    redirect_uri: redirectUri,
  }
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-6 */
export function refreshForm(client: OAuthClient, refreshToken: Secret): Form {
  return { grant_type: 'refresh_token', ...clientForm(client), refresh_token: refreshToken.reveal() }
}

function clientForm({ clientId, clientSecret }: OAuthClient): Form {
  return { client_id: clientId, client_secret: clientSecret.reveal() }
}
