import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { errorCodes } from '../lib/errors.ts'
import { maxInlineBytes } from '../lib/contract/limits.ts'
import type { OpenApiDocument } from '../lib/contract/openapi/document.ts'
import { openapiDocument } from '../lib/contract/openapi/document.ts'
import type { JsonSchema, Operation, Parameter } from '../lib/contract/openapi/types.ts'
import { problemCatalog } from '../lib/contract/problem-catalog.ts'
import { problemTypes } from '../lib/contract/problems.ts'
import { userHeader } from '../lib/contract/scopes.ts'
import { aboutOf, providerIds } from '../lib/providers/registry.ts'
import { ownErrors } from './own-errors.ts'

/** Where the generated module stands. */
export const generatedFile = new URL('src/generated.ts', import.meta.url)

/**
 * The client's types, operations and error advice, derived from the
 * OpenAPI document: the same input gives the same text.
 */
export function generateClient(): string {
  const document = openapiDocument({ serverUrl: '' })
  const digest = createHash('sha256').update(JSON.stringify(document)).digest('hex')
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) => `export interface ${name} ${typeOf(schema, 0, name.endsWith('Body'))}\n`,
  )
  return [
    `// Generated from the OpenAPI document (SHA-256 ${digest.slice(0, 16)}). Do not edit: npm run generate.\n/* oxlint-disable max-lines */\n`,
    ...schemas,
    `/** What each event says, by its type in a webhook. */\nexport interface EventData {\n${eventTypes(document)}}\n`,
    `/** What a webhook delivers, once its signature is verified. Act on \`type\`; there may come others. */\nexport type DrivewayEvent = { [Type in keyof EventData]: { readonly type: Type\n/** When it became true. */\nreadonly timestamp: string; readonly data: EventData[Type] } }[keyof EventData]\n`,
    `/** Drives that are connected by consent: there is always a page to send the user to. */\nexport type ConsentProvider = ${providerIds
      .filter((id) => aboutOf(id).grant.kind !== 'none')
      .map((id) => `'${id}'`)
      .join(' | ')}\n`,
    `export interface Operations {\n${operationTypes(document)}}\n`,
    `/** Method and path of every operation. */\nexport const operations = ${operationTable(document)} as const\n`,
    `/** The largest body of an inline PUT, bytes. */\nexport const maxInlineBytes = ${maxInlineBytes}\n`,
    `export const errorCodes = ${JSON.stringify(errorCodes)} as const\n`,
    `export type ErrorCode = (typeof errorCodes)[number]\n`,
    `/** Codes that the client adds: no answer came; the answer was none of the API’s; the content changed while it was downloaded; a transfer to the drive showed no progress for too long. */\nexport type ClientErrorCode = ${Object.keys(
      ownErrors,
    )
      .map((code) => `'${code}'`)
      .join(' | ')}\n`,
    `/** What each error code means and what to do next, in words for people. */\nexport const errorAdvice: Readonly<Record<ErrorCode | ClientErrorCode, { readonly title: string; readonly meaning: string; readonly action: string }>> = ${advice()}\n`,
  ].join('\n')
}

function eventTypes(document: OpenApiDocument): string {
  const rows = Object.entries(document.webhooks).map(([type, { post }]) => {
    const body = post.requestBody?.content['application/json']?.schema
    return `  readonly '${type}': ${typeOf(body?.properties?.['data'] ?? {}, 0, false)}\n`
  })
  return rows.join('')
}

function operationTypes(document: OpenApiDocument): string {
  return eachOperation(document)
    .map(({ operation }) => {
      const parts = (['path', 'query', 'header'] as const).map((place) => {
        // The client sends the user's header by itself.
        const parameters = (operation.parameters ?? []).filter(
          (parameter) => parameter.in === place && parameter.name !== userHeader,
        )
        return parameters.length === 0 ? '' : parametersType(place, parameters)
      })
      const lines = [...parts, bodyType(operation), `    answer: ${answerType(operation)}\n`]
      return `  ${operation.operationId}: {\n${lines.join('')}  }\n`
    })
    .join('')
}

function parametersType(place: string, parameters: readonly Parameter[]): string {
  const fields = parameters.map(
    (parameter) =>
      `${JSON.stringify(parameter.name)}${parameter.required ? '' : '?'}: ${typeOf(parameter.schema, 0, true)}${parameter.required ? '' : ' | undefined'}`,
  )
  const required = parameters.some((parameter) => parameter.required)
  return `    ${place}${required ? '' : '?'}: { ${fields.join('; ')} }${required ? '' : ' | undefined'}\n`
}

function bodyType(operation: Operation): string {
  const schema = operation.requestBody?.content['application/json']?.schema
  if (schema === undefined) return ''
  return operation.requestBody?.required === true
    ? `    body: ${typeOf(schema, 0, true)}\n`
    : `    body?: ${typeOf(schema, 0, true)} | undefined\n`
}

function answerType(operation: Operation): string {
  const answers = Object.entries(operation.responses)
    .filter(([status]) => Number(status) < 300)
    .map(([, response]) => response.content?.['application/json']?.schema)
    .map((schema) => (schema === undefined ? 'undefined' : typeOf(schema, 0, false)))
  return [...new Set(answers)].join(' | ')
}

function operationTable(document: OpenApiDocument): string {
  const rows = eachOperation(document).map(
    ({ method, path, operation }) =>
      `  ${operation.operationId}: { method: '${method.toUpperCase()}', path: '${path}' },\n`,
  )
  return `{\n${rows.join('')}}`
}

function eachOperation(document: OpenApiDocument) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ method, path, operation })),
  )
}

function advice(): string {
  const rows = errorCodes.map((code) => {
    const { meaning, action } = problemCatalog[code]
    return [code, { title: problemTypes[code].title, meaning, action }]
  })
  return JSON.stringify({ ...Object.fromEntries(rows), ...ownErrors })
}

/**
 * A schema as a TypeScript type. What clients send takes
 * `undefined` for an absent field; what they read does not.
 */
function typeOf(schema: JsonSchema, depth: number, sent: boolean): string {
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)
  if (schema.enum !== undefined) {
    // The set of codes has a name of its own.
    if (schema.enum.length === errorCodes.length) return 'ErrorCode'
    return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  }
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return choices.map((choice) => typeOf(choice, depth, sent)).join(' | ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.type === 'object') return objectType(schema, depth, sent)
  if (schema.type === 'array') return `readonly (${typeOf(schema.items ?? {}, depth, sent)})[]`
  if (schema.type === 'integer') return 'number'
  return schema.type ?? 'unknown'
}

function objectType(schema: JsonSchema, depth: number, sent: boolean): string {
  if (schema.properties === undefined) {
    const values =
      typeof schema.additionalProperties === 'object'
        ? typeOf(schema.additionalProperties, depth, sent)
        : 'unknown'
    return `Readonly<Record<string, ${values}>>`
  }
  const indent = '  '.repeat(depth + 1)
  const fields = Object.entries(schema.properties).map(([name, property]) => {
    const optional = schema.required?.includes(name) !== true
    const words = property.description === undefined ? '' : `${indent}/** ${property.description} */\n`
    const type = typeOf(property, depth + 1, sent) + (optional && sent ? ' | undefined' : '')
    return `${words}${indent}readonly ${name}${optional ? '?' : ''}: ${type}\n`
  })
  return `{\n${fields.join('')}${'  '.repeat(depth)}}`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await writeFile(generatedFile, generateClient())
