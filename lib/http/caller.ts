import type { MiddlewareObj } from '@middy/core'
import type { Route } from '../contract/route.ts'
import type { Clock } from '../clock.ts'
import { ServiceError } from '../errors.ts'
import type { Owner } from '../ids.ts'
import { parseUserId, userKeyOf } from '../ids.ts'
import type { ChainContext, GatewayEvent, GatewayResult } from './request.ts'

interface AuthorizerContext {
  readonly principalId?: unknown
  readonly exp?: unknown
}

/** What the authorizer answered, as the gateway hands it on. */
function authorizerContext(event: GatewayEvent): AuthorizerContext {
  return event.requestContext?.authorizer ?? {}
}

/** Takes the user from what the authorizer verified; a user route without one is refused. */
export function verifiedCaller(
  route: Route,
  clock: Clock,
): MiddlewareObj<GatewayEvent, GatewayResult, Error, ChainContext> {
  return {
    before(request) {
      if (route.access === 'public') return
      const { principalId: principal, exp } = authorizerContext(request.event)
      // The gateway answers from its cache for some time after a token has ended.
      const ended = exp !== undefined && Number(exp) * 1000 <= clock.now()
      const id = typeof principal === 'string' ? parseUserId(principal) : undefined
      if (id === undefined || ended) {
        throw new ServiceError('unauthorized', 'Send a valid token: Authorization: Bearer <JWT>.')
      }
      request.context.driveway.input['caller'] = { userId: id, userKey: userKeyOf(id) } satisfies Owner
    },
  }
}
