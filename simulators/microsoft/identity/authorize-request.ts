import type { IdentityFailure } from './errors.ts'
import { identityError } from './errors.ts'
import type { Client, Tables } from '../drive/records.ts'
import { expandDefault, parseScopes } from './scopes.ts'

/** An authorization request whose app and redirect URI are known to be good. */
export interface AuthorizeRequest {
  tenant: string
  clientId: string
  redirectUri: string
  scopes: string[]
  state: string | null
  nonce: string | null
  responseMode: 'query' | 'fragment' | 'form_post'
  prompt: string | null
  /** Empty with `prompt=select_account`, which makes the person choose. */
  loginHint: string
  challenge: string | null
  challengeMethod: 'S256' | 'plain'
  wantsClientInfo: boolean
}

/** `shown` stays on the provider's page; `refused` goes to the redirect URI. */
export type ReadRequest =
  | { shown: IdentityFailure }
  | { shown?: undefined; refused?: IdentityFailure; request: AuthorizeRequest }

const TENANT =
  /^(?:common|organizations|consumers|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z0-9-]+(?:\.[a-z0-9-]+)+)$/iu
const PROMPTS = new Set(['login', 'none', 'consent', 'select_account'])

/** Whether the path's `{tenant}` can be one at all. */
export function isTenant(text: string): boolean {
  return TENANT.test(text)
}

/**
 * Reads and checks the query of an authorize URL.
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
 */
export function readAuthorizeRequest(tables: Tables, url: URL, tenant: string): ReadRequest {
  const query = url.searchParams
  if (!isTenant(tenant)) return { shown: identityError(90002, `Tenant '${tenant}' not found.`) }
  const client = tables.clients.get(query.get('client_id') ?? '')
  if (client === undefined) return { shown: identityError(700016) }
  const redirectUri = query.get('redirect_uri') ?? ''
  if (!isRegistered(client, redirectUri)) return { shown: identityError(50011) }

  const mode = query.get('response_mode') ?? 'query'
  const prompt = query.get('prompt')
  const scopes = parseScopes(query.get('scope') ?? '')
  const request: AuthorizeRequest = {
    tenant: tenant.toLowerCase(),
    clientId: client.clientId,
    redirectUri,
    scopes: expandDefault(scopes ?? []),
    state: query.get('state'),
    nonce: query.get('nonce'),
    responseMode: mode === 'fragment' || mode === 'form_post' ? mode : 'query',
    prompt,
    loginHint: prompt === 'select_account' ? '' : (query.get('login_hint') ?? ''),
    challenge: query.get('code_challenge'),
    challengeMethod: query.get('code_challenge_method') === 'S256' ? 'S256' : 'plain',
    wantsClientInfo: query.get('client_info') === '1',
  }
  const refused = refusal(query, mode, prompt, scopes)
  return refused === undefined ? { request } : { request, refused }
}

function refusal(
  query: URLSearchParams,
  mode: string,
  prompt: string | null,
  scopes: string[] | undefined,
): IdentityFailure | undefined {
  const responseType = query.get('response_type')
  if (responseType === null) return missing('response_type')
  if (responseType !== 'code') return identityError(70007)
  if ((query.get('scope') ?? '').trim() === '') return missing('scope')
  if (scopes === undefined) return identityError(70011)
  if (!['query', 'fragment', 'form_post'].includes(mode)) return identityError(90023)
  if (prompt !== null && !PROMPTS.has(prompt)) return identityError(90023, `Unsupported 'prompt' value.`)
  const challenge = query.get('code_challenge')
  if (challenge !== null && !/^[A-Za-z0-9._~-]{43,128}$/u.test(challenge)) {
    return identityError(90023, 'The size of the code_challenge must be between 43 and 128 characters.')
  }
  const method = query.get('code_challenge_method')
  if (method !== null && method !== 'S256' && method !== 'plain') return identityError(90023)
  return undefined
}

function missing(name: string): IdentityFailure {
  return identityError(900144, `The request body must contain the following parameter: '${name}'.`)
}

/**
 * Redirect URIs match exactly, the path's case included; on the loopback host the port does not count.
 * https://learn.microsoft.com/entra/identity-platform/reply-url
 */
export function isRegistered(client: Client, redirectUri: string): boolean {
  return client.redirectUris.some(
    (known) => known === redirectUri || withoutPort(known) === withoutPort(redirectUri),
  )
}

function withoutPort(text: string): string {
  if (!URL.canParse(text)) return text
  const url = new URL(text)
  if (url.protocol !== 'http:' || !['localhost', '127.0.0.1'].includes(url.hostname)) return text
  url.port = ''
  return url.toString()
}
