import type { IncomingMessage } from 'node:http'
import type { APIGatewayProxyEvent } from 'aws-lambda'
import type { DeployedRoute } from '../../lib/contract/routes.ts'

export interface MatchedRoute {
  readonly route: DeployedRoute
  readonly pathParameters: Record<string, string>
}

/** Finds the route of a method and path; where only the method does not fit, the methods that do. */
export function matchRoute(
  routes: readonly DeployedRoute[],
  method: string,
  path: string,
): MatchedRoute | { readonly allowed: readonly string[] } | undefined {
  const allowed = new Set<string>()
  for (const route of routes) {
    const pathParameters = matchPath(route.path, path)
    if (pathParameters === undefined) continue
    if ((route.methods as readonly string[]).includes(method)) return { route, pathParameters }
    for (const other of route.methods) allowed.add(other)
  }
  return allowed.size === 0 ? undefined : { allowed: [...allowed, 'OPTIONS'] }
}

function matchPath(template: string, path: string): Record<string, string> | undefined {
  const wanted = template.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? ''
    const name = /^\{(\w+)\}$/.exec(part)?.[1]
    if (name === undefined) {
      if (part !== value) return undefined
    } else {
      if (value === '') return undefined
      try {
        parameters[name] = decodeURIComponent(value)
      } catch {
        return undefined
      }
    }
  }
  return parameters
}

/** The request as API Gateway's REST proxy integration hands it to a function, binary bodies as base64. */
export function proxyEvent(
  req: IncomingMessage,
  url: URL,
  match: MatchedRoute,
  body: Buffer,
  requestId: string,
  authorizer: Readonly<Record<string, unknown>> | undefined,
): APIGatewayProxyEvent {
  const multiValueQueryStringParameters = Object.fromEntries(
    [...new Set(url.searchParams.keys())].map((name) => [name, url.searchParams.getAll(name)]),
  )
  const queryStringParameters = Object.fromEntries(url.searchParams)
  // Of a header that was sent twice, API Gateway hands on the last value, and all of them.
  const multiValueHeaders = Object.fromEntries(
    Object.entries(req.headersDistinct).map(([name, values = []]) => [name, values]),
  )
  const headers = Object.fromEntries(
    Object.entries(multiValueHeaders).map(([name, values]) => [name, values.at(-1) ?? '']),
  )
  const httpMethod = req.method ?? 'GET'
  const { route, pathParameters } = match
  const empty = (record: object): boolean => Object.keys(record).length === 0
  return {
    resource: route.path,
    path: url.pathname,
    httpMethod,
    headers,
    multiValueHeaders,
    queryStringParameters: empty(queryStringParameters) ? null : queryStringParameters,
    multiValueQueryStringParameters: empty(multiValueQueryStringParameters)
      ? null
      : multiValueQueryStringParameters,
    pathParameters: empty(pathParameters) ? null : pathParameters,
    stageVariables: null,
    body: body.length === 0 ? null : body.toString('base64'),
    isBase64Encoded: body.length > 0,
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      authorizer,
      protocol: 'HTTP/1.1',
      httpMethod,
      identity: {
        sourceIp: req.socket.remoteAddress ?? '127.0.0.1',
        userAgent: headers['user-agent'] ?? null,
      } as APIGatewayProxyEvent['requestContext']['identity'],
      path: url.pathname,
      stage: 'local',
      requestId,
      requestTimeEpoch: Date.now(),
      resourceId: route.operation,
      resourcePath: route.path,
    },
  }
}
