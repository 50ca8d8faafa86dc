import type { MiddlewareObj } from '@middy/core'
import { allowsOrigin } from '../contract/cors.ts'
import type { ChainContext, GatewayEvent, GatewayResult } from './request.ts'
import { lowerCaseHeaders, requestIdOf } from './request.ts'

/** What a browser may read of an answer. */
export const exposedHeaders =
  'content-disposition,content-range,etag,link,location,ratelimit,ratelimit-policy,retry-after,x-request-id'

const fixedHeaders: Readonly<Record<string, string>> = {
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

/** Security headers, CORS and `x-request-id` on every answer. What a handler set itself stays. */
export function responseHeaders(
  allowedOrigins: () => readonly string[],
): MiddlewareObj<GatewayEvent, GatewayResult, Error, ChainContext> {
  const dress = (request: {
    event: GatewayEvent
    context: ChainContext
    response: GatewayResult | null | undefined
  }): void => {
    if (!request.response) return
    const origin = lowerCaseHeaders(request.event)['origin']
    const cors: Record<string, string> = allowsOrigin(allowedOrigins(), origin)
      ? {
          'access-control-allow-origin': origin,
          'access-control-expose-headers': exposedHeaders,
          vary: 'origin',
        }
      : {}
    request.response.headers = {
      ...fixedHeaders,
      ...cors,
      ...request.response.headers,
      'x-request-id': requestIdOf(request.event, request.context),
    }
  }
  return { after: dress, onError: dress }
}
