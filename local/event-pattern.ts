/**
 * The patterns by which an event source mapping chooses records: every path must be there, and its value
 * be one of those listed. https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
 */
export interface EventPattern {
  readonly [name: string]: EventPattern | readonly Rule[]
}

type Rule =
  | string
  | boolean
  | null
  | { readonly exists: boolean }
  | { readonly prefix: string }
  | { readonly 'anything-but': readonly string[] }

type Members = Readonly<Record<string, unknown>>

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isRules = (value: EventPattern | readonly Rule[]): value is readonly Rule[] => Array.isArray(value)

const follows = (value: unknown, rule: Rule): boolean => {
  if (typeof rule !== 'object' || rule === null) return value === rule
  // As in Lambda: `exists` is about a leaf, so a map or a list that is there does not count.
  if ('exists' in rule) return (value !== undefined && typeof value !== 'object') === rule.exists
  if ('prefix' in rule) return typeof value === 'string' && value.startsWith(rule.prefix)
  return typeof value === 'string' && !rule['anything-but'].includes(value)
}

/** True when `event` is one that `pattern` chooses. */
export const matches = (event: unknown, pattern: EventPattern): boolean =>
  Object.entries(pattern).every(([name, inner]) => {
    const value = isMembers(event) ? event[name] : undefined
    return isRules(inner) ? inner.some((rule) => follows(value, rule)) : matches(value, inner)
  })
