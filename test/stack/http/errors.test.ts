import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Api, ConnectionAnswer, DocumentAnswer, Problem, Provider } from '../../support/api.ts'
import { apiOf, connect, tokenFor } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'

let stack: LocalStack
beforeAll(async () => {
  stack = await startLocalStack()
})
afterAll(() => stack.dispose())

const control = async (offset: number, method: string, path: string, body?: unknown): Promise<Response> =>
  fetch(`${stack.at(offset)}/_sim/${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })

/** What every problem carries, and what none may. */
function expectProblem(
  answer: { status: number; headers: Headers; body: Problem },
  status: number,
  code: string,
): void {
  expect([answer.status, answer.body?.code]).toEqual([status, code])
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  expect(answer.body).toMatchObject({
    status,
    title: expect.any(String),
    detail: expect.any(String),
    type: expect.any(String),
  })
  expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'))
}

describe('callers', () => {
  const paths = [
    'GET /v1/connections',
    'POST /v1/connections',
    'GET /v1/documents',
    'PUT /v1/documents/a',
    'GET /v1/documents/a',
    'GET /v1/documents/a/content',
    'DELETE /v1/documents/a',
    'POST /v1/documents/a/intake',
  ]

  it.each(paths)('%s is refused without a token, with a tampered and with an expired one', async (line) => {
    const [method = '', path = ''] = line.split(' ')
    const api = await apiOf(stack.base, 'mallory')
    const [head, payload = '', signature] = api.token.split('.')
    const forged = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: 'alice' }),
    ).toString('base64url')
    const expired = await tokenFor(stack.base, 'mallory', -60)
    for (const token of [null, 'nonsense', `${head}.${forged}.${signature}`, expired]) {
      const answer = await api.request<Problem>(method, path, { token })
      expectProblem(answer, 401, 'unauthorized')
      expect(answer.text).not.toContain('eyJ')
    }
  })

  it('gets security headers on every answer, and CORS only for allowed origins', async () => {
    const api = await apiOf(stack.base, 'carol')
    const allowed = await api.request('GET', '/v1/connections', { headers: { origin: stack.base } })
    expect(allowed.headers.get('access-control-allow-origin')).toBe(stack.base)
    expect(allowed.headers.get('x-content-type-options')).toBe('nosniff')
    expect(allowed.headers.get('cache-control')).toBe('no-store')
    const foreign = await api.request('GET', '/v1/connections', {
      headers: { origin: 'https://evil.example' },
    })
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('bad input', () => {
  let api: Api
  beforeAll(async () => {
    api = await apiOf(stack.base, 'dora')
  })

  it.each([
    ['POST', '/v1/connections', { provider: 'nobodys-drive' }, 'body.provider'],
    ['POST', '/v1/connections', { provider: 's3', colour: 'red' }, 'body.colour'],
    ['POST', '/v1/connections', {}, 'body.provider'],
    [
      'POST',
      '/v1/connections',
      { provider: 'google-drive', returnUrl: 'https://evil.example/cb' },
      'returnUrl',
    ],
    ['POST', '/v1/documents/a/intake', { contentType: 'text/plain', size: -1 }, 'body.size'],
    ['POST', '/v1/documents/a/intake', { contentType: 'plain', size: 1 }, 'body.contentType'],
    ['POST', '/v1/documents/a/intake', { contentType: 'text/plain', size: 1, sha256: 'abc' }, 'body.sha256'],
    [
      'POST',
      '/v1/documents/a/upload-url',
      { contentType: 'text/plain', expiresInMinutes: 0 },
      'body.expiresInMinutes',
    ],
    ['GET', '/v1/documents?colour=red', undefined, 'query.colour'],
    ['GET', '/v1/documents?constructor=1', undefined, 'query.constructor'],
    ['GET', '/v1/documents?toString=1', undefined, 'query.toString'],
    ['GET', '/v1/documents?__proto__=1', undefined, 'query.__proto__'],
    ['POST', '/v1/documents/a/intake', { contentType: 'text/plain', size: 1.5 }, 'body.size'],
    ['GET', '/v1/documents?limit=0', undefined, 'query.limit'],
    ['GET', '/v1/documents?limit=many', undefined, 'query.limit'],
    ['GET', '/v1/documents?limit=1&limit=2', undefined, 'query.limit'],
    ['GET', '/v1/documents?status=lost', undefined, 'query.status'],
    ['GET', '/v1/documents/.hidden', undefined, 'path.documentId'],
    ['GET', `/v1/documents/${'a'.repeat(129)}`, undefined, 'path.documentId'],
    ['PUT', '/v1/documents/a?extension=pdf', undefined, 'query.extension'],
  ] as const)('%s %s %j is refused and names %s', async (method, path, json, field) => {
    const answer = await api.request<Problem>(method, path, json === undefined ? {} : { json })
    expectProblem(answer, 400, 'invalid_request')
    expect(answer.body.detail).toContain(field)
  })

  it('is refused when the JSON is broken or too large', async () => {
    const broken = await api.request<Problem>('POST', '/v1/connections', {
      bytes: Buffer.from('{"provider":'),
    })
    expectProblem(broken, 400, 'invalid_request')
    const large = await api.request<Problem>('POST', '/v1/connections', {
      json: { provider: 'x'.repeat(70_000) },
    })
    expectProblem(large, 400, 'invalid_request')
  })

  it('meets an unknown route or method with a problem too', async () => {
    const route = await api.request<Problem>('GET', '/v1/nothing')
    expect([route.status, route.body.code]).toEqual([404, 'invalid_request'])
    const method = await api.request<Problem>('DELETE', '/v1/documents')
    expect([method.status, method.body.code]).toEqual([405, 'method_not_allowed'])
  })

  it('asks for a connection when there is none or several', async () => {
    const lonely = await apiOf(stack.base, 'lonely')
    expectProblem(
      await lonely.request<Problem>('PUT', '/v1/documents/a', { bytes: Buffer.from('a') }),
      400,
      'connection_required',
    )
    await connect(lonely, 's3', '')
    expect((await lonely.request('PUT', '/v1/documents/a', { bytes: Buffer.from('a') })).status).toBe(201)
    await connect(lonely, 's3', '')
    expectProblem(
      await lonely.request<Problem>('PUT', '/v1/documents/b', { bytes: Buffer.from('a') }),
      400,
      'connection_required',
    )
  })

  it('is told that a document is still on its way', async () => {
    const waiting = await apiOf(stack.base, 'waiting')
    const connectionId = await connect(waiting, 's3', '')
    await waiting.request('POST', '/v1/documents/soon/intake', {
      json: { connectionId, contentType: 'text/plain', size: 3 },
    })
    expectProblem(
      await waiting.request<Problem>('GET', '/v1/documents/soon/content'),
      409,
      'document_not_stored',
    )
  })
})

describe.each([
  ['google-drive', 1, 'erin@example.com', '/drive/v3|/upload'],
  ['onedrive', 2, 'erin@contoso.example', '/v1\\.0/'],
] as [Provider, number, string, string][])('a failing %s', (provider, offset, account, paths) => {
  let api: Api
  let connectionId: string
  const put = (id: string) =>
    api.request<DocumentAnswer & Problem>('PUT', `/v1/documents/${id}?connectionId=${connectionId}`, {
      bytes: Buffer.from('content'),
    })
  const fault = (times: number, action: object, path = paths) =>
    control(offset, 'POST', 'faults', { match: { path }, times, action })

  beforeAll(async () => {
    api = await apiOf(stack.base, `erin-${provider}`)
    connectionId = await connect(api, provider, account)
    await put('standing')
  })
  beforeEach(async () => {
    await control(offset, 'DELETE', 'faults')
    await control(offset, 'POST', `accounts/${account}/quota`, { limitBytes: 1_000_000_000 })
  })

  it('is tried again when it is busy for a moment', async () => {
    await fault(1, { type: 'status', status: 503 })
    expect((await put('again')).status).toBe(201)
  })

  it('answers provider_throttled with Retry-After when it asks for a long pause', async () => {
    await fault(50, { type: 'status', status: 429, headers: { 'retry-after': '120' } })
    const answer = await put('slow')
    expectProblem(answer, 429, 'provider_throttled')
    expect(answer.headers.get('retry-after')).toBe('120')
    expect(answer.body.retryAfterSeconds).toBe(120)
  })

  it('answers provider_unavailable when it keeps failing', async () => {
    await fault(100, { type: 'status', status: 500 })
    const answer = await api.request<Problem>('GET', '/v1/documents/standing')
    expectProblem(answer, 503, 'provider_unavailable')
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('answers provider_quota_exceeded when the drive is full, and does not try again', async () => {
    await control(offset, 'POST', `accounts/${account}/quota`, { limitBytes: 1 })
    expectProblem(await put('full'), 507, 'provider_quota_exceeded')
  })

  it('makes one file when the answer is lost', async () => {
    await control(offset, 'DELETE', 'requests')
    await fault(1, { type: 'commit-then-reset' }, provider === 'google-drive' ? '/upload' : 'upload')
    expect((await put('lost')).status).toBe(201)
    const files = (await (await control(offset, 'GET', `files?account=${account}`)).json()) as {
      name: string
      trashed: boolean
    }[]
    expect(files.filter(({ name, trashed }) => name === 'lost' && !trashed)).toHaveLength(1)
  })

  it('is unhealthy, not an error', async () => {
    await fault(100, { type: 'status', status: 500 })
    const health = await api.request<{ healthy: boolean; reason?: string }>(
      'GET',
      `/v1/connections/${connectionId}/health`,
    )
    expect([health.status, health.body.healthy]).toEqual([200, false])
    expect(health.body.reason).toBeTruthy()
  })

  it('tells a document whose file the user removed', async () => {
    const { document } = (await put('removed')).body
    const files = (await (await control(offset, 'GET', `files?account=${account}`)).json()) as {
      id: string
      name: string
    }[]
    expect(files.some(({ id }) => id === document.objectKey)).toBe(true)
    await fault(1, {
      type: 'status',
      status: 404,
      reason: provider === 'google-drive' ? 'notFound' : 'itemNotFound',
    })
    expectProblem(await api.request<Problem>('GET', '/v1/documents/removed'), 404, 'object_missing')
  })

  it('stores anew what the user removed from the drive', async () => {
    const before = (await put('again-and-again')).body.document
    const gone =
      provider === 'google-drive'
        ? { method: 'PATCH', path: '/upload/drive/v3/files/' }
        : { method: 'POST', path: '/items/[^?]+/createUploadSession' }
    await control(offset, 'POST', 'faults', {
      match: gone,
      times: 1,
      action: {
        type: 'status',
        status: 404,
        reason: provider === 'google-drive' ? 'notFound' : 'itemNotFound',
      },
    })
    const after = await put('again-and-again')
    expect(await (await control(offset, 'GET', 'faults')).json()).toEqual([])
    expect(after.status).toBe(200)
    expect(after.body.document.status).toBe('stored')
    if (provider === 'google-drive') expect(after.body.document.objectKey).not.toBe(before.objectKey)
    expect((await api.request('GET', '/v1/documents/again-and-again/content')).text).toBe('content')
  })

  it('needs a reconnect once the grant is revoked, and the same connection heals', async () => {
    await control(offset, 'POST', `accounts/${account}/revoke`)
    await control(offset, 'POST', `accounts/${account}/expire-tokens`)
    const answer = await api.request<Problem>('GET', '/v1/documents/standing')
    expectProblem(answer, 409, 'connection_requires_reauth')
    expect(answer.body.connectionId).toBe(connectionId)
    expect(answer.body.links).toEqual({ reauthorize: `/v1/connections/${connectionId}/reauthorize` })
    const { connection } = (await api.request<ConnectionAnswer>('GET', `/v1/connections/${connectionId}`))
      .body
    expect([connection.status, typeof connection.reason]).toEqual(['requires_reauth', 'string'])
    await control(offset, 'DELETE', 'requests')
    for (let n = 0; n < 20; n += 1)
      expect((await api.request('GET', '/v1/documents/standing')).status).toBe(409)
    expect(await (await control(offset, 'GET', 'requests')).json()).toEqual([])
  })
})
