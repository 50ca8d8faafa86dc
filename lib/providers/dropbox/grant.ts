import { CloudConnectionError } from '../../errors.ts'
import type { ClientSource, OAuth2Grant } from '../../grants/grant.ts'
import type {
  CallSettings,
  EndpointAnswer,
  RefusalBody,
  TokenEndpoint,
  Verdict,
} from '../../grants/oauth2.ts'
import { endpointTimeouts, postForm, requestTokens } from '../../grants/oauth2.ts'
import type { ConnectionId } from '../../ids.ts'
import type { HttpResponse } from '../../net/http-client.ts'
import { sendRequest } from '../../net/http-client.ts'
import { readJson, readText } from '../../net/provider-http.ts'
import { retryAfterSeconds } from '../../net/retry-after.ts'
import type { Secret } from '../../secret.ts'
import { about } from './about.ts'
import { dropboxError } from './errors.ts'
import { accountSchema } from './wire.ts'

const { scopes } = about.grant

export interface DropboxGrantOptions extends CallSettings {
  readonly client: ClientSource
  /** One origin in place of all of Dropbox's (a simulator); without a trailing slash. */
  readonly endpoint?: string | undefined
}

/**
 * Dropbox's OAuth 2.0 with PKCE and offline access, by plain form POSTs.
 * https://developers.dropbox.com/oauth-guide
 */
export function dropboxGrant(options: DropboxGrantOptions): OAuth2Grant {
  const { client, clock, endpoint, send = sendRequest } = options
  const api = endpoint ?? 'https://api.dropboxapi.com'
  const tokens: TokenEndpoint = { provider: about.id, client, scopes, readRefusal }
  const post = (form: Readonly<Record<string, string>>): Promise<EndpointAnswer> =>
    postForm(`${api}/oauth2/token`, new URLSearchParams(form).toString(), {}, options)
  const refresh = (refreshToken: Secret) =>
    requestTokens(tokens, ({ clientId, clientSecret }) =>
      post({
        grant_type: 'refresh_token',
        client_id: clientId,
        client_secret: clientSecret.reveal(),
        refresh_token: refreshToken.reveal(),
      }),
    )
  /** A call without an argument in the name of a token. */
  const call = (route: string, token: Secret): Promise<HttpResponse> =>
    send({
      method: 'POST',
      url: `${api}/2/${route}`,
      headers: {
        authorization: `Bearer ${token.reveal()}`,
        'content-type': 'application/json',
        'accept-encoding': 'identity',
      },
      body: Buffer.from('null'),
      timeouts: options.timeouts ?? endpointTimeouts,
    })
  const failed = async (connectionId: ConnectionId | undefined, route: string, answer: HttpResponse) => {
    const { status, headers } = answer
    const afterSeconds = retryAfterSeconds(headers, clock.now())
    return dropboxError(connectionId, {
      operation: route === revokeRoute ? 'token.revoke' : 'users.account',
      method: 'POST',
      status,
      headers,
      text: await readText(answer.body, 64 * 1024).catch(() => ''),
      ...(afterSeconds === undefined ? {} : { retryAfterSeconds: afterSeconds }),
    })
  }

  return {
    kind: 'oauth2',
    async authorizationUrl(request) {
      const url = new URL(`${endpoint ?? 'https://www.dropbox.com'}/oauth2/authorize`)
      url.search = new URLSearchParams({
        client_id: (await client(false)).clientId,
        redirect_uri: request.redirectUri,
        response_type: 'code',
        scope: scopes.join(' '),
        state: request.state,
        code_challenge: request.codeChallenge,
        code_challenge_method: 'S256',
        token_access_type: 'offline',
        // Else whoever has agreed before comes straight back, under the account that is signed in by chance.
        force_reapprove: 'true',
      }).toString()
      return url.href
    },
    exchangeCode: (exchange) =>
      requestTokens(tokens, ({ clientId, clientSecret }) =>
        post({
          grant_type: 'authorization_code',
          client_id: clientId,
          client_secret: clientSecret.reveal(),
          code: exchange.code.reveal(),
          code_verifier: exchange.codeVerifier.reveal(),
          redirect_uri: exchange.redirectUri,
        }),
      ),
    refresh,
    // What is ended is named by an access token, and the refresh token behind it goes with it.
    // https://www.dropbox.com/developers/documentation/http/documentation#auth-token-revoke
    async revoke(refreshToken) {
      const outcome = await refresh(refreshToken)
      if (!outcome.granted) return 'revoked'
      const answer = await call(revokeRoute, outcome.tokens.accessToken)
      if (answer.status === 200 || answer.status === 401) {
        // A token that was good a moment ago and is refused now was ended by somebody else.
        await readText(answer.body, 4096).catch(() => '')
        return 'revoked'
      }
      throw await failed(undefined, revokeRoute, answer)
    },
    async identify({ accessToken, scopes: granted }, connectionId) {
      if (scopes.some((scope) => !granted.includes(scope)))
        throw new CloudConnectionError(connectionId, 'scope_missing')
      const route = 'users/get_current_account'
      const answer = await call(route, accessToken)
      if (answer.status !== 200) throw await failed(connectionId, route, answer)
      const { account_id: accountId, email } = await readJson(answer, accountSchema)
      return { accountId, ...(email === undefined ? {} : { email }) }
    },
  }
}

const revokeRoute = 'auth/token/revoke'

/** https://developers.dropbox.com/oauth-guide; of a dead grant Dropbox says no more than that it is one. */
export function readRefusal({ error }: RefusalBody): Verdict | undefined {
  return error === 'invalid_grant'
    ? { kind: 'reauth', reason: 'grant_revoked', providerCode: error }
    : undefined
}
