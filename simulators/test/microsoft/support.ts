import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { AdjustableClock } from '../../kernel/clock.ts'
import { adjustableClock } from '../../kernel/clock.ts'
import { startMicrosoftSimulator } from '../../microsoft/server.ts'

export const CLIENT = {
  clientId: 'driveway-test',
  clientSecret: 'a secret: with&signs',
  redirectUris: ['http://localhost/callback', 'https://app.example/callback'],
}
export const REDIRECT = 'https://app.example/callback'
export const SCOPES = 'offline_access openid profile email User.Read Files.ReadWrite'
export const UNIT = 327_680
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/**
 * What tests read out of JSON answers, of whichever endpoint;
 * members that are not there are seen by `expect`.
 */
export interface Json {
  access_token: string
  refresh_token: string
  id_token: string
  client_info: string
  scope: string
  suberror: string
  issuer: string
  error: unknown
  error_codes: number[]
  error_description: string
  error_uri: string
  trace_id: string
  correlation_id: string
  timestamp: string
  tenant_discovery_endpoint: string
  metadata: { aliases: string[] }[]
  sub: string
  mail: string | null
  id: string
  name: string
  size: number
  eTag: string
  cTag: string
  file: { hashes: { quickXorHash: string } }
  parentReference: { id: string; driveId: string }
  driveType: string
  quota: { used: number; state: string }
  value: { name: string }[]
  status: string
  resourceId: string
  uploadUrl: string
  expirationDateTime: string
  nextExpectedRanges: string[]
  '@odata.nextLink': string
  '@microsoft.graph.downloadUrl': string
}

export interface Answer {
  status: number
  headers: Headers
  body: Json
  text: string
}

export interface Simulator {
  origin: string
  clock: AdjustableClock
  stateDir: string
}

/** One running simulator per test file, on an ephemeral port, with a clock that tests move. */
export function useSimulator(): Simulator {
  const handle: Simulator = { origin: '', clock: adjustableClock(), stateDir: '' }
  let running: { close(): Promise<void> } | undefined
  beforeAll(async () => {
    handle.stateDir = await mkdtemp(join(tmpdir(), 'microsoft-sim-'))
    const { stateDir, clock } = handle
    const started = await startMicrosoftSimulator({ port: 0, stateDir, clock, seed: 7, clients: [CLIENT] })
    handle.origin = started.origin
    running = started
  })
  afterAll(async () => {
    await running?.close()
    await rm(handle.stateDir, { recursive: true, force: true })
  })
  return handle
}

export async function answer(response: Response): Promise<Answer> {
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  // HTML and empty answers are looked at through `text`.
  const body: Json = JSON.parse(type.includes('json') ? text : '{}')
  return { status: response.status, headers: response.headers, body, text }
}

export function authorizeUrl(origin: string, query: Record<string, string> = {}, tenant = 'common'): string {
  const params = new URLSearchParams({
    client_id: CLIENT.clientId,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: SCOPES,
    state: 'xyz',
    ...query,
  })
  return `${origin}/${tenant}/oauth2/v2.0/authorize?${params.toString()}`
}

/** Posts the consent form; the answer's `location`, if any, as a URL. */
export async function decide(
  url: string,
  form: Record<string, string>,
): Promise<{ answer: Answer; location: URL }> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' })
  const found = response.headers.get('location') ?? 'about:blank'
  return { answer: await answer(response), location: new URL(found) }
}

export async function token(
  origin: string,
  form: Record<string, string>,
  tenant = 'common',
): Promise<Answer> {
  const body = new URLSearchParams({
    client_id: CLIENT.clientId,
    client_secret: CLIENT.clientSecret,
    ...form,
  })
  return answer(await fetch(`${origin}/${tenant}/oauth2/v2.0/token`, { method: 'POST', body }))
}

export async function codeFor(
  origin: string,
  account: string,
  query: Record<string, string> = {},
): Promise<string> {
  const { location } = await decide(authorizeUrl(origin, query), { decision: 'approve', account })
  return location.searchParams.get('code') ?? ''
}

export async function redeemCode(
  origin: string,
  code: string,
  more: Record<string, string> = {},
): Promise<Answer> {
  return token(origin, { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, ...more })
}

export interface Request {
  json?: unknown
  bytes?: Uint8Array
  headers?: Record<string, string>
}

export interface Signed {
  account: string
  tokens: Json
  /** A Graph call below `/v1.0` with the bearer; redirects are shown, not followed. */
  graph(method: string, path: string, request?: Request): Promise<Answer>
}

let people = 0

/** A fresh account that has consented, and Graph calls in its name. */
export async function signIn(
  simulator: Pick<Simulator, 'origin'>,
  kind: 'personal' | 'business',
  scope = SCOPES,
): Promise<Signed> {
  people += 1
  const account = kind === 'personal' ? `ann${people}@outlook.com` : `bob${people}@contoso.com`
  const code = await codeFor(simulator.origin, account, { scope })
  const { body: tokens } = await redeemCode(simulator.origin, code)
  return {
    account,
    tokens,
    graph: (method, path, request) =>
      send(method, `${simulator.origin}/v1.0${path}`, {
        ...request,
        headers: { authorization: `Bearer ${tokens.access_token}`, ...request?.headers },
      }),
  }
}

/** Any request; redirects are shown, not followed. */
export async function send(method: string, url: string, request: Request = {}): Promise<Answer> {
  const headers = { ...request.headers }
  let body: string | Uint8Array<ArrayBuffer> | undefined
  if (request.json !== undefined) {
    headers['content-type'] = 'application/json'
    body = JSON.stringify(request.json)
  } else if (request.bytes !== undefined) {
    body = new Uint8Array(request.bytes)
  }
  return answer(
    await fetch(url, { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }) }),
  )
}

/** One fragment of an upload session. */
export async function fragment(
  url: string,
  content: Uint8Array,
  start: number,
  end: number,
): Promise<Answer> {
  return send('PUT', url, {
    bytes: content.subarray(start, end),
    headers: { 'content-range': `bytes ${start}-${end - 1}/${content.length}` },
  })
}

/** Content in which every position differs from its neighbours and from other seeds. */
export function content(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8) * 17 + seed) & 255
  return bytes
}

/** One row of the control API's lists. */
export interface ControlRow {
  id: string
  path: string
  name: string
  account: string
  size: number
  received: number
  sha256: string
  trashed: boolean
  status: number
  authorization: boolean
}

/** A control request; the rows that it lists, if it does. */
export async function control(
  simulator: Simulator,
  method: string,
  path: string,
  json?: unknown,
): Promise<ControlRow[]> {
  const { text } = await send(method, `${simulator.origin}/_sim/${path}`, json === undefined ? {} : { json })
  const rows: ControlRow[] | { ok: boolean } = JSON.parse(text)
  return Array.isArray(rows) ? rows : []
}

export async function fault(
  simulator: Simulator,
  match: { method?: string; path?: string; fragment?: number },
  action: { type: string; [detail: string]: unknown },
  times = 1,
): Promise<void> {
  await control(simulator, 'POST', 'faults', { match, times, action })
}
