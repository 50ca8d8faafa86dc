import type { Exchange } from '../../kernel/exchange.ts'
import { PERSONAL_TENANT } from '../drive/accounts.ts'
import { signedOutPage } from './authorize-page.ts'
import { isRegistered, isTenant } from './authorize-request.ts'
import { identityAnswer, IdentityFailure, identityError } from './errors.ts'
import type { Context } from '../drive/records.ts'
import { newGuid } from '../drive/ids.ts'

const MICROSOFT_HOSTS = [
  'login.microsoftonline.com',
  'login.windows.net',
  'login.microsoft.com',
  'sts.windows.net',
]

/** The OpenID configuration. For common and organizations the issuer holds the literal `{tenantid}`. */
export async function openidConfiguration(x: Exchange): Promise<void> {
  const tenant = x.params['tenant'] ?? ''
  if (!isTenant(tenant)) throw identityError(90002, `Tenant '${tenant}' not found.`)
  const base = `${x.origin}/${tenant}`
  const shared = tenant === 'common' || tenant === 'organizations'
  const issuerTenant = shared ? '{tenantid}' : tenant === 'consumers' ? PERSONAL_TENANT : tenant
  await x.json(200, {
    token_endpoint: `${base}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    jwks_uri: `${base}/discovery/v2.0/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: `${x.origin}/${issuerTenant}/v2.0`,
    request_uri_parameter_supported: false,
    userinfo_endpoint: `${graphOrigin(x.origin)}/oidc/userinfo`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    end_session_endpoint: `${base}/oauth2/v2.0/logout`,
    claims_supported: [
      'sub',
      'iss',
      'aud',
      'exp',
      'iat',
      'nonce',
      'preferred_username',
      'name',
      'tid',
      'ver',
      'email',
      'oid',
    ],
    tenant_region_scope: null,
    cloud_instance_name: 'microsoftonline.com',
    msgraph_host: new URL(graphOrigin(x.origin)).host,
  })
}

/** Behind a proxy that gives the real names, userinfo is on Graph's; otherwise all is on one origin. */
function graphOrigin(origin: string): string {
  return origin.replace('//login.microsoftonline.com', '//graph.microsoft.com')
}

/** Instance discovery: which names the cloud of an authority goes by. */
export async function instanceDiscovery(context: Context, x: Exchange): Promise<void> {
  const endpoint = x.url.searchParams.get('authorization_endpoint') ?? ''
  const host = URL.canParse(endpoint) ? new URL(endpoint).host : ''
  const own = new URL(x.origin).host
  if (host !== own && !MICROSOFT_HOSTS.includes(host)) {
    const failure = new IdentityFailure(400, 'invalid_instance', 50049, 'Unknown or invalid instance.')
    const { status, body, headers } = identityAnswer(failure, context.clock.now())
    await x.json(status, body, headers)
    return
  }
  const authority = endpoint.replace(/\/oauth2\/v2\.0\/authorize\/?$/u, '')
  await x.json(200, {
    tenant_discovery_endpoint: `${authority}/v2.0/.well-known/openid-configuration`,
    'api-version': '1.1',
    metadata: [
      ...(MICROSOFT_HOSTS.includes(own)
        ? []
        : [{ preferred_network: own, preferred_cache: own, aliases: [own] }]),
      {
        preferred_network: 'login.microsoftonline.com',
        preferred_cache: 'login.windows.net',
        aliases: MICROSOFT_HOSTS,
      },
    ],
  })
}

/** Ends the session and goes to `post_logout_redirect_uri` if some client has registered it. */
export async function logout(context: Context, x: Exchange): Promise<void> {
  const target = x.url.searchParams.get('post_logout_redirect_uri')
  if (target !== null && context.tables.clients.all().some((client) => isRegistered(client, target))) {
    const location = new URL(target)
    const state = x.url.searchParams.get('state')
    if (state !== null) location.searchParams.set('state', state)
    await x.send(302, { location: location.toString() })
    return
  }
  await x.text(200, signedOutPage(), { 'content-type': 'text/html; charset=utf-8' })
}

/** An identity failure as this endpoint's JSON answer. */
export async function answerIdentityFailure(
  context: Context,
  x: Exchange,
  failure: IdentityFailure,
): Promise<void> {
  const correlation = x.url.searchParams.get('client-request-id') ?? newGuid(context.random)
  const { status, body, headers } = identityAnswer(failure, context.clock.now(), correlation)
  await x.json(status, body, headers)
}
