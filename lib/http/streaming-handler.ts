import { executionModeStreamifyResponse } from '@middy/core/StreamifyResponse'
import type { Route } from '../contract/route.ts'
import type { RouteHandler } from './handler.ts'
import { handlerChain } from './handler.ts'

/** As httpHandler, answering through Lambda response streaming. https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html */
export function streamingHandler<R extends Route>(route: R, run: RouteHandler<R>) {
  return handlerChain(route, run, { executionMode: executionModeStreamifyResponse })
}
