import * as z from 'zod/mini'
import { CloudConnectionError, ServiceError } from '../../errors.ts'
import type { ClientSource, OAuth2Grant, OAuthClient } from '../../grants/grant.ts'
import type { CallSettings, EndpointAnswer } from '../../grants/oauth2.ts'
import { parseTokens, postForm, requestTokens } from '../../grants/oauth2.ts'
import { consentUrl } from '../../grants/oauth2-forms.ts'
import { parseJson } from '../../net/provider-http.ts'
import type { Secret } from '../../secret.ts'
import { about } from './about.ts'
import { readRefusal } from './refusals.ts'

// `openid profile email` tell whose account it is; `offline_access` gives a refresh token and is never
// echoed.
const { scopes } = about.grant

export interface MicrosoftOptions extends CallSettings {
  readonly client: ClientSource
  /** `common`, `organizations`, `consumers`, a directory id or a verified domain. */
  readonly tenant?: string | undefined
  /** One origin in place of all of Microsoft's (a simulator); without a trailing slash. */
  readonly endpoint?: string | undefined
}

const claimsBody = z.object({
  tid: z.string().check(z.minLength(1)),
  oid: z.string().check(z.minLength(1)),
  aud: z.string(),
  preferred_username: z.optional(z.string()),
  email: z.optional(z.string()),
})

/**
 * The Microsoft identity platform v2.0, its token calls through `@azure/msal-node`.
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
 */
export function microsoftGrant(options: MicrosoftOptions): OAuth2Grant {
  const { client, tenant = 'common' } = options
  const authority = `${options.endpoint ?? 'https://login.microsoftonline.com'}/${tenant}`
  const call = (use: (app: App) => Promise<unknown>) =>
    requestTokens({ provider: about.id, client, scopes, readRefusal }, (oauthClient) =>
      throughMsal(authority, tenant, oauthClient, options, use),
    )
  return {
    kind: 'oauth2',
    async authorizationUrl(request) {
      return consentUrl(`${authority}/oauth2/v2.0/authorize`, await client(false), scopes, request, {
        response_mode: 'query',
        // The two exclude each other: a hint is refused with select_account.
        ...(request.loginHint === undefined
          ? { prompt: 'select_account' }
          : { login_hint: request.loginHint }),
      })
    },
    exchangeCode: (exchange) =>
      call((app) =>
        app.acquireTokenByCode({
          code: exchange.code.reveal(),
          codeVerifier: exchange.codeVerifier.reveal(),
          redirectUri: exchange.redirectUri,
          scopes: [...scopes],
        }),
      ),
    refresh: (refreshToken: Secret) =>
      call((app) =>
        app.acquireTokenByRefreshToken({
          refreshToken: refreshToken.reveal(),
          scopes: [...scopes],
          forceCache: true,
        }),
      ),
    revoke: () => Promise.resolve('not_supported' as const),
    async identify(tokens, connectionId) {
      const granted = tokens.scopes.map(scopeName)
      if (!granted.includes('files.readwrite') && !granted.includes('files.readwrite.all'))
        throw new CloudConnectionError(connectionId, 'scope_missing')
      const claims = claimsBody.safeParse(claimsOf(tokens.idToken))
      // Straight from the token endpoint over TLS, so its signature adds nothing (OpenID Connect Core
      // 3.1.3.7, 6).
      if (!claims.success || claims.data.aud !== (await client(false)).clientId) {
        throw new ServiceError('provider_error', 'Microsoft does not say whose account it is.')
      }
      const { tid, oid, preferred_username: username, email } = claims.data
      const address = username ?? email
      // `oid` alone is unique only within its directory.
      return { accountId: `${tid}.${oid}`, ...(address === undefined ? {} : { email: address }) }
    },
  }
}

/**
 * Personal accounts echo scopes with their resource in front (`https://graph.microsoft.com/Files.ReadWrite`),
 * in any case.
 */
function scopeName(scope: string): string {
  return scope.slice(scope.lastIndexOf('/') + 1).toLowerCase()
}

function claimsOf(idToken: Secret | undefined): unknown {
  const payload = idToken?.reveal().split('.')[1]
  return payload === undefined ? undefined : parseJson(Buffer.from(payload, 'base64url').toString('utf8'))
}

type App = InstanceType<(typeof import('@azure/msal-node'))['ConfidentialClientApplication']>

/**
 * Runs one token call through an msal instance of its own: one that was throttled answers everybody from
 * memory for a minute. Msal drops a rotated refresh token and hides the status of errors, so its network
 * client keeps the answer for our own parser. The authority's metadata is given, so that msal asks for none.
 */
async function throughMsal(
  authority: string,
  tenant: string,
  { clientId, clientSecret }: OAuthClient,
  settings: CallSettings,
  use: (app: App) => Promise<unknown>,
): Promise<EndpointAnswer> {
  const { ConfidentialClientApplication } = await import('@azure/msal-node')
  let answer: EndpointAnswer | undefined
  let failure: Error | undefined
  const app = new ConfidentialClientApplication({
    auth: {
      clientId,
      clientSecret: clientSecret.reveal(),
      authority: `https://login.microsoftonline.com/${tenant}`,
      authorityMetadata: JSON.stringify({
        authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
        token_endpoint: `${authority}/oauth2/v2.0/token`,
        issuer: `https://login.microsoftonline.com/{tenantid}/v2.0`,
        jwks_uri: `${authority}/discovery/v2.0/keys`,
      }),
    },
    system: {
      disableInternalRetries: true,
      networkClient: {
        sendGetRequestAsync: () =>
          Promise.reject(new ServiceError('internal_error', 'Msal asked for metadata that it was given.')),
        async sendPostRequestAsync(url, request) {
          try {
            answer = await postForm(url, request?.body ?? '', withoutBodyHeaders(request?.headers), settings)
          } catch (error) {
            failure = error instanceof Error ? error : new Error('unknown', { cause: error })
            throw failure
          }
          const granted = answer.status === 200 && parseTokens(answer.text, []) !== undefined
          if (!granted) throw new ServiceError('provider_error', 'No tokens were granted.')
          return { status: answer.status, headers: {}, body: JSON.parse(answer.text) }
        },
      },
    },
  })
  try {
    await use(app)
  } catch (error) {
    if (failure !== undefined) throw failure
    // Msal failed before it asked, or on an answer that grants tokens: our parser then decides by the answer
    // itself.
    if (answer === undefined) {
      throw new ServiceError('operator_attention', 'The request for tokens could not be made.', {
        context: { operatorFault: true },
        cause: error,
      })
    }
  }
  if (answer === undefined) throw new ServiceError('internal_error', 'Msal answered without asking.')
  return answer
}

function withoutBodyHeaders(headers: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !/^content-/i.test(name)))
}
