import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { ValidateFunction } from 'ajv'
import type { OpenApiDocument } from '../../lib/contract/openapi/document.ts'
import type { JsonSchema, Operation, Parameter, ResponseObject } from '../../lib/contract/openapi/types.ts'

/** One request and its answer, as they went over the wire. Header names in lower case; bodies as text. */
export interface Exchange {
  readonly method: string
  /** Path and query: `/v1/documents?limit=5`. */
  readonly path: string
  readonly requestHeaders: Readonly<Record<string, string | undefined>>
  /** The text of a JSON request; leave out for bytes. */
  readonly requestBody?: string
  readonly status: number
  readonly responseHeaders: Readonly<Record<string, string | undefined>>
  /** The text of a JSON answer; leave out for bytes. */
  readonly responseBody?: string
}

/**
 * Everything in which `exchange` and the OpenAPI document disagree, as sentences;
 * empty when they agree. The request is held to the document only when the answer
 * is not `invalid_request`: refusing what does not fit is the contract too.
 */
export function checkExchange(document: OpenApiDocument, exchange: Exchange): string[] {
  const [path = '', query = ''] = exchange.path.split('?')
  const found = findOperation(document, exchange.method, path)
  if (found === undefined) return [`${exchange.method} ${path} is not in the document.`]
  const checker = checkerOf(document)
  const problems = checkResponse(checker, found.operation, exchange)
  if (exchange.status !== 400) problems.push(...checkRequest(checker, found, query, exchange))
  return problems.map((problem) => `${found.operation.operationId} ${exchange.status}: ${problem}`)
}

interface Found {
  readonly operation: Operation
  readonly pathValues: ReadonlyMap<string, string>
}

interface Checker {
  /** Sentences about `value` against `schema`, unknown fields included. */
  check(schema: JsonSchema, value: unknown): string[]
}

const checkers = new WeakMap<OpenApiDocument, Checker>()

function checkerOf(document: OpenApiDocument): Checker {
  const known = checkers.get(document)
  if (known !== undefined) return known
  const ajv = new Ajv2020({ allErrors: true, strict: false })
  addFormats.default(ajv)
  // Readers of the document ignore unknown fields; a test must not, or the two would drift apart.
  ajv.addSchema({ $id: 'document', components: { schemas: closed(document.components.schemas) } })
  const compiled = new Map<string, ValidateFunction>()
  const checker: Checker = {
    check(schema, value) {
      const key = JSON.stringify(schema)
      const validate =
        compiled.get(key) ?? ajv.compile(JSON.parse(key.replaceAll('"#/components', '"document#/components')))
      compiled.set(key, validate)
      if (validate(value)) return []
      return (validate.errors ?? []).map(
        (error) => `${error.instancePath || 'the value'} ${error.message} ${JSON.stringify(error.params)}`,
      )
    },
  }
  checkers.set(document, checker)
  return checker
}

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const copy = Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, closed(entry)]))
  return 'properties' in copy && 'type' in copy && !('additionalProperties' in copy)
    ? { ...copy, additionalProperties: false }
    : copy
}

function findOperation(document: OpenApiDocument, method: string, path: string): Found | undefined {
  for (const [template, item] of Object.entries(document.paths)) {
    const names = [...template.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '')
    const match = new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '([^/]+)')}$`).exec(
      path,
    )
    const operation = Object.entries(item).find(([name]) => name.toUpperCase() === method)?.[1]
    if (match === null || operation === undefined) continue
    return {
      operation,
      pathValues: new Map(names.map((name, index) => [name, decodeURIComponent(match[index + 1] ?? '')])),
    }
  }
  return undefined
}

function checkRequest(checker: Checker, found: Found, query: string, exchange: Exchange): string[] {
  const parameters = found.operation.parameters ?? []
  const values = new URLSearchParams(query)
  const known = new Set(
    parameters.filter((parameter) => parameter.in === 'query').map((parameter) => parameter.name),
  )
  const unknown = [...values.keys()]
    .filter((name) => !known.has(name))
    .map((name) => `the query parameter ${name} is not in the document`)
  const valueOf = (parameter: Parameter) => {
    if (parameter.in === 'path') return found.pathValues.get(parameter.name)
    return parameter.in === 'query'
      ? (values.get(parameter.name) ?? undefined)
      : exchange.requestHeaders[parameter.name]
  }
  const wrong = parameters.flatMap((parameter) => {
    const value = valueOf(parameter)
    if (value === undefined)
      return parameter.required ? [`the ${parameter.in} parameter ${parameter.name} is missing`] : []
    const read = parameter.schema.type === 'integer' ? Number(value) : value
    return checker.check(parameter.schema, read).map((problem) => `${parameter.name}: ${problem}`)
  })
  const media = found.operation.requestBody?.content['application/json']
  const body =
    media?.schema === undefined || exchange.requestBody === undefined || exchange.requestBody === ''
      ? []
      : checker
          .check(media.schema, JSON.parse(exchange.requestBody))
          .map((problem) => `the request body: ${problem}`)
  const bodiless = found.operation.requestBody === undefined && (exchange.requestBody ?? '') !== ''
  return [...unknown, ...wrong, ...body, ...(bodiless ? ['a request body is not in the document'] : [])]
}

function checkResponse(checker: Checker, operation: Operation, exchange: Exchange): string[] {
  const response = operation.responses[exchange.status]
  if (response === undefined) return ['the status is not in the document']
  const problems = exchange.responseHeaders['x-request-id'] === undefined ? ['x-request-id is missing'] : []
  const type = exchange.responseHeaders['content-type']?.split(';')[0]?.trim()
  if (response.content === undefined) {
    return (exchange.responseBody ?? '') === '' ? problems : [...problems, 'the document knows no body']
  }
  const media = type === undefined ? undefined : (response.content[type] ?? response.content['*/*'])
  if (media === undefined) return [...problems, `the content type ${type} is not in the document`]
  if (media.schema === undefined || exchange.responseBody === undefined) return problems
  if (type?.endsWith('json') !== true) return problems
  const value: unknown = JSON.parse(exchange.responseBody)
  return [...problems, ...checker.check(media.schema, value), ...checkProblem(response, exchange, value)]
}

function checkProblem(response: ResponseObject, exchange: Exchange, value: unknown): string[] {
  const codes = response['x-error-codes']
  if (codes === undefined || typeof value !== 'object' || value === null) return []
  const field = (name: string): unknown => Object.entries(value).find(([key]) => key === name)?.[1]
  return [
    ...(codes.some((code) => code === field('code'))
      ? []
      : [`the code ${String(field('code'))} is not in the document`]),
    ...(field('status') === exchange.status ? [] : ['the problem’s status is not the answer’s']),
    ...(field('requestId') === exchange.responseHeaders['x-request-id']
      ? []
      : ['the problem’s requestId is not the header’s']),
  ]
}
