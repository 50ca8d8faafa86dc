import * as z from 'zod/mini'

/** What the OpenAPI document says of an object: its fields' meanings, and its name where it has one. */
interface Words {
  readonly id?: string
  readonly fields: Readonly<Record<string, string>>
}

export const words = z.registry<Words>()

/** Every field of an object, with the schema of its value and what it means. */
type Fields = Readonly<Record<string, [schema: z.ZodMiniType, means: string]>>
type ShapeOf<F extends Fields> = { [Name in keyof F]: F[Name][0] }

declare const documented: unique symbol
/** Of a schema that has a name in the OpenAPI document: only such can be a route's body or answer. */
export interface Documented {
  readonly [documented]: true
}

// The annotations let the bundler drop a schema that a function does not use.

/** What clients send: an unknown field is refused by name. */
// @__NO_SIDE_EFFECTS__
export function request<F extends Fields>(id: string, fields: F) {
  return withWords(z.strictObject(shapeOf(fields)), fields, id)
}

/** What clients are shown. */
// @__NO_SIDE_EFFECTS__
export function answer<F extends Fields>(id: string, fields: F) {
  return withWords(z.object(shapeOf(fields)), fields, id)
}

/** An object inside another, written out where it stands. */
// @__NO_SIDE_EFFECTS__
export function part<F extends Fields>(fields: F) {
  return withWords(z.object(shapeOf(fields)), fields)
}

function shapeOf<F extends Fields>(fields: F): ShapeOf<F> {
  return Object.fromEntries(Object.entries(fields).map(([name, [schema]]) => [name, schema])) as ShapeOf<F>
}

function withWords<Schema extends z.ZodMiniObject>(schema: Schema, fields: Fields, id?: string) {
  const meanings = Object.fromEntries(Object.entries(fields).map(([name, [, means]]) => [name, means]))
  words.add(schema, { ...(id === undefined ? {} : { id }), fields: meanings })
  return schema as Schema & Documented
}
