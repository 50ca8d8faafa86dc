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
import { codeForm, consentUrl, refreshForm } from '../../grants/oauth2-forms.ts'
import type { ConnectionId } from '../../ids.ts'
import type { HttpResponse } from '../../net/http-client.ts'
import { sendRequest } from '../../net/http-client.ts'
import { failedAnswer, readJson, readText } from '../../net/provider-http.ts'
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
    requestTokens(tokens, (known) => post(refreshForm(known, refreshToken)))
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
  const failed = async (connectionId: ConnectionId | undefined, operation: string, answer: HttpResponse) =>
    dropboxError(connectionId, await failedAnswer({ operation, method: 'POST' }, answer, clock))

  return {
    kind: 'oauth2',
    async authorizationUrl(request) {
      const page = `${endpoint ?? 'https://www.dropbox.com'}/oauth2/authorize`
      return consentUrl(page, await client(false), scopes, request, {
        token_access_type: 'offline',
        // Else whoever has agreed before comes straight back, under the account that is signed in by chance.
        force_reapprove: 'true',
      })
    },
    exchangeCode: (exchange) => requestTokens(tokens, (known) => post(codeForm(known, exchange))),
    refresh,
    // What is ended is named by an access token, and the refresh token behind it goes with it.
    // https://www.dropbox.com/developers/documentation/http/documentation#auth-token-revoke
    async revoke(refreshToken) {
      const outcome = await refresh(refreshToken)
      if (!outcome.granted) return 'revoked'
      const answer = await call('auth/token/revoke', outcome.tokens.accessToken)
      if (answer.status === 200 || answer.status === 401) {
        // A token that was good a moment ago and is refused now was ended by somebody else.
        await readText(answer.body, 4096).catch(() => '')
        return 'revoked'
      }
      throw await failed(undefined, 'token.revoke', answer)
    },
    async identify({ accessToken, scopes: granted }, connectionId) {
      if (scopes.some((scope) => !granted.includes(scope)))
        throw new CloudConnectionError(connectionId, 'scope_missing')
      const answer = await call('users/get_current_account', accessToken)
      if (answer.status !== 200) throw await failed(connectionId, 'users.account', answer)
      const { account_id: accountId, email } = await readJson(answer, accountSchema)
      return { accountId, ...(email === undefined ? {} : { email }) }
    },
  }
}

/** https://developers.dropbox.com/oauth-guide; of a dead grant Dropbox says no more than that it is one. */
export function readRefusal({ error }: RefusalBody): Verdict | undefined {
  return error === 'invalid_grant'
    ? { kind: 'reauth', reason: 'grant_revoked', providerCode: error }
    : undefined
}
