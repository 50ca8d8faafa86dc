import type { ErrorCode } from '../../errors.ts'
import { errorCodes } from '../../errors.ts'
import { header, parametersOf } from './parameters.ts'
import { componentSchemas, nameOf, referenceTo } from './schemas.ts'
import type { MediaType, OpenApiMethod, Operation, PathItem, ResponseObject } from './types.ts'
import { webhooks } from './webhooks.ts'
import { bodyExamples, description, scopeWords, tags } from './words.ts'
import { problemCatalog } from '../problem-catalog.ts'
import { problemTypes } from '../problems.ts'
import type { Answer, Route } from '../route.ts'
import { answersWithPages } from '../route.ts'
import { routeList } from '../routes.ts'
import { tokenScope, userHeader } from '../scopes.ts'
import { problem } from '../views.ts'

/** The version of the contract; the path prefix /v1 is its major. */
export const contractVersion = '1.0.0'

const exampleRequestId = '7f9c24e8-3b12-4fef-91e0-4c1d5c9a1a2b'

/**
 * The OpenAPI 3.1 document of the route table: the same input gives the same bytes. `serverUrl` is the API's
 * base URL without `/v1`. Only the function that serves it may load this module and zod's writer.
 * https://spec.openapis.org/oas/v3.1.1
 */
export function openapiDocument(options: { readonly serverUrl: string }) {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Driveway',
      version: contractVersion,
      summary: 'Storage for document apps in the user’s own cloud.',
      description,
      license: { name: 'Apache 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: options.serverUrl, description: 'This deployment.' }],
    tags,
    paths: paths(routeList),
    webhooks: webhooks(),
    components: {
      schemas: componentSchemas(),
      examples: Object.fromEntries(
        // No operation answers 405: it is what a path says that has none for the method.
        errorCodes
          .filter((code) => routeList.some((route) => route.errors.includes(code)))
          .map((code) => [code, { summary: problemTypes[code].title, value: problemExample(code) }]),
      ),
      headers: {
        RequestId: header('Names this request in logs; quote it when you report a problem.'),
        RetryAfter: {
          description: 'Seconds to wait before the next try.',
          schema: { type: 'integer', minimum: 0 },
        },
        UnsatisfiedRange: header('bytes */size: how many bytes there are.'),
      },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A token of the deployment’s OIDC issuer; its sub is the user.',
        },
        machine: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: `A server’s own token (OAuth client credentials) of the same issuer, for the user in ${userHeader}. Its scopes: ${scopeWords}`,
        },
      },
    },
  }
}

export type OpenApiDocument = ReturnType<typeof openapiDocument>

function paths(routes: readonly Route[]): Record<string, PathItem> {
  const items: Record<string, PathItem> = {}
  for (const route of routes) {
    const item = (items[route.path] ??= {})
    for (const method of route.methods) item[lowerCase(method)] = operation(route, method === 'HEAD')
  }
  return items
}

function operation(route: Route, head: boolean): Operation {
  const parameters = parametersOf(route)
  const body = bodyOf(route)
  return {
    operationId: head ? `${route.operation}Head` : route.operation,
    tags: [tagOf(route)],
    summary: head ? 'The headers of the same GET.' : firstSentence(route.summary),
    description: route.summary,
    security: securityOf(route),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: body }),
    responses: responsesOf(route, head),
  }
}

function securityOf(route: Route): Operation['security'] {
  if (route.access === 'public') return []
  const machine = { machine: [tokenScope(route.scope)] }
  return route.access === 'user' ? [{ bearer: [] }, machine] : [machine]
}

function bodyOf(route: Route): Operation['requestBody'] {
  if (route.body.kind === 'none') return undefined
  if (route.body.kind === 'json')
    return {
      required: route.body.optional !== true,
      content: { 'application/json': json(route.body.schema) },
    }
  return {
    required: true,
    description: 'The bytes as they are; Content-Type becomes the document’s media type.',
    content: { '*/*': {} },
  }
}

function json(schema: NonNullable<Answer['schema']>): MediaType {
  const value = bodyExamples[nameOf(schema)]
  return { schema: referenceTo(schema), ...(value !== undefined && { examples: { typical: { value } } }) }
}

