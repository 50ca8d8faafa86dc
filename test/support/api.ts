import type { ConnectionView, DocumentView, ProblemView } from '../../lib/contract/views.ts'

export type Provider = 'google-drive' | 'onedrive' | 'dropbox' | 's3'

export interface Answer<Body = unknown> {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly bytes: Buffer
  readonly body: Body
}

export interface Api {
  readonly token: string
  request<Body = unknown>(method: string, path: string, options?: RequestOptions): Promise<Answer<Body>>
}

export interface RequestOptions {
  readonly json?: unknown
  readonly bytes?: Uint8Array
  readonly headers?: Record<string, string>
  readonly token?: string | null
  readonly redirect?: 'follow' | 'manual' | 'error'
}

export type DocumentAnswer = { document: DocumentView }
export type ConnectionAnswer = { connection: ConnectionView; authorizationUrl?: string }
export type Problem = ProblemView

/** A JWT of the local identity provider. */
export async function tokenFor(base: string, sub: string, expiresInSeconds?: number): Promise<string> {
  const answer = await fetch(`${base}/local/token`, {
    method: 'POST',
    body: JSON.stringify({ sub, ...(expiresInSeconds === undefined ? {} : { expiresInSeconds }) }),
  })
  return ((await answer.json()) as { token: string }).token
}

/** A machine's JWT of the local identity provider. */
export async function machineToken(
  base: string,
  client: string,
  scopes: readonly string[],
  expiresInSeconds?: number,
): Promise<string> {
  const body = JSON.stringify({
    client,
    scopes,
    ...(expiresInSeconds === undefined ? {} : { expiresInSeconds }),
  })
  const answer = await fetch(`${base}/local/token`, { method: 'POST', body })
  if (answer.status !== 200) throw new Error(await answer.text())
  return ((await answer.json()) as { token: string }).token
}

/** Calls the API as `sub`. */
export async function apiOf(base: string, sub: string): Promise<Api> {
  return apiWith(base, await tokenFor(base, sub))
}

/** Calls the API with a token, and with headers of every call. */
export function apiWith(base: string, token: string, always: Record<string, string> = {}): Api {
  return {
    token,
    async request<Body>(method: string, path: string, options: RequestOptions = {}) {
      const bearer = options.token === undefined ? token : options.token
      const body = options.json === undefined ? options.bytes : JSON.stringify(options.json)
      const answer = await fetch(path.startsWith('http') ? path : `${base}${path}`, {
        method,
        redirect: options.redirect ?? 'follow',
        headers: {
          ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
          ...(options.json === undefined ? {} : { 'content-type': 'application/json' }),
          ...always,
          ...options.headers,
        },
        ...(body === undefined ? {} : { body }),
      })
      const bytes = Buffer.from(await answer.arrayBuffer())
      const text = bytes.toString('utf8')
      const isJson = /json/.test(answer.headers.get('content-type') ?? '') && text !== ''
      return {
        status: answer.status,
        headers: answer.headers,
        text,
        bytes,
        body: (isJson ? JSON.parse(text) : undefined) as Body,
      }
    },
  }
}

/** Plays the person at a simulator's consent page; answers where the browser is sent then. */
export async function consent(authorizationUrl: string, form: Record<string, string>): Promise<string> {
  const answer = await fetch(authorizationUrl, {
    method: 'POST',
    body: new URLSearchParams(form),
    redirect: 'manual',
  })
  const location = answer.headers.get('location')
  if (location === null)
    throw new Error(`the consent page answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`)
  return location
}

/** Follows the callback; answers the completion code from its page or its redirect. */
export async function callback(url: string): Promise<{
  status: number
  completionCode: string | undefined
  location: string | undefined
  text: string
}> {
  const answer = await fetch(url, { redirect: 'manual' })
  const text = await answer.text()
  const location = answer.headers.get('location') ?? undefined
  const completionCode =
    location === undefined
      ? /data-completion-code="([^"]+)"/.exec(text)?.[1]
      : (new URL(location).searchParams.get('completionCode') ?? undefined)
  return { status: answer.status, completionCode, location, text }
}

/** Connects a drive as a person would and answers the active connection's id. */
export async function connect(api: Api, provider: Provider, account: string): Promise<string> {
  const started = await api.request<ConnectionAnswer>('POST', '/v1/connections', { json: { provider } })
  if (started.status !== 201) throw new Error(`connecting answered ${started.status}: ${started.text}`)
  const { connection, authorizationUrl } = started.body
  if (authorizationUrl === undefined) return connection.id
  const { completionCode } = await callback(await consent(authorizationUrl, { decision: 'approve', account }))
  const completed = await api.request('POST', `/v1/connections/${connection.id}/complete`, {
    json: { completionCode },
  })
  if (completed.status !== 200) throw new Error(`completing answered ${completed.status}: ${completed.text}`)
  return connection.id
}
