import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openapiDocument } from '../../lib/contract/openapi/document.ts'
import { problemCatalog } from '../../lib/contract/problem-catalog.ts'
import { problemTypes } from '../../lib/contract/problems.ts'
import type { ConnectionView, DocumentView } from '../../lib/contract/views.ts'
import type { ErrorCode } from '../../lib/errors.ts'
import { checkExchange } from './contract-check.ts'

/** What the next matching request gets instead of an answer. */
export interface Fault {
  readonly method: string
  readonly path: RegExp
  readonly action:
    | { readonly type: 'problem'; readonly code: ErrorCode; readonly headers?: Record<string, string> }
    | { readonly type: 'status'; readonly status: number; readonly body?: string }
    /** Reads that much of the body, then drops the connection. */
    | { readonly type: 'reset'; readonly afterBytes: number }
    /** Does the work, then drops the connection without an answer. */
    | { readonly type: 'commit-then-reset' }
    /** Answers with that much of the content, then drops the connection. */
    | { readonly type: 'cut'; readonly afterBytes: number }
    /** Reads and never answers. */
    | { readonly type: 'hang' }
}

export interface Stored {
  view: DocumentView
  content: Buffer
  version: number
}

export interface ContractServer {
  readonly url: string
  readonly documents: Map<string, Stored>
  readonly connections: Map<string, ConnectionView>
  /** `METHOD path` of every request, in order. */
  readonly requests: string[]
  readonly faults: Fault[]
  /** Where exchanges and the OpenAPI document disagreed. */
  readonly disagreements: string[]
  /** How a transfer from the intake ends. */
  outcome: 'stored' | 'failed' | 'parked' | 'mismatch' | 'stuck'
  /** Above this, content is answered with a 303. */
  maxStreamedBytes: number
  validToken: string
  close(): Promise<void>
}

const time = '2026-11-22T08:00:00.000Z'

/** A small server that speaks the HTTP contract from memory, for one user, and breaks where it is told to. */
export async function startContractServer(): Promise<ContractServer> {
  const http = createServer((request, response) => {
    void serve(state, request, response).catch(() => response.destroy())
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const state: ContractServer = {
    url,
    documents: new Map(),
    connections: new Map([['drive-1', connection('drive-1', 'google-drive', 'active')]]),
    requests: [],
    faults: [],
    disagreements: [],
    outcome: 'stored',
    maxStreamedBytes: Infinity,
    validToken: 'good',
    async close() {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
  return state
}

const document = openapiDocument({ serverUrl: 'http://127.0.0.1' })

function connection(
  id: string,
  provider: ConnectionView['provider'],
  status: ConnectionView['status'],
): ConnectionView {
  return { id, provider, status, createdAt: time, updatedAt: time }
}

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: Buffer | object
}

class Refusal extends Error {
  readonly code: ErrorCode
  readonly extras: object
  readonly headers: Record<string, string>
  constructor(code: ErrorCode, extras: object = {}, headers: Record<string, string> = {}) {
    super(code)
    this.code = code
    this.extras = extras
    this.headers = headers
  }
}

async function serve(
  state: ContractServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', state.url)
  const method = request.method ?? 'GET'
  state.requests.push(`${method} ${url.pathname}`)
  const index = state.faults.findIndex((entry) => entry.method === method && entry.path.test(url.pathname))
  const fault = index < 0 ? undefined : state.faults.splice(index, 1)[0]?.action
  const body = await readBody(request, fault?.type === 'reset' ? fault.afterBytes : Infinity)
  if (body === undefined) return
  if (fault?.type === 'hang') return
  const requestId = randomUUID()
  let answer: Answer
  try {
    if (fault?.type === 'problem') throw new Refusal(fault.code, {}, fault.headers)
    answer =
      fault?.type === 'status'
        ? { status: fault.status, body: Buffer.from(fault.body ?? '') }
        : route(state, method, url, request, body)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { status, title } = problemTypes[error.code]
    const detail = problemCatalog[error.code].example
    const problem = {
      type: `urn:driveway:problem:${error.code}`,
      title,
      status,
      detail,
      code: error.code,
      requestId,
      ...error.extras,
    }
    answer = {
      status,
      headers: { 'content-type': 'application/problem+json', ...error.headers },
      body: problem,
    }
  }
  if (fault?.type === 'commit-then-reset') {
    request.socket.destroy()
    return
  }
  const isJson = !(answer.body instanceof Buffer) && answer.body !== undefined
  const bytes =
    answer.body instanceof Buffer
      ? answer.body
      : Buffer.from(answer.body === undefined ? '' : JSON.stringify(answer.body))
  const headers = {
    'x-request-id': requestId,
    ...(isJson && { 'content-type': 'application/json' }),
    ...answer.headers,
  }
  const exchanged = {
    method,
    path: url.pathname + url.search,
    requestHeaders: plainHeaders(request),
    status: answer.status,
    responseHeaders: headers,
  }
  const requestText =
    request.headers['content-type'] === 'application/json' && method === 'POST'
      ? { requestBody: body.toString() }
      : {}
  if (url.pathname.startsWith('/v1') && fault?.type !== 'status' && answer.status !== 206) {
    const responseText = isJson ? { responseBody: bytes.toString() } : {}
    state.disagreements.push(...checkExchange(document, { ...exchanged, ...requestText, ...responseText }))
  }
  response.writeHead(
    answer.status,
    answer.status === 204 ? headers : { ...headers, 'content-length': bytes.length },
  )
  if (fault?.type === 'cut') {
    response.write(bytes.subarray(0, fault.afterBytes), () => request.socket.destroy())
    return
  }
  response.end(method === 'HEAD' ? undefined : bytes)
}

function plainHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
}

async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    const bytes: Buffer = chunk
    chunks.push(bytes)
    size += bytes.length
    if (size > limit) {
      request.socket.destroy()
      return undefined
    }
  }
  return Buffer.concat(chunks)
}

