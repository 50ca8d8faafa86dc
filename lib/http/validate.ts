import type { MiddlewareObj } from '@middy/core'
import type * as z from 'zod/mini'
import type { Route } from '../contract/route.ts'
import { ServiceError } from '../errors.ts'
import type { ChainContext, GatewayEvent, GatewayResult } from './request.ts'

type Place = 'path' | 'query' | 'body'

/** One sentence that names the field and what it must be. */
function explain(place: Place, issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    return `${issue.keys.map((key) => `${place}.${key}`).join(', ')}: unknown ${place === 'query' ? 'query parameter' : 'field'}`
  }
  const field = [place, ...issue.path.map(String)].join('.')
  if (issue.code === 'invalid_type')
    return `${field}: must be ${issue.expected}${issue.input === undefined ? ', and it is missing' : ''}`
  if (issue.code === 'invalid_value') return `${field}: must be one of ${issue.values.map(String).join(', ')}`
  return `${field}: ${issue.message}`
}

/** Parses `value` with `schema`; `invalid_request` names every field that does not fit. */
export function parseRequest<S extends z.ZodMiniType>(schema: S, place: Place, value: unknown): z.infer<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new ServiceError(
    'invalid_request',
    result.error.issues.map((issue) => explain(place, issue)).join('; '),
  )
}

function singleQuery(event: GatewayEvent): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, values] of Object.entries(event.multiValueQueryStringParameters ?? {})) {
    if (values === undefined) continue
    if (values.length > 1)
      throw new ServiceError(
        'invalid_request',
        `query.${name}: is given ${values.length} times; give it once`,
      )
    query[name] = values[0] ?? ''
  }
  return query
}

/** Checks path, query and JSON body against the route's schemas. */
export function schemaCheck(route: Route): MiddlewareObj<GatewayEvent, GatewayResult, Error, ChainContext> {
  return {
    before({ event, context }) {
      const { input } = context.driveway
      input['path'] = parseRequest(route.pathParameters, 'path', event.pathParameters ?? {})
      input['query'] = parseRequest(route.query, 'query', singleQuery(event))
      if (route.body.kind === 'json' || route.body.kind === 'form')
        input['body'] = parseRequest(route.body.schema, 'body', input['body'])
    },
  }
}
