import type { MiddlewareObj } from '@middy/core'
import type { Clock } from '../clock.ts'
import type { Route } from '../contract/route.ts'
import type { Scope } from '../contract/scopes.ts'
import { tokenScope, userHeader } from '../contract/scopes.ts'
import { ServiceError } from '../errors.ts'
import type { Owner, UserId } from '../ids.ts'
import { parseUserId, userId, userKeyOf } from '../ids.ts'
import { logger } from '../telemetry/logger.ts'
import type { ChainContext, GatewayEvent, GatewayResult } from './request.ts'
import { requestIdOf } from './request.ts'

interface AuthorizerContext {
  readonly principalId?: unknown
  readonly exp?: unknown
  /** Of a machine's token alone. */
  readonly client?: unknown
  readonly scopes?: unknown
}

/** What the authorizer answered, as the gateway hands it on. */
function authorizerContext(event: GatewayEvent): AuthorizerContext {
  return event.requestContext?.authorizer ?? {}
}

const ownerOf = (id: UserId): Owner => ({ userId: id, userKey: userKeyOf(id) })

/** Every value of the header that names a user. A client that sent it twice means nobody for certain. */
function namedUsers(event: GatewayEvent): readonly string[] {
  return Object.entries(event.multiValueHeaders ?? {}).flatMap(([name, values]) =>
    name.toLowerCase() === userHeader ? (values ?? []) : [],
  )
}

/** The user whom a machine has named, percent-encoded, as header values are ASCII in practice. */
function namedUser(event: GatewayEvent): UserId {
  const [text, ...more] = namedUsers(event)
  const id =
    more.length === 0 && /^[\x20-\x7e]+$/.test(text ?? '') ? parseUserId(decoded(text ?? '')) : undefined
  if (id !== undefined) return id
  throw new ServiceError(
    'invalid_request',
    `header ${userHeader}: must name the user whom the call is for, once, percent-encoded: 1 to 255 printable characters`,
  )
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

const forMachines = (scope: Scope) =>
  new ServiceError('forbidden', `This needs a token with the scope ${tokenScope(scope)}.`)

function requireScope(scope: Scope, scopes: unknown): void {
  const has = typeof scopes === 'string' && scopes.split(' ').includes(tokenScope(scope))
  if (!has) throw forMachines(scope)
}

/**
 * Takes the user from what the authorizer verified, or from the header of a machine that has the route's
 * scope; a user route without one is refused.
 */
export function verifiedCaller(
  route: Route,
  clock: Clock,
): MiddlewareObj<GatewayEvent, GatewayResult, Error, ChainContext> {
  return {
    before({ event, context }) {
      if (route.access === 'public') return
      const { principalId: principal, exp, client, scopes } = authorizerContext(event)
      // The gateway answers from its cache for some time after a token has ended.
      const ended = exp !== undefined && Number(exp) * 1000 <= clock.now()
      const id = typeof principal === 'string' ? parseUserId(principal) : undefined
      if (id === undefined || ended) {
        throw new ServiceError('unauthorized', 'Send a valid token: Authorization: Bearer <JWT>.')
      }
      const { input } = context.driveway
      if (typeof client !== 'string') {
        if (route.access === 'machine') throw forMachines(route.scope)
        if (namedUsers(event).length > 0)
          throw new ServiceError(
            'forbidden',
            `A user’s token acts for its user alone: leave ${userHeader} out.`,
          )
        input['caller'] = ownerOf(id)
        return
      }
      requireScope(route.scope, scopes)
      const owner = route.access === 'machine' ? undefined : ownerOf(namedUser(event))
      const about = owner ?? ownerOf(userId(event.pathParameters?.['userId'] ?? ''))
      logger.audit('a machine acts for a user', {
        client,
        userKey: about.userKey,
        operation: route.operation,
        requestId: requestIdOf(event, context),
      })
      input['caller'] = owner
    },
  }
}
