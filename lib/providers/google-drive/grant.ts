import * as z from 'zod/mini'
import { CloudConnectionError } from '../../errors.ts'
import type { ClientSource, OAuth2Grant } from '../../grants/grant.ts'
import type { CallSettings, RefusalBody, TokenEndpoint, Verdict } from '../../grants/oauth2.ts'
import { codeForm, consentUrl, refreshForm } from '../../grants/oauth2-forms.ts'
import {
  classify,
  endpointTimeouts,
  postForm,
  requestTokens,
  shortCode,
  verdictError,
} from '../../grants/oauth2.ts'
import { sendRequest } from '../../net/http-client.ts'
import { failedAnswer, parseJson, readJson } from '../../net/provider-http.ts'
import { about } from './about.ts'
import { driveError } from './errors.ts'

const { scopes } = about.grant

export interface GoogleOptions extends CallSettings {
  readonly client: ClientSource
  /** One origin in place of all of Google's (a simulator); without a trailing slash. */
  readonly endpoint?: string | undefined
}

const aboutBody = z.object({
  user: z.object({ permissionId: z.string().check(z.minLength(1)), emailAddress: z.optional(z.string()) }),
})
const revokeError = z.object({ error: z.string() })

/**
 * Google's OAuth 2.0 for web servers, by plain form POSTs.
 * https://developers.google.com/identity/protocols/oauth2/web-server
 */
export function googleGrant(options: GoogleOptions): OAuth2Grant {
  const { client, clock, send = sendRequest } = options
  const at = endpoints(options.endpoint)
  const tokens: TokenEndpoint = { provider: about.id, client, scopes, readRefusal }
  return {
    kind: 'oauth2',
    async authorizationUrl(request) {
      return consentUrl(at.authorization, await client(false), scopes, request, {
        // Without both, Google gives a refresh token on the very first consent only.
        access_type: 'offline',
        prompt: 'consent',
        ...(request.loginHint === undefined ? {} : { login_hint: request.loginHint }),
      })
    },
    exchangeCode: (exchange) =>
      requestTokens(tokens, (known) => post(at.token, options, codeForm(known, exchange))),
    refresh: (refreshToken) =>
      requestTokens(tokens, (known) => post(at.token, options, refreshForm(known, refreshToken))),
    async revoke(refreshToken) {
      const answer = await post(at.revoke, options, { token: refreshToken.reveal() })
      if (answer.status >= 200 && answer.status < 300) return 'revoked'
      const refusal = revokeError.safeParse(parseJson(answer.text))
      // A token that Google does not know any more is what was wanted.
      if (answer.status === 400 && refusal.data?.error === 'invalid_token') return 'revoked'
      const verdict = classify(readRefusal, answer)
      if (verdict.kind === 'reauth') return 'revoked'
      throw verdictError(verdict, answer.status)
    },
    async identify({ accessToken, scopes: granted }, connectionId) {
      // Users may untick scopes, and Google still says success.
      // https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions
      if (scopes.some((scope) => !granted.includes(scope)))
        throw new CloudConnectionError(connectionId, 'scope_missing')
      // about.get works with drive.file alone and wants its fields named; the address is missing when the
      // user hides it.
      // https://developers.google.com/workspace/drive/api/reference/rest/v3/about/get
      const response = await send({
        method: 'GET',
        url: `${at.about}?fields=${encodeURIComponent('user(permissionId,emailAddress)')}`,
        headers: {
          authorization: `Bearer ${accessToken.reveal()}`,
          accept: 'application/json',
          'accept-encoding': 'identity',
        },
        timeouts: options.timeouts ?? endpointTimeouts,
      })
      // As the drive itself means it, so that a connect tells the same classes apart as a document does.
      if (response.status !== 200)
        throw driveError(connectionId, await failedAnswer(aboutGet, response, clock))
      const { user } = await readJson(response, aboutBody)
      return {
        accountId: user.permissionId,
        ...(user.emailAddress === undefined ? {} : { email: user.emailAddress }),
      }
    },
  }
}

const aboutGet = { operation: 'about.get', method: 'GET' } as const

const withSubtype = z.object({ error_subtype: shortCode })

/** https://developers.google.com/identity/protocols/oauth2/web-server#errors */
export function readRefusal({ error, json }: RefusalBody): Verdict | undefined {
  switch (error) {
    case 'invalid_grant':
      // A Workspace session-control policy wants the user to sign in again.
      return withSubtype.safeParse(json).data?.error_subtype === 'invalid_rapt'
        ? { kind: 'reauth', reason: 'interaction_required', providerCode: 'invalid_rapt' }
        : { kind: 'reauth', reason: 'grant_revoked', providerCode: error }
    case 'access_denied':
      return { kind: 'reauth', reason: 'policy_blocked', providerCode: error }
    // An administrator's setting, for all of an organisation; the token is good again when it is taken back.
    case 'admin_policy_enforced':
    case 'org_internal':
      return { kind: 'tenant', providerCode: error }
    default:
      return undefined
  }
}

function endpoints(origin: string | undefined) {
  const accounts = origin ?? 'https://accounts.google.com'
  const tokens = origin ?? 'https://oauth2.googleapis.com'
  const apis = origin ?? 'https://www.googleapis.com'
  return {
    authorization: `${accounts}/o/oauth2/v2/auth`,
    token: `${tokens}/token`,
    revoke: `${tokens}/revoke`,
    about: `${apis}/drive/v3/about`,
  }
}

function post(url: string, settings: CallSettings, form: Readonly<Record<string, string>>) {
  return postForm(url, new URLSearchParams(form).toString(), {}, settings)
}
