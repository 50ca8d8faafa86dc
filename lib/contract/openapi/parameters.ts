import type { Route } from '../route.ts'
import { userHeader } from '../scopes.ts'
import { parameterSchemas } from './schemas.ts'
import type { Parameter, ResponseHeader } from './types.ts'
import { headerFormats, parameterWords, userHeaderWords } from './words.ts'

/** What a route takes in its path, its query and its headers. */
export function parametersOf(route: Route): Parameter[] {
  const described = (place: 'path' | 'query') =>
    parameterSchemas(place === 'path' ? route.pathParameters : route.query).map(
      ({ name, required, schema }) => {
        const words = parameterWords[name]
        if (words === undefined) throw new Error(`The parameter ${name} has no description.`)
        const { description, example: usual } = words
        // Two routes may choose from other words under one name.
        const isOther = schema.enum?.includes(String(usual)) === false
        const example = isOther ? (schema.enum[0] ?? usual) : usual
        return { name, in: place, required, description, schema, example }
      },
    )
  // Content-Type belongs to the body in OpenAPI: a parameter of that name is ignored.
  // https://spec.openapis.org/oas/v3.1.1#parameter-object
  const forMachines = route.access === 'user' ? { [userHeader]: userHeaderWords } : {}
  const headers = Object.entries({ ...route.headers, ...forMachines })
    .filter(([name]) => name !== 'content-type')
    .map(([name, means]): Parameter => ({ ...optional(name), ...header(means), ...headerFormats[name] }))
  return [...described('path'), ...described('query'), ...headers]
}

const optional = (name: string) => ({ name, in: 'header', required: false }) as const

/** A header, as it is described. */
export function header(description: string): ResponseHeader {
  return { description, schema: { type: 'string' } }
}
