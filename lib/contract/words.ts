import * as z from 'zod/mini'

/** What the OpenAPI document says of an object: its fields' meanings, and its name where it has one. */
interface Words {
  readonly id?: string
  readonly fields: Readonly<Record<string, string>>
}

export const words = z.registry<Words>()

/** Every field has words, and no word is about a field that is not there. */
type FieldWords<T extends z.ZodMiniObject> = { readonly [Field in keyof T['shape']]: string }

declare const documented: unique symbol
/** Of a schema that has a name in the OpenAPI document: only such can be a route's body or answer. */
export interface Documented {
  readonly [documented]: true
}

// The annotation lets the bundler drop a schema that a function does not use.
// @__NO_SIDE_EFFECTS__
export function named<T extends z.ZodMiniObject>(
  id: string,
  schema: T,
  fields: FieldWords<T>,
): T & Documented {
  words.add(schema, { id, fields })
  return schema as T & Documented
}

/** An object inside another, written out where it stands. */
// @__NO_SIDE_EFFECTS__
export function part<T extends z.ZodMiniObject>(schema: T, fields: FieldWords<T>): T {
  words.add(schema, { fields })
  return schema
}
