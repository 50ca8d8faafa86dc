import type { Exchange } from '../../kernel/exchange.ts'
import type { RouteDefinition } from '../../kernel/routes.ts'
import { decideAuthorize, showAuthorize } from './authorize.ts'
import { isTenant } from './authorize-request.ts'
import { answerIdentityFailure, instanceDiscovery, logout, openidConfiguration } from './discovery.ts'
import { identityError, IdentityFailure } from './errors.ts'
import type { SigningKey } from './keys.ts'
import type { Context } from '../drive/records.ts'
import { redeem } from './token-endpoint.ts'

/** Whether a path belongs to login.microsoftonline.com rather than to Graph. */
export function isIdentityPath(pathname: string): boolean {
  return (
    /^\/[^/]+\/(?:oauth2|discovery|v2\.0)\//u.test(pathname) &&
    !/^\/(?:v1\.0|_api|_layouts)\//u.test(pathname)
  )
}

/** Everything that lives on login.microsoftonline.com. */
export function identityRoutes(context: Context, key: SigningKey): RouteDefinition[] {
  const route = (method: string, path: string, handler: (x: Exchange) => Promise<void>): RouteDefinition => ({
    method,
    path,
    async handler(x) {
      try {
        await handler(x)
      } catch (error) {
        if (!(error instanceof IdentityFailure)) throw error
        await answerIdentityFailure(context, x, error)
      }
    },
  })
  return [
    route('GET', '/common/discovery/instance', (x) => instanceDiscovery(context, x)),
    route('GET', '/:tenant/oauth2/v2.0/authorize', (x) => showAuthorize(context, x)),
    route('POST', '/:tenant/oauth2/v2.0/authorize', (x) => decideAuthorize(context, x)),
    route('POST', '/:tenant/oauth2/v2.0/token', (x) => {
      assertTenant(x)
      return redeem(context, key, x)
    }),
    route('GET', '/:tenant/v2.0/.well-known/openid-configuration', openidConfiguration),
    route('GET', '/:tenant/discovery/v2.0/keys', (x) => x.json(200, { keys: [key.jwk] })),
    route('GET', '/:tenant/oauth2/v2.0/logout', (x) => logout(context, x)),
  ]
}

function assertTenant(x: Exchange): void {
  const tenant = x.params['tenant'] ?? ''
  if (!isTenant(tenant)) throw identityError(90002, `Tenant '${tenant}' not found.`)
}
