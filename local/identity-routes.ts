import type { IncomingMessage, ServerResponse } from 'node:http'
import * as z from 'zod/mini'
import type { Scope } from '../lib/contract/scopes.ts'
import { scopes } from '../lib/contract/scopes.ts'
import { readBody, readJson, sendJson } from './http.ts'
import { refusedPage, signInPage, signInPolicy } from './identity-page.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { signInOf } from './identity-sign-in.ts'

const expiresInSeconds = z.optional(z.int().check(z.gte(-3600), z.lte(30 * 24 * 3600)))
const tokenRequest = z.union([
  z.object({ sub: z.string().check(z.minLength(1)), expiresInSeconds }),
  z.object({
    client: z.string().check(z.regex(/^[A-Za-z0-9._-]{1,64}$/)),
    scopes: z.array(z.enum(Object.keys(scopes) as Scope[])),
    expiresInSeconds,
  }),
])
const userName = z.string().check(z.trim(), z.minLength(1), z.maxLength(64))

/**
 * The paths under `/local`: a token by one request for programs,
 * OIDC with a page for people. Answers false for any other path.
 */
export function identityRoutes(identity: IdentityProvider) {
  const { issuer } = identity
  const signIn = signInOf(identity)
  const discovery = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    scopes_supported: ['openid'],
  }

  const token = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const wanted = tokenRequest.safeParse(await readJson(req))
    if (!wanted.success)
      return sendJson(res, 400, {
        error: 'send {"sub": "alice"}, or {"client": "backend", "scopes": ["documents.read"]} for a machine',
        scopes: Object.keys(scopes),
      })
    const { data } = wanted
    const minted =
      'sub' in data
        ? identity.mint(data.sub, data.expiresInSeconds)
        : identity.mintMachine(data.client, data.scopes, data.expiresInSeconds)
    sendJson(res, 200, { token: await minted })
  }
  const exchange = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const { status, body } = await signIn.exchange(new URLSearchParams((await readBody(req)) ?? ''))
    sendJson(res, status, body)
  }
  const authorize = async (req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> => {
    const request = signIn.parse(url.searchParams)
    if (request === undefined) return sendPage(res, 400, refusedPage(), signInPolicy(''))
    const policy = signInPolicy(new URL(request.redirect_uri).origin)
    if (req.method === 'GET') return sendPage(res, 200, signInPage(), policy)
    const user = userName.safeParse(new URLSearchParams((await readBody(req)) ?? '').get('user'))
    if (!user.success) return sendPage(res, 400, signInPage(), policy)
    res.writeHead(303, { location: signIn.approve(request, user.data), 'cache-control': 'no-store' })
    res.end()
  }

  return async (req: IncomingMessage, res: ServerResponse, url: URL): Promise<boolean> => {
    switch (`${req.method ?? 'GET'} ${url.pathname}`) {
      case 'POST /local/token':
        await token(req, res)
        return true
      case 'GET /local/authorize':
      case 'POST /local/authorize':
        await authorize(req, res, url)
        return true
      case 'POST /local/oauth/token':
        await exchange(req, res)
        return true
      case 'GET /local/.well-known/jwks.json':
        sendJson(res, 200, identity.jwks)
        return true
      case 'GET /local/.well-known/openid-configuration':
        sendJson(res, 200, discovery)
        return true
      default:
        return false
    }
  }
}

function sendPage(res: ServerResponse, status: number, html: string, policy: string): void {
  res.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  })
  res.end(html)
}