function route(
  state: ContractServer,
  method: string,
  url: URL,
  request: IncomingMessage,
  body: Buffer,
): Answer {
  const [, first, second, id = '', action = ''] = url.pathname.split('/')
  if (first === 'bucket') return receive(state, method, id, body, request)
  if (first === 'staged') return content(state, second ?? '', request, true)
  if (url.pathname === '/consent') return consent(state, url)
  if (url.pathname === '/healthz') return { status: 200, body: { ok: true } }
  if (url.pathname === '/local/token') return { status: 200, body: { token: state.validToken } }
  if (url.pathname === '/v1/openapi.json') return { status: 200, body: document }
  if (request.headers.authorization !== `Bearer ${state.validToken}`) throw new Refusal('unauthorized')
  const json = (): Record<string, string> => JSON.parse(body.toString() || '{}')
  if (second === 'connections') return connections(state, method, id, action, json)
  if (method === 'GET' && id === '') {
    const all = [...state.documents.values()].map((stored) => stored.view)
    const from = Number(url.searchParams.get('cursor') ?? 0)
    const to = from + Number(url.searchParams.get('limit') ?? 50)
    return {
      status: 200,
      body: { documents: all.slice(from, to), ...(to < all.length && { nextCursor: String(to) }) },
    }
  }
  if (action === 'content') return content(state, id, request, false)
  if (action === 'intake') return intake(state, id, JSON.parse(body.toString()))
  if (action === 'download-url' || action === 'upload-url') throw new Refusal('presigned_url_not_supported')
  if (method === 'PUT') return put(state, id, url, request, body)
  if (method === 'DELETE') {
    state.documents.delete(id)
    return { status: 204 }
  }
  return { status: 200, body: { document: step(state, need(state, id)).view } }
}

function need(state: ContractServer, id: string): Stored {
  const stored = state.documents.get(id)
  if (stored === undefined) throw new Refusal('document_not_found')
  return stored
}

function connections(
  state: ContractServer,
  method: string,
  id: string,
  action: string,
  json: () => Record<string, string>,
): Answer {
  if (id === '' && method === 'GET')
    return { status: 200, body: { connections: [...state.connections.values()] } }
  if (id === '') {
    const { provider, returnUrl = '' } = json()
    const made = connection(randomUUID(), provider === 'onedrive' ? 'onedrive' : 'google-drive', 'pending')
    state.connections.set(made.id, made)
    return {
      status: 201,
      body: { connection: made, authorizationUrl: authorizationUrl(state, made.id, returnUrl) },
    }
  }
  const found = state.connections.get(id)
  if (found === undefined) throw new Refusal('connection_not_found')
  if (action === 'reauthorize') {
    return {
      status: 200,
      body: { connection: found, authorizationUrl: authorizationUrl(state, id, json()['returnUrl'] ?? '') },
    }
  }
  if (action === 'complete') {
    if (json()['completionCode'] !== `code-${id}`) throw new Refusal('invalid_request')
    const active = { ...found, status: 'active' as const, account: { email: 'alice@example.com' } }
    state.connections.set(id, active)
    return { status: 200, body: { connection: active } }
  }
  if (action === 'health') {
    const healthy = found.status === 'active'
    return {
      status: 200,
      body: {
        healthy,
        status: found.status,
        checkedAt: time,
        latencyMs: 12,
        quota: { used: 1000, limit: 5000 },
      },
    }
  }
  if (method === 'DELETE') {
    state.connections.delete(id)
    return { status: 204 }
  }
  return { status: 200, body: { connection: found } }
}

function authorizationUrl(state: ContractServer, id: string, returnUrl: string): string {
  return `${state.url}/consent?id=${id}&returnUrl=${encodeURIComponent(returnUrl)}`
}

/** Stands for the provider's page and our callback in one: consents at once. */
function consent(state: ContractServer, url: URL): Answer {
  const back = new URL(url.searchParams.get('returnUrl') ?? state.url)
  const id = url.searchParams.get('id') ?? ''
  back.searchParams.set('connectionId', id)
  if (url.searchParams.get('deny') === null) back.searchParams.set('completionCode', `code-${id}`)
  else back.searchParams.set('error', 'access_denied')
  return { status: 302, headers: { location: back.href } }
}

