import type * as zod from 'zod/mini'
import * as z from 'zod/v4/core'
import type { JsonSchema } from './openapi-types.ts'
import { propertyWords } from './openapi-words.ts'
import * as schemas from './schemas.ts'

/** Every schema that gets a name in the document. */
const named: Readonly<Record<string, zod.ZodMiniType>> = {
  Connection: schemas.connection,
  Document: schemas.document,
  Health: schemas.health,
  Problem: schemas.problem,
  StartConnectionBody: schemas.startConnectionBody,
  CompleteConnectionBody: schemas.completeConnectionBody,
  ReauthorizeBody: schemas.reauthorizeBody,
  DownloadUrlBody: schemas.downloadUrlBody,
  UploadUrlBody: schemas.uploadUrlBody,
  IntakeBody: schemas.intakeBody,
  ConnectionAnswer: schemas.connectionAnswer,
  AuthorizationAnswer: schemas.authorizationAnswer,
  ConnectionsAnswer: schemas.connectionsAnswer,
  DocumentAnswer: schemas.documentAnswer,
  DocumentsAnswer: schemas.documentsAnswer,
  IntakeAnswer: schemas.intakeAnswer,
  UploadUrlAnswer: schemas.uploadUrlAnswer,
  DownloadUrlAnswer: schemas.downloadUrlAnswer,
}

const registry = z.registry<{ id: string }>()
for (const [id, schema] of Object.entries(named)) registry.add(schema, { id })

/** What zod writes and we do not need: dialect and id lines, the pattern beside `format: date-time`, JavaScript's own integer limit. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const source = new Map(Object.entries(value))
  const format: unknown = source.get('format')
  return Object.fromEntries(
    [...source]
      .filter(([key]) => key !== '$schema' && key !== '$id' && key !== 'propertyNames')
      .filter(([key]) => !(key === 'pattern' && (format === 'date-time' || format === 'uri')))
      .filter(([key, entry]) => !(key === 'maximum' && entry === Number.MAX_SAFE_INTEGER))
      .map(([key, entry]) => [key, plain(entry)]),
  )
}

function describe(name: string, schema: JsonSchema): JsonSchema {
  if (schema.properties === undefined) return schema
  const properties = Object.entries(schema.properties).map(([key, property]): [string, JsonSchema] => {
    const path = `${name}.${key}`
    const description = propertyWords[path]
    const inner = describe(path, property)
    return [key, description === undefined ? inner : { ...inner, description }]
  })
  return { ...schema, properties: Object.fromEntries(properties) }
}

/** `components.schemas`: the named schemas as clients send and read them, in the order above. */
export function componentSchemas(): Record<string, JsonSchema> {
  const { schemas: written } = z.toJSONSchema(registry, { uri: reference, io: 'input' })
  return Object.fromEntries(
    Object.keys(named).map((name) => [name, describe(name, plain(written[name]) as JsonSchema)]),
  )
}

/** A reference to a named schema. Throws for a schema without a name, so that none is left out of `named`. */
export function referenceTo(schema: zod.ZodMiniType): JsonSchema {
  const id = registry.get(schema)?.id
  if (id === undefined) throw new Error('A route uses a schema that has no name in the OpenAPI document.')
  return { $ref: reference(id) }
}

/** The name behind a schema of `named`. */
export function nameOf(schema: zod.ZodMiniType): string | undefined {
  return registry.get(schema)?.id
}

/** The properties of a parameter object. Parameters arrive as text, so what counts is what the text is read as. */
export function parameterSchemas(
  schema: zod.ZodMiniObject,
): { name: string; required: boolean; schema: JsonSchema }[] {
  const whole = plain(z.toJSONSchema(schema, { io: 'output' })) as JsonSchema
  const required = whole.required ?? []
  return Object.entries(whole.properties ?? {}).map(([name, property]) => ({
    name,
    required: required.includes(name),
    schema: property,
  }))
}

function reference(id: string): string {
  return `#/components/schemas/${id}`
}
