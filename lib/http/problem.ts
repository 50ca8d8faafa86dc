import type { MiddlewareObj } from '@middy/core'
import { answersWithPages } from '../contract/route.ts'
import { problemTypes } from '../contract/problems.ts'
import type { Route } from '../contract/route.ts'
import { ServiceError } from '../errors.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import { count } from '../telemetry/metrics.ts'
import type { ChainContext, GatewayEvent, GatewayResult } from './request.ts'
import { requestIdOf } from './request.ts'

/** Seconds to wait when an error is worth repeating but the provider named no time. */
const defaultRetryAfterSeconds = 5

/** Any thrown value as one of ours; a stranger becomes `internal_error` and keeps its text to itself. */
export function asServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  return new ServiceError(
    'internal_error',
    'Something went wrong on our side. Try again; if it stays, name the requestId to the operator.',
    {
      cause: error,
    },
  )
}

/** The RFC 9457 answer to an error. https://www.rfc-editor.org/rfc/rfc9457 */
export function problemResult(error: ServiceError, requestId: string): GatewayResult {
  const { status, title } = problemTypes[error.code]
  const waits = status === 429 || status === 503 || error.retry.retryable
  const retryAfterSeconds = waits
    ? Math.ceil(
        (error.retry.retryable ? error.retry.afterSeconds : error.context.retryAfterSeconds) ??
          defaultRetryAfterSeconds,
      )
    : undefined
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' }
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds)
  if (error.code === 'range_not_satisfiable' && error.context.size !== undefined) {
    headers['content-range'] = `bytes */${error.context.size}`
  }
  // https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
  const { limit } = error.context
  if (limit) {
    headers['ratelimit-policy'] = `"${limit.policy}";q=${String(limit.quota)}`
    headers['ratelimit'] = `"${limit.policy}";r=0;t=${String(retryAfterSeconds)}`
  }
  if (error.code === 'unauthorized') headers['www-authenticate'] = 'Bearer'
  const body = {
    type: `urn:driveway:problem:${error.code}`,
    title,
    status,
    detail: error.detail,
    code: error.code,
    requestId,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(error.context.limitBytes === undefined ? {} : { limitBytes: error.context.limitBytes }),
    ...(error.context.connectionId === undefined ? {} : { connectionId: error.context.connectionId }),
    ...(error.context.links === undefined ? {} : { links: error.context.links }),
  }
  return { statusCode: status, headers, body: JSON.stringify(body) }
}

/** For the person in front of a browser JSON is no answer. */
async function asPage(problem: GatewayResult, { detail }: ServiceError, requestId: string) {
  const { failurePage } = await import('../connections/pages.ts')
  const headers = { ...problem.headers, 'content-type': 'text/html; charset=utf-8' }
  return { ...problem, headers, body: failurePage(detail, requestId) }
}

/** Turns what was thrown into a problem answer and logs it: our faults as errors, the caller's as info. */
export function problemMapping(
  route: Route,
): MiddlewareObj<GatewayEvent, GatewayResult, Error, ChainContext> {
  return {
    async onError(request) {
      const error = asServiceError(request.error)
      const requestId = requestIdOf(request.event, request.context)
      const problem = problemResult(error, requestId)
      request.response = answersWithPages(route) ? await asPage(problem, error, requestId) : problem
      const { status } = problemTypes[error.code]
      const fields = {
        ...errorFields(error.code === 'internal_error' ? (error.cause ?? error) : error),
        operation: route.operation,
        requestId,
        status,
      }
      if (status === 500 || error.context.operatorFault === true) logger.error('request failed', fields)
      else if (status > 500) logger.warn('request failed', fields)
      else logger.info('request refused', fields)
      count('Errors', { operation: route.operation, code: error.code })
      if (error.context.operatorFault === true) count('OperatorFaults', { operation: route.operation })
    },
  }
}
