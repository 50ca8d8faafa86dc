import middy from '@middy/core'
import { executionModeStreamifyResponse } from '@middy/core/StreamifyResponse'
import type { Route } from '../contract/route.ts'
import type { Clock } from '../clock.ts'
import { listed } from '../contract/env.ts'
import type { Settings } from '../providers/about.ts'
import { ServiceError } from '../errors.ts'
import { requestBody } from './body.ts'
import { verifiedCaller } from './caller.ts'
import { problemMapping } from './problem.ts'
import type { ChainContext, GatewayEvent, GatewayResult, HttpAnswer, HttpInput } from './request.ts'
import { lowerCaseHeaders } from './request.ts'
import { responseHeaders } from './response-headers.ts'
import { schemaCheck } from './validate.ts'

/** Left for answering before Lambda ends the function, and for writing down what was done, milliseconds. */
const reserveMs = 500
const closingMs = 2_500

export type RouteHandler<R extends Route> = (input: HttpInput<R>) => Promise<HttpAnswer>

const timeIsUp = (): ServiceError =>
  new ServiceError('provider_unavailable', 'The provider did not answer in time. Try again.', {
    retry: { retryable: true, ambiguous: true },
  })

/** What is asked ends while there is time to write down what has become of it. */
async function inTime<Answer>(
  clock: Clock,
  context: ChainContext,
  { signal }: { readonly signal: AbortSignal },
  run: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const [closing, ended] = [new AbortController(), new AbortController()]
  const close = (): void => closing.abort(timeIsUp())
  clock.sleep(context.getRemainingTimeInMillis() - closingMs, ended.signal).then(close, () => undefined)
  try {
    return await run(AbortSignal.any([signal, closing.signal]))
  } finally {
    ended.abort()
  }
}

/** What the chain takes of its process. */
interface Surroundings {
  readonly settings: Settings
  readonly clock: Clock
}

function gatewayResult(answer: HttpAnswer, method: string): GatewayResult {
  const headers = { ...answer.headers }
  if (answer.body !== undefined) headers['content-type'] ??= 'application/json'
  const text = answer.body === undefined ? (answer.text ?? '') : JSON.stringify(answer.body)
  return { statusCode: answer.status, headers, body: answer.stream ?? (method === 'HEAD' ? '' : text) }
}

function handlerChain<R extends Route>(
  route: R,
  { settings, clock }: Surroundings,
  run: RouteHandler<R>,
  options: Parameters<typeof middy>[1],
) {
  const invoke = async (
    event: GatewayEvent,
    context: ChainContext,
    early: { signal: AbortSignal },
  ): Promise<GatewayResult> => {
    const { input, headers } = context.driveway
    // The steps before have filled `input` with exactly what the route's types say.
    const { httpMethod: method } = event
    const answer = await inTime(clock, context, early, (signal) =>
      run({ ...input, headers, method, signal } as unknown as HttpInput<R>),
    )
    return gatewayResult(answer, method)
  }
  return middy<GatewayEvent, GatewayResult, Error, ChainContext>(invoke, {
    timeoutEarlyInMillis: reserveMs,
    timeoutEarlyResponse() {
      throw timeIsUp()
    },
    ...options,
  })
    .use(responseHeaders(() => listed(settings, 'CORS_ORIGINS')))
    .use(problemMapping(route))
    .before(({ event, context }) => {
      context.driveway = { headers: lowerCaseHeaders(event), input: {} }
    })
    .use(verifiedCaller(route, clock))
    .use(requestBody(route))
    .use(schemaCheck(route))
}

/**
 * The one chain in front of every handler: security headers and CORS, problem mapping, caller, body, schema.
 * `run` is given what the route's types say and throws ServiceErrors for everything else.
 */
export function httpHandler<R extends Route>(route: R, surroundings: Surroundings, run: RouteHandler<R>) {
  return handlerChain(route, surroundings, run, {})
}

/**
 * As `httpHandler`, for answers that are streamed.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
 */
export function streamingHandler<R extends Route>(
  route: R,
  surroundings: Surroundings,
  run: RouteHandler<R>,
) {
  return handlerChain(route, surroundings, run, { executionMode: executionModeStreamifyResponse })
}
