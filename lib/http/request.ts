import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda'
import type { Readable } from 'node:stream'
import type { BodyOf, PathOf, QueryOf, Route } from '../contract/route.ts'
import type { Owner } from '../ids.ts'

/** What a handler is given: verified, parsed, typed by its route. */
export interface HttpInput<R extends Route> {
  /** Whose token came with the request. */
  readonly caller: R['access'] extends 'user' ? Owner : undefined
  readonly path: PathOf<R>
  readonly query: QueryOf<R>
  readonly body: BodyOf<R>
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly method: string
  /** Aborts shortly before the function's time is up. */
  readonly signal: AbortSignal
}

/** An answer. `body` is sent as JSON, `text` as it is, `stream` with back-pressure (streaming routes). */
export interface HttpAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly text?: string
  readonly stream?: Readable
}

/** The answer on its way through the chain. */
export type GatewayResult = Omit<APIGatewayProxyResult, 'body'> & {
  headers: Record<string, string>
  body: string | Readable
}

/** What the chain's steps leave for each other on the Lambda context. */
export interface ChainContext extends Context {
  driveway: { headers: Record<string, string | undefined>; input: Record<string, unknown> }
}

export type GatewayEvent = APIGatewayProxyEvent

/** Header names in lower case; the last one wins where a client sent several. */
export function lowerCaseHeaders(event: GatewayEvent): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(event.headers ?? {})) headers[name.toLowerCase()] = value
  return headers
}

/** The id in every answer's `x-request-id`: the gateway's own. */
export function requestIdOf(event: GatewayEvent, context: Context): string {
  return event.requestContext?.requestId ?? context.awsRequestId
}
