/** DynamoDB's expressions over plain values, as far as the project writes them. */

export type Item = Record<string, unknown>
export interface Attributes {
  readonly names: Readonly<Record<string, string>>
  readonly values: Readonly<Record<string, unknown>>
}
export type Test = (item: Item | undefined, given: Attributes) => boolean
export type Change = (before: Item, given: Attributes) => Item
type Operand = (item: Item | undefined, given: Attributes) => unknown
type Steps = (given: Attributes) => readonly string[]

export class ExpressionError extends Error {
  override readonly name = 'ValidationException'
}

/** A value that should be text; '' for any other. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const tokensOf = (text: string): string[] =>
  text.match(/[#:]?[A-Za-z_][\w-]*|<>|<=|>=|[=<>(),.+-]|\d+/g) ?? []

/** Reads tokens one by one. */
class Reader {
  readonly #tokens: string[]
  #at = 0
  /** The names and values that the expression speaks of. */
  readonly used = new Set<string>()

  constructor(text: string) {
    this.#tokens = tokensOf(text)
  }

  peek(): string {
    return this.#tokens[this.#at] ?? ''
  }

  next(): string {
    const token = this.peek()
    this.#at += 1
    if (/^[#:]/.test(token)) this.used.add(token)
    return token
  }

  take(token: string): boolean {
    if (this.peek().toUpperCase() !== token) return false
    this.#at += 1
    return true
  }

  expect(token: string): void {
    if (!this.take(token)) throw new ExpressionError(`Expected ${token} before ${this.peek()}`)
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length
  }
}

function readSteps(reader: Reader): Steps {
  const words = [reader.next()]
  while (reader.take('.')) words.push(reader.next())
  return ({ names }) =>
    words.map((word) => {
      if (!word.startsWith('#')) return word
      const name = names[word]
      if (name === undefined) throw new ExpressionError(`The name ${word} is not given`)
      return name
    })
}

function valueAt(item: Item | undefined, steps: readonly string[]): unknown {
  let value: unknown = item
  for (const step of steps) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Item)[step]
  }
  return value
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  return typeof value === 'object' && value !== null ? Object.keys(value).length : undefined
}

function readOperand(reader: Reader): Operand {
  if (reader.peek().startsWith(':')) {
    const name = reader.next()
    return (_item, { values }) => {
      if (!(name in values)) throw new ExpressionError(`The value ${name} is not given`)
      return values[name]
    }
  }
  if (reader.peek() === 'size') {
    reader.next()
    reader.expect('(')
    const inner = readSteps(reader)
    reader.expect(')')
    return (item, given) => sizeOf(valueAt(item, inner(given)))
  }
  const steps = readSteps(reader)
  return (item, given) => valueAt(item, steps(given))
}

const isEqual = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** Values of two kinds have no order and are not equal; what is missing compares to nothing. */
function compare(left: unknown, operator: string, right: unknown): boolean {
  if (operator === '<>') return !isEqual(left, right)
  if (left === undefined || right === undefined) return false
  if (operator === '=') return isEqual(left, right)
  if (typeof left !== typeof right) return false
  const order =
    typeof left === 'string' && typeof right === 'string'
      ? Buffer.compare(Buffer.from(left), Buffer.from(right))
      : Number(left) - Number(right)
  if (operator === '<') return order < 0
  if (operator === '<=') return order <= 0
  if (operator === '>') return order > 0
  if (operator === '>=') return order >= 0
  throw new ExpressionError(`There is no ${operator}`)
}

function readTest(reader: Reader): Test {
  const tests = [readAll(reader)]
  while (reader.take('OR')) tests.push(readAll(reader))
  return (item, given) => tests.map((test) => test(item, given)).includes(true)
}

function readAll(reader: Reader): Test {
  const tests = [readOne(reader)]
  while (reader.take('AND')) tests.push(readOne(reader))
  return (item, given) => !tests.map((test) => test(item, given)).includes(false)
}

