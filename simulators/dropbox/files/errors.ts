import type { Headers } from '../../kernel/exchange.ts'
import { Refusal } from '../../kernel/exchange.ts'

/**
 * A tagged union as Dropbox writes it: `path/conflict/file` is
 * `{".tag": "path", "path": {".tag": "conflict", "conflict": {".tag": "file"}}}`. What belongs to the
 * innermost tag beside its name goes in with it.
 */
export function tagged(tags: string, inner: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const [tag = 'other', ...rest] = tags.split('/')
  return rest.length === 0 ? { '.tag': tag, ...inner } : { '.tag': tag, [tag]: tagged(rest.join('/'), inner) }
}

/** The body of an error: the tags for people to read, which end in dots, and the union itself. */
export const errorBody = (tags: string, error: unknown = tagged(tags)) => ({
  error_summary: `${tags}/...`,
  error,
})

/**
 * 409: what the endpoint itself refuses.
 * https://www.dropbox.com/developers/documentation/http/documentation#error-handling
 */
export function refused(tags: string, error?: unknown): Refusal {
  return new Refusal(409, errorBody(tags, error))
}

/** 401: the token does not do. */
export function unauthorized(tags: string, inner?: Readonly<Record<string, unknown>>): Refusal {
  return new Refusal(401, errorBody(tags, tagged(tags, inner)))
}

/** 400: the request is not one; in plain text. */
export function badInput(route: string, what: string): Refusal {
  return new Refusal(400, `Error in call to API function "${route}": ${what}`)
}

/** The body of a call for a status that a fault asks for; `reason` has the tags. */
export function callFailure(
  status: number,
  reason: string | undefined,
  route: string,
): { body: unknown; headers?: Headers } {
  if (status === 400) return { body: `Error in call to API function "${route}": ${reason ?? 'bad input'}` }
  if (status === 401) return { body: errorBody(reason ?? 'expired_access_token') }
  if (status === 403) return { body: errorBody(reason ?? 'team_access_denied') }
  if (status === 409) return { body: errorBody(reason ?? 'other') }
  if (status !== 429) return { body: 'Internal Server Error' }
  const tag = reason ?? 'too_many_requests'
  const error = { reason: { '.tag': tag }, retry_after: 1 }
  return { body: errorBody(tag, error), headers: { 'retry-after': '1' } }
}
