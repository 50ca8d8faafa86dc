import type { APIGatewayProxyEvent } from 'aws-lambda'

/** A call of the API by a user. */
export interface ApiCall {
  readonly sub?: string
  /** When the caller's token ends, epoch seconds. */
  readonly exp?: number
  readonly method?: string
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly bytes?: Uint8Array
}

/** The call as the gateway hands it over: the least of an event that a handler reads. */
export function apiEvent(call: ApiCall): APIGatewayProxyEvent {
  const { sub = 'alice', exp, method = 'GET', path = {}, query = {}, headers = {}, json, bytes } = call
  const body = bytes ?? (json === undefined ? undefined : Buffer.from(JSON.stringify(json)))
  const type = json === undefined ? {} : { 'content-type': 'application/json' }
  return {
    httpMethod: method,
    headers: { ...type, ...headers },
    pathParameters: path,
    queryStringParameters: query,
    multiValueQueryStringParameters: Object.fromEntries(
      Object.entries(query).map(([name, value]) => [name, [value]]),
    ),
    body: body === undefined ? null : Buffer.from(body).toString('base64'),
    isBase64Encoded: true,
    requestContext: { authorizer: { principalId: sub, exp }, requestId: 'r-1' },
  } as unknown as APIGatewayProxyEvent
}