function readOne(reader: Reader): Test {
  if (reader.take('NOT')) {
    const inner = readOne(reader)
    return (item, given) => !inner(item, given)
  }
  if (reader.take('(')) {
    const inner = readTest(reader)
    reader.expect(')')
    return inner
  }
  const word = reader.peek()
  if (/^attribute_(not_)?exists$/.test(word)) {
    const [steps] = readCall(reader)
    const wanted = word === 'attribute_exists'
    return (item, given) => (steps(item, given) !== undefined) === wanted
  }
  if (word === 'begins_with') {
    const [text, prefix] = readCall(reader)
    return (item, given) => textOf(text(item, given)).startsWith(textOf(prefix?.(item, given)))
  }
  const left = readOperand(reader)
  const operator = reader.next()
  const right = readOperand(reader)
  return (item, given) => compare(left(item, given), operator, right(item, given))
}

function readCall(reader: Reader): [Operand, Operand?] {
  reader.next()
  reader.expect('(')
  const first = readOperand(reader)
  const second = reader.take(',') ? readOperand(reader) : undefined
  reader.expect(')')
  return second ? [first, second] : [first]
}

/** What an update writes: each part reads the item as it was. */
function readUpdate(reader: Reader): Change {
  const parts: { readonly steps: Steps; readonly value: Operand | undefined; readonly adds: boolean }[] = []
  while (!reader.done) {
    const clause = reader.next().toUpperCase()
    if (!['SET', 'ADD', 'REMOVE'].includes(clause)) throw new ExpressionError(`${clause} is not played here`)
    do {
      const steps = readSteps(reader)
      if (clause === 'SET') reader.expect('=')
      parts.push({ steps, value: clause === 'REMOVE' ? undefined : readNew(reader), adds: clause === 'ADD' })
    } while (reader.take(','))
  }
  return (before, given) => {
    const paths = parts.map(({ steps }) => steps(given))
    refuseOverlap(paths)
    const after = copy(before)
    for (const [at, { value, adds }] of parts.entries()) {
      const path = paths[at] ?? []
      const fresh = value?.(before, given)
      write(after, path, adds ? Number(valueAt(before, path) ?? 0) + Number(fresh) : fresh)
    }
    return after
  }
}

function readNew(reader: Reader): Operand {
  if (reader.peek() !== 'if_not_exists') return readOperand(reader)
  const [standing, otherwise] = readCall(reader)
  return (item, given) => standing(item, given) ?? otherwise?.(item, given)
}

function refuseOverlap(paths: readonly (readonly string[])[]): void {
  const texts = paths.map((path) => `${path.join('.')}.`).sort()
  const twice = texts.some((text, at) => at > 0 && text.startsWith(texts[at - 1] ?? '-'))
  if (twice) throw new ExpressionError('Two document paths overlap with each other')
}

function write(item: Item, path: readonly string[], value: unknown): void {
  const holder = valueAt(item, path.slice(0, -1))
  if (typeof holder !== 'object' || holder === null)
    throw new ExpressionError('The document path provided in the update expression is invalid for update')
  const name = path.at(-1) ?? ''
  if (value === undefined) delete (holder as Item)[name]
  else (holder as Item)[name] = copy(value as Item)
}

/** A deep copy as DynamoDB keeps it: without what is undefined. */
export function copy<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map((entry: unknown) => copy(entry)) as Value
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined)
  return Object.fromEntries(entries.map(([name, entry]) => [name, copy(entry)])) as Value
}

interface Read<Result> {
  readonly result: Result
  readonly used: ReadonlySet<string>
}

function reading<Result>(read: (reader: Reader) => Result): (text: string) => Read<Result> {
  const known = new Map<string, Read<Result>>()
  return (text) => {
    const found = known.get(text)
    if (found) return found
    const reader = new Reader(text)
    const made = { result: read(reader), used: reader.used }
    if (!reader.done) throw new ExpressionError(`Unexpected ${reader.peek()} in ${text}`)
    known.set(text, made)
    return made
  }
}

export const testOf = reading(readTest)
export const changeOf = reading(readUpdate)
