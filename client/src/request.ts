import { answerError, DrivewayError } from './errors.ts'
import { operations } from './generated.ts'
import type { Operations } from './generated.ts'
import { retrying } from './retry.ts'
import type { Repeatable, RetrySettings } from './retry.ts'

export type OperationName = keyof Operations

/** What an operation takes: path, query and header parameters and the body, as far as it has them. */
export type InputOf<Name extends OperationName> = Omit<Operations[Name], 'answer'>
/** The query parameters of an operation. */
export type Query<Name extends OperationName> =
  InputOf<Name> extends { query?: infer Q } ? NonNullable<Q> : never
export type AnswerOf<Name extends OperationName> = Operations[Name]['answer']

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/** Gives the caller's bearer token. `refresh` is true when the API has just refused the one given before. */
export type TokenSource = (need: { readonly refresh: boolean }) => string | Promise<string>

export interface ApiSettings {
  /** The API's base URL, without `/v1`. */
  readonly baseUrl: string
  readonly token: TokenSource
  /** Whom a machine's calls are for. */
  readonly user: string | undefined
  readonly fetch: typeof fetch
  readonly retry: RetrySettings
}

export interface Api {
  readonly settings: ApiSettings
  /** Calls a JSON operation. Rejects with a DrivewayError, or with the signal's reason. */
  call<Name extends OperationName>(
    name: Name,
    input: InputOf<Name>,
    options?: CallOptions,
  ): Promise<AnswerOf<Name>>
  /** Calls an operation and hands out the successful response itself. */
  respond<Name extends OperationName>(
    name: Name,
    input: InputOf<Name>,
    options?: CallOptions,
  ): Promise<Response>
  /** The absolute URL of an operation. */
  urlOf<Name extends OperationName>(name: Name, input: InputOf<Name>): string
  /** Runs `attempt` with headers that say who calls; once more with a fresh token when the API refuses it. */
  authorized<T>(attempt: (caller: Readonly<Record<string, string>>) => Promise<T>): Promise<T>
}

/** Repeating these could make a second connection or webhook, or spend what is told or works once. */
const once: ReadonlySet<OperationName> = new Set([
  'startConnection',
  'completeConnection',
  'reauthorizeConnection',
  'createWebhook',
  'rotateWebhookSecret',
])

interface Parts {
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined
  readonly header?: Readonly<Record<string, string | undefined>> | undefined
  readonly body?: unknown
}

/** Where the API is. Throws a TypeError, at once and in words, for settings that no call could work with. */
function baseOf({ baseUrl, token }: Readonly<Record<'baseUrl' | 'token', unknown>>): string {
  const base = typeof baseUrl === 'string' ? baseUrl.replace(/\/+$/, '') : ''
  if (!/^https?:$/.test(URL.canParse(base) ? new URL(base).protocol : ''))
    throw new TypeError('baseUrl has to be the API’s address, such as https://api.example.com.')
  if (base.endsWith('/v1')) throw new TypeError('baseUrl has to be without /v1.')
  if (typeof token !== 'function') throw new TypeError('token has to be a function that answers the token.')
  return base
}

/** The calls of the API: tokens, retries and errors in one place. */
export function apiOf(settings: ApiSettings): Api {
  const base = baseOf(settings)

  const urlOf = (name: OperationName, { path = {}, query = {} }: Parts): string => {
    const filled = operations[name].path.replaceAll(/\{(\w+)\}/g, (_match, key: string) =>
      encodeURIComponent(path[key] ?? ''),
    )
    const values = Object.entries(query).filter(
      (entry): entry is [string, string | number] => entry[1] !== undefined,
    )
    const search = new URLSearchParams(
      values.map(([key, value]): [string, string] => [key, String(value)]),
    ).toString()
    return `${base}${filled}${search === '' ? '' : `?${search}`}`
  }

  const callerOf = (token: string) => ({
    authorization: `Bearer ${token}`,
    ...(settings.user !== undefined && { 'driveway-user': encodeURIComponent(settings.user) }),
  })
  const authorized: Api['authorized'] = async (attempt) => {
    const token = await settings.token({ refresh: false })
    try {
      return await attempt(callerOf(token))
    } catch (error) {
      if (!(error instanceof DrivewayError) || error.code !== 'unauthorized') throw error
      const fresh = await settings.token({ refresh: true })
      if (fresh === token) throw error
      return attempt(callerOf(fresh))
    }
  }

  const respond = (name: OperationName, parts: Parts, { signal }: CallOptions = {}): Promise<Response> => {
    const headers = Object.entries(parts.header ?? {}).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    const attempt = (caller: Readonly<Record<string, string>>) =>
      answered(settings.fetch, urlOf(name, parts), {
        method: operations[name].method,
        headers: {
          ...Object.fromEntries(headers),
          ...caller,
          ...(parts.body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(parts.body !== undefined && { body: JSON.stringify(parts.body) }),
        ...(signal !== undefined && { signal }),
      })
    const repeatable: Repeatable = once.has(name) ? 'when-refused' : 'always'
    return retrying(settings.retry, repeatable, () => authorized(attempt), signal)
  }

  return {
    settings: { ...settings, baseUrl: base },
    urlOf,
    authorized,
    respond,
    async call<Name extends OperationName>(name: Name, input: InputOf<Name>, options: CallOptions = {}) {
      const response = await respond(name, input, options)
      if (response.status === 204 || operations[name].method === 'HEAD') {
        await response.body?.cancel()
        return undefined
      }
      const text = await response.text()
      // Accepted, and nothing to say about it.
      if (text === '' && response.status === 202) return undefined
      return parseAnswer(text, response.status) as AnswerOf<Name>
    },
  }
}

/** What a successful answer says. */
export function parseAnswer(text: string, status?: number): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DrivewayError('unexpected_answer', 'The server did not answer with JSON.', {
      cause,
      ...(status !== undefined && { status }),
    })
  }
}

/** A page is not told why: a browser hides an answer that is not meant for the page's origin. */
const inPage = 'document' in globalThis ? ', or does not allow calls from this page’s origin' : ''

/**
 * One fetch whose failure to get a successful answer is a DrivewayError; an abort stays the signal's reason.
 */
export async function answered(send: typeof fetch, url: string, init: RequestInit): Promise<Response> {
  let response: Response
  try {
    response = await send(url, init)
  } catch (cause) {
    if (init.signal?.aborted === true) throw init.signal.reason
    throw new DrivewayError('network_error', `The server cannot be reached${inPage}.`, { cause })
  }
  if (response.ok) return response
  throw answerError(response.status, response.headers, await response.text().catch(() => ''))
}
