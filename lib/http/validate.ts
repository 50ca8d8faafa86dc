import type { MiddlewareObj } from '@middy/core'
import type * as z from 'zod/mini'
import type { Route } from '../contract/route.ts'
import { ServiceError } from '../errors.ts'
import type { ChainContext, GatewayEvent, GatewayResult } from './request.ts'

type Place = 'path' | 'query' | 'body'

/** A refusal is for reading, and goes into the log: names of a caller's own making do not make it long. */
const mostNamed = 10
const longestName = 64

const kinds: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
}

/** What stands at a path of the input. */
function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
        ? (inner as Record<PropertyKey, unknown>)[name]
        : undefined,
    value,
  )
}

/** One sentence that names the field and what it must be. */
function explain(place: Place, value: unknown, issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    const named = issue.keys.slice(0, mostNamed).map((key) => `${place}.${key.slice(0, longestName)}`)
    const more = issue.keys.length > mostNamed ? ' and more' : ''
    return `${named.join(', ')}${more}: unknown ${place === 'query' ? 'query parameter' : 'field'}`
  }
  const field = [place, ...issue.path.map(String)].join('.')
  if (issue.code === 'invalid_type') {
    const missing = valueAt(value, issue.path) === undefined
    return `${field}: must be ${kinds[issue.expected] ?? issue.expected}${missing ? ', and it is missing' : ''}`
  }
  if (issue.code === 'invalid_value') return `${field}: must be one of ${issue.values.map(String).join(', ')}`
  return `${field}: ${issue.message}`
}

/** Parses `value` with `schema`; `invalid_request` names every field that does not fit. */
export function parseRequest<S extends z.ZodMiniType>(schema: S, place: Place, value: unknown): z.infer<S> {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  throw new ServiceError(
    'invalid_request',
    result.error.issues
      .slice(0, mostNamed)
      .map((issue) => explain(place, value, issue))
      .join('; '),
  )
}

function singleQuery(event: GatewayEvent): Record<string, string> {
  const given = Object.entries(event.multiValueQueryStringParameters ?? {})
  // From entries, so that a parameter named `__proto__` is one like any other.
  return Object.fromEntries(
    given.flatMap(([name, values]) => {
      if (values === undefined) return []
      if (values.length > 1)
        throw new ServiceError(
          'invalid_request',
          `query.${name}: is given ${values.length} times; give it once`,
        )
      return [[name, values[0] ?? '']]
    }),
  )
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
