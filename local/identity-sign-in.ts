import { createHash, randomBytes } from 'node:crypto'
import * as z from 'zod/mini'
import type { IdentityProvider } from './identity-provider.ts'

/**
 * Sign-in at the local identity provider: the authorization code
 * flow with PKCE, as a deployment's issuer has it for the console.
 * https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
 */

/** The public client that the console is. */
export const consoleClientId = 'driveway-console'

const codeSeconds = 60
const accessSeconds = 60 * 60
const refreshSeconds = 30 * 24 * 60 * 60
/** Only this issuer's token endpoint takes what is signed for it. */
const refreshAudience = 'driveway-local-refresh'

const authorizeQuery = z.object({
  response_type: z.literal('code'),
  client_id: z.literal(consoleClientId),
  redirect_uri: z.url(),
  code_challenge: z.string().check(z.regex(/^[A-Za-z0-9_-]{43}$/)),
  code_challenge_method: z.literal('S256'),
  state: z.optional(z.string()),
  nonce: z.optional(z.string()),
})
export type AuthorizeRequest = z.infer<typeof authorizeQuery>

const tokenForm = z.discriminatedUnion('grant_type', [
  z.object({
    grant_type: z.literal('authorization_code'),
    client_id: z.literal(consoleClientId),
    code: z.string(),
    code_verifier: z.string(),
    redirect_uri: z.string(),
  }),
  z.object({
    grant_type: z.literal('refresh_token'),
    client_id: z.literal(consoleClientId),
    refresh_token: z.string(),
  }),
])

export interface TokenAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, string | number>>
}

interface Issued {
  readonly request: AuthorizeRequest
  readonly sub: string
  readonly expiresAt: number
}

export interface SignIn {
  /**
   * The request of an authorization URL's query; undefined when it
   * is not one of ours, and nobody may be redirected then.
   */
  parse(query: URLSearchParams): AuthorizeRequest | undefined
  /** Where to send the browser of `sub`, with a code that works once, for a minute. */
  approve(request: AuthorizeRequest, sub: string): string
  /** Exchanges a code, or a refresh token. */
  exchange(form: URLSearchParams): Promise<TokenAnswer>
}

/** The sign-in of one running stack: codes live in memory, tokens are the identity provider's. */
export function signInOf(identity: IdentityProvider, now: () => number = Date.now): SignIn {
  const codes = new Map<string, Issued>()
  const refuse = (error: string): TokenAnswer => ({ status: 400, body: { error } })

  const tokens = async (sub: string, nonce?: string): Promise<TokenAnswer> => {
    const claims = { sub, preferred_username: sub, ...(nonce === undefined ? {} : { nonce }) }
    const [access, id, refresh] = await Promise.all([
      identity.mint(sub, accessSeconds),
      identity.sign(claims, consoleClientId, accessSeconds),
      identity.sign({ sub }, refreshAudience, refreshSeconds),
    ])
    return {
      status: 200,
      body: {
        token_type: 'Bearer',
        access_token: access,
        expires_in: accessSeconds,
        id_token: id,
        refresh_token: refresh,
        scope: 'openid',
      },
    }
  }

  return {
    parse(query) {
      const { data } = authorizeQuery.safeParse(Object.fromEntries(query))
      return data !== undefined && isLoopback(data.redirect_uri) ? data : undefined
    },
    approve(request, sub) {
      for (const [code, { expiresAt }] of codes) if (expiresAt <= now()) codes.delete(code)
      const code = randomBytes(24).toString('base64url')
      codes.set(code, { request, sub, expiresAt: now() + codeSeconds * 1000 })
      const back = new URL(request.redirect_uri)
      back.searchParams.set('code', code)
      if (request.state !== undefined) back.searchParams.set('state', request.state)
      return back.href
    },
    async exchange(form) {
      const { data } = tokenForm.safeParse(Object.fromEntries(form))
      if (data === undefined) return refuse('invalid_request')
      if (data.grant_type === 'refresh_token') {
        const claims = await identity.read(data.refresh_token, refreshAudience)
        return claims?.sub === undefined ? refuse('invalid_grant') : tokens(claims.sub)
      }
      const issued = codes.get(data.code)
      codes.delete(data.code)
      const challenge = createHash('sha256').update(data.code_verifier).digest('base64url')
      const fits =
        issued !== undefined &&
        issued.expiresAt > now() &&
        issued.request.redirect_uri === data.redirect_uri &&
        issued.request.code_challenge === challenge
      return fits ? tokens(issued.sub, issued.request.nonce) : refuse('invalid_grant')
    },
  }
}

/** A redirect goes to this machine only, on any port: https://www.rfc-editor.org/rfc/rfc8252#section-7.3 */
function isLoopback(redirectUri: string): boolean {
  const { protocol, hostname } = new URL(redirectUri)
  return protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)
}
