import type { MiddlewareObj } from '@middy/core'
import type { Route } from '../contract/route.ts'
import { ServiceError } from '../errors.ts'
import { userId, userKeyOf } from '../ids.ts'
import type { Caller, ChainContext, GatewayEvent, GatewayResult } from './request.ts'

/** Takes the user from what the authorizer verified; a user route without one is refused. */
export function verifiedCaller(
  route: Route,
): MiddlewareObj<GatewayEvent, GatewayResult, Error, ChainContext> {
  return {
    before(request) {
      if (route.access === 'public') return
      const principal: unknown = request.event.requestContext?.authorizer?.['principalId']
      if (typeof principal !== 'string' || principal === '') {
        throw new ServiceError('unauthorized', 'Send a valid token: Authorization: Bearer <JWT>.')
      }
      const id = userId(principal)
      request.context.driveway.input['caller'] = { userId: id, userKey: userKeyOf(id) } satisfies Caller
    },
  }
}
