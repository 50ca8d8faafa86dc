import { CfnGatewayResponse } from 'aws-cdk-lib/aws-apigateway'
import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import { problemTypes } from '../../lib/contract/problems.ts'
import type { ErrorCode } from '../../lib/errors.ts'

interface GatewayProblem {
  readonly code: ErrorCode
  readonly detail: string
  /** Where it is not the code’s own. */
  readonly status?: number
  readonly retryAfterSeconds?: number
}

const unknownRoute = 'There is no such route, or not with this method. The routes are at /v1/openapi.json.'
const noToken = 'Send a valid token: Authorization: Bearer <JWT>.'
const ourFault =
  'Something went wrong on our side. Try again; if it stays, name the requestId to the operator.'

/**
 * What API Gateway answers by itself, in our words: every type that
 * can reach a caller, each as one of our codes.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
const gatewayProblems: Readonly<Record<string, GatewayProblem>> = {
  UNAUTHORIZED: { code: 'unauthorized', detail: noToken },
  ACCESS_DENIED: { code: 'unauthorized', detail: noToken },
  EXPIRED_TOKEN: { code: 'unauthorized', detail: noToken },
  INVALID_API_KEY: { code: 'unauthorized', detail: noToken },
  // A signature in the Authorization header, on a path that does not
  // exist: API Gateway then looks for IAM credentials.
  INVALID_SIGNATURE: { code: 'unauthorized', detail: noToken },
  MISSING_AUTHENTICATION_TOKEN: { code: 'invalid_request', status: 404, detail: unknownRoute },
  RESOURCE_NOT_FOUND: { code: 'invalid_request', status: 404, detail: unknownRoute },
  BAD_REQUEST_BODY: { code: 'invalid_request', detail: 'The request body does not fit.' },
  BAD_REQUEST_PARAMETERS: { code: 'invalid_request', detail: 'A request parameter does not fit.' },
  UNSUPPORTED_MEDIA_TYPE: { code: 'unsupported_media_type', detail: 'This content type is not taken here.' },
  WAF_FILTERED: { code: 'invalid_request', detail: 'The firewall refused this request.' },
  REQUEST_TOO_LARGE: {
    code: 'payload_too_large',
    detail: 'The body is too large for the gateway. Upload through POST /v1/documents/{documentId}/intake.',
  },
  THROTTLED: {
    code: 'provider_throttled',
    detail: 'Too many requests to this deployment. Wait, then try again.',
    retryAfterSeconds: 1,
  },
  QUOTA_EXCEEDED: {
    code: 'provider_throttled',
    detail: 'Too many requests to this deployment. Wait, then try again.',
    retryAfterSeconds: 60,
  },
  INTEGRATION_TIMEOUT: {
    code: 'provider_unavailable',
    detail: 'The provider did not answer in time. Try again.',
    retryAfterSeconds: 5,
  },
  // Lambda had no room for the request, or could not start the function.
  INTEGRATION_FAILURE: { code: 'internal_error', detail: ourFault },
  // What is wrong with a token is UNAUTHORIZED; this is an issuer whose keys cannot be read.
  AUTHORIZER_FAILURE: {
    code: 'provider_unavailable',
    detail: 'Tokens cannot be checked at the moment. Try again.',
    retryAfterSeconds: 5,
  },
  AUTHORIZER_CONFIGURATION_ERROR: { code: 'internal_error', detail: ourFault },
  API_CONFIGURATION_ERROR: { code: 'internal_error', detail: ourFault },
  DEFAULT_4XX: { code: 'invalid_request', detail: 'The gateway refused this request.' },
  DEFAULT_5XX: { code: 'internal_error', detail: ourFault },
}

const quoted = (value: string): string => `'${value}'`

/** Makes every error of the gateway itself a problem of the HTTP contract. `cors`: browsers may read them. */
export function addGatewayResponses(api: RestApi, cors: boolean): void {
  for (const [type, problem] of Object.entries(gatewayProblems)) {
    const { title, status: usual } = problemTypes[problem.code]
    const status = problem.status ?? usual
    const headers: Record<string, string> = {
      'Content-Type': quoted('application/problem+json'),
      'Cache-Control': quoted('no-store'),
      'Strict-Transport-Security': quoted('max-age=63072000; includeSubDomains'),
      'X-Content-Type-Options': quoted('nosniff'),
      'x-request-id': 'context.requestId',
      ...(status === 401 ? { 'WWW-Authenticate': quoted('Bearer') } : {}),
      ...(problem.retryAfterSeconds === undefined
        ? {}
        : { 'Retry-After': quoted(String(problem.retryAfterSeconds)) }),
      // No cookie or credential is ever read from a browser, so these answers are the same for every origin.
      ...(cors
        ? {
            'Access-Control-Allow-Origin': quoted('*'),
            'Access-Control-Expose-Headers': quoted('retry-after,x-request-id'),
          }
        : {}),
    }
    const body = {
      type: `urn:driveway:problem:${problem.code}`,
      title,
      status,
      detail: problem.detail,
      code: problem.code,
      requestId: '$context.requestId',
      ...(problem.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: problem.retryAfterSeconds }),
    }
    const id = type.toLowerCase().replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())
    new CfnGatewayResponse(api, `Problem${id}`, {
      restApiId: api.restApiId,
      responseType: type,
      statusCode: String(status),
      responseParameters: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [`gatewayresponse.header.${name}`, value]),
      ),
      // Chosen by the caller's Accept header; `application/json` is what API Gateway falls back to.
      responseTemplates: {
        'application/json': JSON.stringify(body),
        'application/problem+json': JSON.stringify(body),
      },
    })
  }
}