function view(
  id: string,
  size: number,
  contentType: string,
  extension: string | null,
  status: DocumentView['status'],
): DocumentView {
  const optional = extension === null ? {} : { extension }
  return {
    id,
    connectionId: 'drive-1',
    provider: 'google-drive',
    status,
    size,
    contentType,
    ...optional,
    createdAt: time,
    updatedAt: time,
  }
}

function put(state: ContractServer, id: string, url: URL, request: IncomingMessage, bytes: Buffer): Answer {
  if (request.headers['if-none-match'] === '*' && state.documents.has(id))
    throw new Refusal('precondition_failed')
  if (bytes.length > 4 * 1024 * 1024)
    throw new Refusal('payload_too_large', { links: { intake: `/v1/documents/${id}/intake` } })
  const digest = createHash('sha256').update(bytes).digest('base64')
  const announced = request.headers['content-digest']
  if (announced !== undefined && announced !== `sha-256=:${digest}:`) throw new Refusal('digest_mismatch')
  const before = state.documents.get(id)
  const type = request.headers['content-type'] ?? 'application/octet-stream'
  const made = view(id, bytes.length, type, url.searchParams.get('extension'), 'stored')
  const checksum = { algorithm: 'sha256' as const, value: digest, verdict: 'verified' as const }
  state.documents.set(id, {
    view: { ...made, objectKey: `key-${id}`, checksum },
    content: bytes,
    version: (before?.version ?? 0) + 1,
  })
  return { status: before === undefined ? 201 : 200, body: { document: need(state, id).view } }
}

function intake(
  state: ContractServer,
  id: string,
  body: { size: number; contentType: string; extension?: string },
): Answer {
  const made = view(id, body.size, body.contentType, body.extension ?? null, 'receiving')
  state.documents.set(id, { view: made, content: Buffer.alloc(0), version: 1 })
  const headers = { 'content-type': body.contentType, 'x-amz-meta-owner': 'alice' }
  return {
    status: 201,
    body: {
      document: made,
      upload: { method: 'PUT', url: `${state.url}/bucket/intake/${id}`, headers, expiresAt: time },
    },
  }
}

function receive(
  state: ContractServer,
  method: string,
  id: string,
  bytes: Buffer,
  request: IncomingMessage,
): Answer {
  const stored = state.documents.get(id)
  const complete = Number(request.headers['content-length']) === bytes.length
  if (method !== 'PUT' || stored === undefined || !complete || request.headers.authorization !== undefined)
    return { status: 400 }
  if (request.headers['x-amz-meta-owner'] !== 'alice') return { status: 403 }
  state.documents.set(id, {
    ...stored,
    content: bytes,
    view: {
      ...stored.view,
      status: 'uploading',
      progress: { bytesTransferred: 0, bytesTotal: bytes.length },
    },
  })
  return { status: 200 }
}

/** A transfer goes on by half of the document each time that somebody looks. */
function step(state: ContractServer, stored: Stored): Stored {
  const { progress, ...rest } = stored.view
  if (rest.status !== 'uploading' || progress === undefined || state.outcome === 'stuck') return stored
  const bytesTransferred = Math.min(
    progress.bytesTotal,
    progress.bytesTransferred + Math.ceil(progress.bytesTotal / 2),
  )
  let next: DocumentView = { ...rest, progress: { ...progress, bytesTransferred } }
  if (progress.bytesTransferred === progress.bytesTotal) {
    const verdict = state.outcome === 'mismatch' ? 'mismatch' : 'verified'
    if (state.outcome === 'failed')
      next = {
        ...rest,
        status: 'failed',
        error: { code: 'provider_quota_exceeded', detail: 'The drive is full.' },
      }
    else if (state.outcome === 'parked') next = { ...rest, status: 'parked' }
    else
      next = {
        ...rest,
        status: 'stored',
        objectKey: `key-${rest.id}`,
        checksum: { algorithm: 'md5', value: 'x', verdict },
      }
  }
  const made = { ...stored, view: next }
  state.documents.set(rest.id, made)
  return made
}

function content(state: ContractServer, id: string, request: IncomingMessage, staged: boolean): Answer {
  const stored = need(state, id)
  if (stored.view.status !== 'stored') throw new Refusal('document_not_stored')
  if (!staged && stored.content.length > state.maxStreamedBytes)
    return { status: 303, headers: { location: `${state.url}/staged/${id}` } }
  const size = stored.content.length
  const headers = {
    etag: `"${stored.version}"`,
    'content-type': stored.view.contentType,
    'accept-ranges': 'bytes',
    'content-disposition': `attachment; filename="${id}${stored.view.extension ?? ''}"`,
  }
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '')
  if (match === null) return { status: 200, headers, body: stored.content }
  const first = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1])
  const last = match[1] === '' || match[2] === '' ? size - 1 : Math.min(size - 1, Number(match[2]))
  if (first >= size) throw new Refusal('range_not_satisfiable', {}, { 'content-range': `bytes */${size}` })
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${first}-${last}/${size}` },
    body: stored.content.subarray(first, last + 1),
  }
}
