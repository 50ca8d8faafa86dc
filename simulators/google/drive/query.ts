import type { DriveFile } from '../state.ts'
import { driveError, invalidParameter } from './errors.ts'
import type { QueryToken } from './query-tokens.ts'
import { tokenize } from './query-tokens.ts'

/** What a condition may ask about a file beside its own fields. */
export interface QueryContext {
  email: string
  project: string
  trashed(file: DriveFile): boolean
  /** `root` and `appDataFolder` as ids */
  alias(id: string): string
  /**
   * whether any part of the content or the name holds the text;
   * content is not indexed here, so the name alone
   */
  fullText(file: DriveFile, text: string): boolean
}

type Test = (file: DriveFile, context: QueryContext) => boolean

/**
 * A parsed `q`: the test, and the folder and the name that every
 * match must have when the expression pins them.
 */
export interface FileQuery {
  test: Test
  folder?: string | undefined
  name?: string | undefined
}

interface Reader {
  tokens: QueryToken[]
  at: number
}

/**
 * Parses the search language: comparisons, `contains`, `in`, `has`, `and`, `or`, `not`, parentheses.
 * https://developers.google.com/workspace/drive/api/guides/ref-search-terms
 * @throws 400 invalid, `Invalid Value`, location `q`
 */
export function parseQuery(q: string): FileQuery {
  const tokens = tokenize(q)
  if (tokens === undefined) throw invalidParameter('q')
  if (tokens.length === 0) return { test: () => true }
  const reader = { tokens, at: 0 }
  const parsed = readOr(reader)
  if (reader.at < tokens.length) throw invalidParameter('q')
  return parsed
}

function readOr(reader: Reader): FileQuery {
  let left = readAnd(reader)
  while (takeWord(reader, 'or')) {
    const { test: a } = left
    const { test: b } = readAnd(reader)
    left = { test: (file, context) => a(file, context) || b(file, context) }
  }
  return left
}

function readAnd(reader: Reader): FileQuery {
  let left = readNot(reader)
  while (takeWord(reader, 'and')) {
    const { test: a, folder } = left
    const right = readNot(reader)
    left = {
      test: (file, context) => a(file, context) && right.test(file, context),
      folder: folder ?? right.folder,
    }
  }
  return left
}

function readNot(reader: Reader): FileQuery {
  if (takeWord(reader, 'not')) {
    const { test } = readNot(reader)
    return { test: (file, context) => !test(file, context) }
  }
  if (takeSymbol(reader, '(')) {
    const inner = readOr(reader)
    if (!takeSymbol(reader, ')')) throw invalidParameter('q')
    return inner
  }
  return readCondition(reader)
}

function readCondition(reader: Reader): FileQuery {
  const first = next(reader)
  if (first.kind === 'string') return readIn(reader, first.text)
  if (first.kind !== 'word') throw invalidParameter('q')
  if (first.text === 'sharedWithMe') {
    if (takeSymbol(reader, '=')) return { test: isValue(next(reader), 'false') ? () => true : () => false }
    return { test: () => false }
  }
  const operator = next(reader).text
  if (operator === 'has' && (first.text === 'properties' || first.text === 'appProperties')) {
    return { test: readHas(reader, first.text) }
  }
  const value = next(reader)
  const test = value.kind === 'symbol' ? undefined : comparison(first.text, operator, value)
  if (test === undefined) throw invalidParameter('q')
  return first.text === 'name' && operator === '=' ? { test, name: value.text } : { test }
}

function readIn(reader: Reader, value: string): FileQuery {
  if (!takeWord(reader, 'in')) throw invalidParameter('q')
  const collection = next(reader).text
  if (collection === 'labels') throw driveError(501, 'notSimulated', { message: 'not simulated: labels' })
  if (collection === 'parents') {
    return { test: (file, context) => file.parent === context.alias(value), folder: value }
  }
  if (!['owners', 'writers', 'readers'].includes(collection)) throw invalidParameter('q')
  return {
    test: (_, { email }) => value === 'me' || value.toLowerCase() === email.toLowerCase(),
  }
}