function responsesOf(route: Route, head: boolean): Record<string, ResponseObject> {
  const responses: Record<string, ResponseObject> = {}
  for (const answer of route.answers) responses[answer.status] = answerResponse(answer, head)
  const byStatus = Map.groupBy(new Set(route.errors), (code) => problemTypes[code].status)
  for (const [status, codes] of [...byStatus].toSorted(([a], [b]) => a - b))
    responses[status] = problemResponse(status, codes, head ? {} : problemContent(route, codes))
  return responses
}

function answerResponse(answer: Answer, head: boolean): ResponseObject {
  const headers = Object.entries(answer.headers ?? {}).map(([name, means]) => [name, header(means)])
  return {
    description: answer.description,
    headers: { 'x-request-id': { $ref: '#/components/headers/RequestId' }, ...Object.fromEntries(headers) },
    ...(!head && answer.schema !== undefined && { content: { 'application/json': json(answer.schema) } }),
    ...(!head &&
      answer.schema === undefined &&
      answer.mediaType !== undefined && { content: { [answer.mediaType]: mediaOf(answer.mediaType) } }),
  }
}

function mediaOf(mediaType: string): MediaType {
  if (mediaType === 'application/json') return { schema: { type: 'object' } }
  return mediaType.startsWith('text/') ? { schema: { type: 'string' } } : {}
}

function problemContent(route: Route, codes: readonly ErrorCode[]): Pick<ResponseObject, 'content'> {
  if (answersWithPages(route)) return { content: { 'text/html': mediaOf('text/html') } }
  const examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]))
  return { content: { 'application/problem+json': { schema: referenceTo(problem), examples } } }
}

function problemResponse(
  status: number,
  codes: readonly ErrorCode[],
  content: Pick<ResponseObject, 'content'>,
): ResponseObject {
  return {
    description: codes.map((code) => `${code}: ${problemCatalog[code].meaning}`).join('\n'),
    headers: {
      'x-request-id': { $ref: '#/components/headers/RequestId' },
      ...((status === 429 || status === 503) && {
        'retry-after': { $ref: '#/components/headers/RetryAfter' },
      }),
      ...(codes.includes('range_not_satisfiable') && {
        'content-range': { $ref: '#/components/headers/UnsatisfiedRange' },
      }),
    },
    ...content,
    'x-error-codes': codes,
  }
}

const exampleConnectionId = 'c3a5f0de-6a1b-4f6e-9a38-0b9a7c1f2d10'
const exampleExtras: Partial<Record<ErrorCode, object>> = {
  connection_requires_reauth: {
    connectionId: exampleConnectionId,
    links: { reauthorize: `/v1/connections/${exampleConnectionId}/reauthorize` },
  },
  payload_too_large: { links: { intake: '/v1/documents/invoice-2026-11/intake' } },
  provider_throttled: { retryAfterSeconds: 20 },
  rate_limited: { retryAfterSeconds: 600 },
  provider_unavailable: { retryAfterSeconds: 30 },
}

/** A whole problem body as an example of `code`. */
export function problemExample(code: ErrorCode): object {
  const { status, title } = problemTypes[code]
  return {
    type: `urn:driveway:problem:${code}`,
    title,
    status,
    detail: problemCatalog[code].example,
    code,
    requestId: exampleRequestId,
    ...exampleExtras[code],
  }
}

function tagOf(route: Route): (typeof tags)[number]['name'] {
  if (route.path.includes('/intake')) return 'Intake'
  if (/^\/v1\/(?:documents|content)/.test(route.path)) return 'Documents'
  if (route.path.startsWith('/v1/users')) return 'Users'
  if (route.path.startsWith('/v1/webhooks')) return 'Webhooks'
  return route.path === '/v1/openapi.json' ? 'Service' : 'Connections'
}

function firstSentence(text: string): string {
  const end = text.search(/[.?](\s|$)/)
  return end < 0 ? text : text.slice(0, end + 1)
}

function lowerCase(method: Route['methods'][number]): OpenApiMethod {
  return method.toLowerCase() as Lowercase<typeof method>
}
