import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { parseRequest } from '../../../lib/http/validate.ts'

const schema = z.strictObject({
  size: z.int(),
  name: z.optional(z.string()),
  place: z.optional(z.strictObject({ ids: z.array(z.string()) })),
})

function refusalOf(value: unknown): string {
  try {
    parseRequest(schema, 'body', value)
  } catch (error) {
    return (error as { detail: string }).detail
  }
  return 'accepted'
}

describe('a refusal', () => {
  it.each([
    [{ size: 1.5 }, 'body.size: must be a whole number'],
    [{ size: '1' }, 'body.size: must be a number'],
    [{ size: null }, 'body.size: must be a number'],
    [{}, 'body.size: must be a number, and it is missing'],
    [{ size: 1, name: 7 }, 'body.name: must be a text'],
    [{ size: 1, place: [] }, 'body.place: must be an object'],
    [{ size: 1, place: { ids: 'one' } }, 'body.place.ids: must be a list'],
    [{ size: 1, place: {} }, 'body.place.ids: must be a list, and it is missing'],
    [{ size: 1, place: { ids: ['a', 2] } }, 'body.place.ids.1: must be a text'],
    [undefined, 'body: must be an object, and it is missing'],
    [{ size: 1, colour: 'red', __proto__: null }, 'body.colour: unknown field'],
    [JSON.parse('{"size":1,"__proto__":1}'), 'body.__proto__: unknown field'],
    [{ size: 1, constructor: 1, toString: 2 }, 'body.constructor, body.toString: unknown field'],
    [{ size: 1, name: 'a' }, 'accepted'],
  ])('of %j says what is wrong', (value, detail) => {
    expect(refusalOf(value)).toBe(detail)
  })

  it('is short, however many names a caller makes up, and however long they are', () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`${'x'.repeat(500)}${at}`, 1]))
    const detail = refusalOf({ size: 1, ...many })
    expect(detail.length).toBeLessThan(1000)
    expect(detail).toMatch(/and more: unknown field$/)
    const places = { size: 1, place: { ids: Array.from({ length: 5000 }, () => 1) } }
    expect(refusalOf(places).length).toBeLessThan(1000)
  })
})