// properties has { key='K' and value='V' }
function readHas(reader: Reader, kind: 'properties' | 'appProperties'): Test {
  if (!takeSymbol(reader, '{')) throw invalidParameter('q')
  const part = (name: string): string => {
    if (!takeWord(reader, name) || !takeSymbol(reader, '=')) throw invalidParameter('q')
    const token = next(reader)
    if (token.kind !== 'string') throw invalidParameter('q')
    return token.text
  }
  const key = part('key')
  if (!takeWord(reader, 'and')) throw invalidParameter('q')
  const value = part('value')
  if (!takeSymbol(reader, '}')) throw invalidParameter('q')
  return (file, { project }) =>
    (kind === 'properties' ? file.properties : (file.appProperties[project] ?? {}))[key] === value
}

function comparison(field: string, operator: string, value: QueryToken): Test | undefined {
  switch (field) {
    case 'name':
    case 'title':
      return textual(operator, value, (file) => file.name, startsWord)
    case 'mimeType':
      return textual(
        operator,
        value,
        (file) => file.mimeType,
        (text, part) => text.startsWith(part),
      )
    case 'fullText':
      return operator === 'contains' ? (file, context) => context.fullText(file, value.text) : undefined
    case 'trashed':
      return boolean(operator, value, (file, context) => context.trashed(file))
    case 'starred':
      return boolean(operator, value, (file) => file.starred)
    case 'modifiedTime':
      return temporal(operator, value, (file) => file.modifiedTime)
    case 'createdTime':
    case 'viewedByMeTime':
      return temporal(operator, value, (file) => file.createdTime)
    case 'visibility':
      return textual(
        operator,
        value,
        () => 'limited',
        () => false,
      )
    case 'shortcutDetails.targetId':
      return textual(
        operator,
        value,
        (file) => file.shortcutTarget ?? '',
        () => false,
      )
    default:
      return undefined
  }
}

function textual(
  operator: string,
  value: QueryToken,
  of: (file: DriveFile) => string,
  contains: (text: string, part: string) => boolean,
): Test | undefined {
  if (value.kind !== 'string') return undefined
  const { text } = value
  if (operator === '=') return (file) => of(file) === text
  if (operator === '!=') return (file) => of(file) !== text
  return operator === 'contains' ? (file) => contains(of(file), text) : undefined
}

function boolean(operator: string, value: QueryToken, of: Test): Test | undefined {
  if (!isValue(value, 'true') && !isValue(value, 'false')) return undefined
  const wanted = isValue(value, 'true')
  if (operator === '=') return (file, context) => of(file, context) === wanted
  return operator === '!=' ? (file, context) => of(file, context) !== wanted : undefined
}

function temporal(operator: string, value: QueryToken, of: (file: DriveFile) => number): Test | undefined {
  // Without an offset the time is UTC.
  const zoned =
    /(?:z|[+-]\d\d:?\d\d)$/i.test(value.text) || !value.text.includes('T') ? value.text : `${value.text}Z`
  const moment = Date.parse(zoned)
  if (value.kind !== 'string' || Number.isNaN(moment)) return undefined
  const tests: Record<string, (ms: number) => boolean> = {
    '=': (ms) => ms === moment,
    '!=': (ms) => ms !== moment,
    '<': (ms) => ms < moment,
    '<=': (ms) => ms <= moment,
    '>': (ms) => ms > moment,
    '>=': (ms) => ms >= moment,
  }
  const test = tests[operator]
  return test === undefined ? undefined : (file) => test(of(file))
}

// For names `contains` finds the beginnings of words only: 'Hello' is in HelloWorld, 'World' is not.
function startsWord(text: string, part: string): boolean {
  const name = text.toLowerCase()
  const wanted = part.toLowerCase()
  for (let at = name.indexOf(wanted); at !== -1; at = name.indexOf(wanted, at + 1)) {
    if (at === 0 || !/[\p{L}\p{N}]/u.test(name[at - 1] ?? '')) return true
  }
  return false
}

function isValue(token: QueryToken, value: string): boolean {
  return token.text.toLowerCase() === value
}

function next(reader: Reader): QueryToken {
  const token = reader.tokens[reader.at]
  if (token === undefined) throw invalidParameter('q')
  reader.at += 1
  return token
}

function takeWord(reader: Reader, word: string): boolean {
  const token = reader.tokens[reader.at]
  if (token?.kind !== 'word' || token.text.toLowerCase() !== word) return false
  reader.at += 1
  return true
}

function takeSymbol(reader: Reader, symbol: string): boolean {
  const token = reader.tokens[reader.at]
  if (token?.kind !== 'symbol' || token.text !== symbol) return false
  reader.at += 1
  return true
}
