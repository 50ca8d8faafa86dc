import type * as zod from 'zod/mini'
import * as z from 'zod/v4/core'
import type { Documented } from '../words.ts'
import { words } from '../words.ts'
import type { JsonSchema } from './types.ts'

/**
 * What zod writes and we do not need: dialect and id lines, the pattern beside `format: date-time`,
 * JavaScript's integer limit.
 */
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

/**
 * Gives the properties of a written object their words. They are copied: objects that share a field's schema
 * share what was written of it.
 */
const describe: NonNullable<z.ToJSONSchemaParams['override']> = ({ zodSchema, jsonSchema }) => {
  const { properties } = jsonSchema
  for (const [field, description] of Object.entries(words.get(zodSchema)?.fields ?? {})) {
    const property = properties?.[field]
    if (properties !== undefined && typeof property === 'object')
      properties[field] = { ...property, description }
  }
}

/** `components.schemas`: every named schema that is loaded, as clients send and read it. */
export function componentSchemas(): Record<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(words, {
    uri: reference,
    io: 'input',
    override: describe,
  })
  return plain(schemas) as Record<string, JsonSchema>
}

export function referenceTo(schema: Documented & zod.ZodMiniType): JsonSchema {
  return { $ref: reference(nameOf(schema)) }
}

export function nameOf(schema: Documented & zod.ZodMiniType): string {
  return words.get(schema)?.id ?? ''
}

/** The properties of a parameter object. Parameters are text: what counts is what the text is read as. */
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
