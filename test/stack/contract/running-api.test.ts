import { afterAll, beforeAll, expect, test } from 'vitest'
import { openapiDocument } from '../../../lib/contract/openapi/document.ts'
import { routeList } from '../../../lib/contract/routes.ts'
import { checkExchange } from '../../support/contract-check.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import type { LocalStack } from '../../support/local-stack.ts'

const document = openapiDocument({ serverUrl: 'http://127.0.0.1' })
let stack: LocalStack
let token: string
let drive: string
let bucket: string
/** `METHOD /template status` of everything that was exchanged. */
const covered = new Set<string>()

interface Request {
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly bytes?: string | Buffer
  readonly anonymous?: boolean
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** One request to the running API; throws where it and the document disagree. */
async function exchange(method: string, path: string, request: Request = {}): Promise<Answer> {
  const { headers = {}, json, bytes, anonymous = false } = request
  const requestBody = json === undefined ? undefined : JSON.stringify(json)
  const requestHeaders = {
    ...(!anonymous && { authorization: `Bearer ${token}` }),
    ...(json !== undefined && { 'content-type': 'application/json' }),
    ...headers,
  }
  const body = requestBody ?? bytes
  const response = await fetch(`${stack.base}${path}`, {
    method,
    headers: requestHeaders,
    redirect: 'manual',
    ...(body !== undefined && { body }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true
  const disagreements = checkExchange(document, {
    method,
    path,
    requestHeaders,
    ...(requestBody !== undefined && { requestBody }),
    status: response.status,
    responseHeaders: Object.fromEntries(response.headers),
    ...((isJson || text === '') && { responseBody: text }),
  })
  if (disagreements.length > 0) throw new Error(`${disagreements.join('\n')}\n${text.slice(0, 500)}`)
  covered.add(
    `${method} ${path.split('?')[0]?.replace(/(documents|connections|users|webhooks)\/[^/]+/, '$1/{}')}`,
  )
  return { status: response.status, headers: response.headers, text }
}

const statusOf = async (...args: Parameters<typeof exchange>) => (await exchange(...args)).status

beforeAll(async () => {
  stack = await startLocalStack()
  const signIn = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"sub":"alice"}' }
  token = JSON.parse(await (await fetch(`${stack.base}/local/token`, signIn)).text()).token
  drive = JSON.parse((await exchange('GET', '/v1/connections')).text).connections[0].id
  bucket = JSON.parse((await exchange('POST', '/v1/connections', { json: { provider: 's3' } })).text)
    .connection.id
})

afterAll(() => stack.dispose())

test('connections', async () => {
  expect(await statusOf('GET', '/v1/connections', { anonymous: true })).toBe(401)
  expect(await statusOf('GET', '/v1/connections?verbose=1')).toBe(400)
  expect(await statusOf('GET', `/v1/connections/${drive}`)).toBe(200)
  expect(await statusOf('GET', '/v1/connections/none')).toBe(404)
  expect(await statusOf('GET', `/v1/connections/${drive}/health`)).toBe(200)
  expect(await statusOf('GET', '/v1/connections/none/health')).toBe(404)
  expect(await statusOf('POST', '/v1/connections', { json: { provider: 'onedrive' } })).toBe(201)
  expect(await statusOf('POST', '/v1/connections', { json: { provider: 'nobodys-drive' } })).toBe(400)
  expect(await statusOf('POST', '/v1/connections', { json: { provider: 'onedrive', extra: 1 } })).toBe(400)
  expect(
    await statusOf('POST', '/v1/connections', {
      json: { provider: 'onedrive', returnUrl: 'https://evil.invalid' },
    }),
  ).toBe(400)
  expect(
    await statusOf('POST', '/v1/connections', {
      bytes: '{',
      headers: { 'content-type': 'application/json' },
    }),
  ).toBe(400)
  expect(await statusOf('POST', `/v1/connections/${drive}/reauthorize`)).toBe(200)
  expect(await statusOf('POST', '/v1/connections/none/reauthorize', { json: {} })).toBe(404)
  await exchange('POST', `/v1/connections/${drive}/complete`, { json: { completionCode: 'wrong' } })
  await exchange('GET', '/v1/oauth/callback?state=unknown&code=x', { anonymous: true })
})

test('machines', async () => {
  const { token: machine } = JSON.parse(
    await (
      await fetch(`${stack.base}/local/token`, {
        method: 'POST',
        body: '{"client":"backend","scopes":["documents.read","users.erase","webhooks"]}',
      })
    ).text(),
  ) as { token: string }
  const headers = { authorization: `Bearer ${machine}`, 'driveway-user': 'alice' }
  expect(await statusOf('GET', '/v1/documents', { headers })).toBe(200)
  expect(await statusOf('GET', '/v1/connections', { headers })).toBe(403)
  expect(await statusOf('GET', '/v1/documents', { headers: { 'driveway-user': 'alice' } })).toBe(403)
  expect(await statusOf('GET', '/v1/documents', { headers: { authorization: headers.authorization } })).toBe(
    400,
  )
  expect(await statusOf('GET', '/v1/users/bob/export', { headers })).toBe(200)
  expect(await statusOf('GET', '/v1/users/bob/erasure', { headers })).toBe(404)
  expect(await statusOf('DELETE', '/v1/users/bob?files=keep', { headers })).toBe(202)
  expect(await statusOf('GET', '/v1/users/bob/erasure', { headers })).toBe(200)
  expect(await statusOf('DELETE', '/v1/users/bob')).toBe(403)
  const made = await exchange('POST', '/v1/webhooks', { headers, json: { url: 'https://app.invalid/hook' } })
  const hook = `/v1/webhooks/${(JSON.parse(made.text) as { webhook: { id: string } }).webhook.id}`
  expect(await statusOf('POST', '/v1/webhooks', { headers, json: { url: 'http://10.0.0.1' } })).toBe(400)
  expect(await statusOf('GET', '/v1/webhooks', { headers })).toBe(200)
  expect(await statusOf('POST', `${hook}/rotate-secret`, { headers })).toBe(200)
  expect(await statusOf('POST', `${hook}/test`, { headers })).toBe(202)
  expect(await statusOf('GET', `${hook}/deliveries?status=dead`, { headers })).toBe(200)
  expect(await statusOf('POST', `${hook}/deliveries/nothing/resend`, { headers })).toBe(404)
  expect(await statusOf('DELETE', hook, { headers })).toBe(204)
})

test('the document itself is what the API serves', async () => {
  const served = JSON.parse((await exchange('GET', '/v1/openapi.json', { anonymous: true })).text)
  expect(served).toEqual({ ...document, servers: served.servers })
})

test.each([
  ['a cloud drive', () => drive, 501],
  ['s3', () => bucket, 200],
])('documents on %s', async (kind, connectionOf, presigned) => {
  const id = `doc-${kind.replaceAll(' ', '-')}`
  const connection = `connectionId=${connectionOf()}`
  const text = { bytes: 'hello', headers: { 'content-type': 'text/plain' } }
  expect(await statusOf('PUT', `/v1/documents/${id}?${connection}&extension=.txt`, text)).toBe(201)
  expect(await statusOf('PUT', `/v1/documents/${id}?${connection}&extension=.txt`, text)).toBe(200)
  expect(
    await statusOf('PUT', `/v1/documents/${id}?${connection}`, {
      bytes: 'x',
      headers: { 'if-none-match': '*' },
    }),
  ).toBe(412)
  const wrong = { 'content-digest': `sha-256=:${'A'.repeat(43)}=:` }
  expect(await statusOf('PUT', `/v1/documents/${id}-2?${connection}`, { bytes: 'x', headers: wrong })).toBe(
    422,
  )
  expect(
    await statusOf('PUT', `/v1/documents/${id}-3?${connection}`, {
      bytes: Buffer.alloc(4 * 1024 * 1024 + 1),
    }),
  ).toBe(413)
  expect(await statusOf('GET', `/v1/documents/${id}`)).toBe(200)
  expect(await statusOf('HEAD', `/v1/documents/${id}`)).toBe(200)
  expect(await statusOf('HEAD', `/v1/documents/${id}/content`)).toBe(200)
  const whole = await exchange('GET', `/v1/documents/${id}/content`)
  expect(whole.text).toBe('hello')
  expect(await statusOf('GET', `/v1/documents/${id}/content`, { headers: { range: 'bytes=1-2' } })).toBe(206)
  expect(await statusOf('GET', `/v1/documents/${id}/content`, { headers: { range: 'bytes=99-' } })).toBe(416)
  expect(
    await statusOf('GET', `/v1/documents/${id}/content`, {
      headers: { 'if-none-match': whole.headers.get('etag') ?? '' },
    }),
  ).toBe(304)
  const known = { 'if-none-match': whole.headers.get('etag') ?? '' }
  expect(await statusOf('GET', `/v1/documents/${id}`, { headers: known })).toBe(304)
  const link = await exchange('POST', `/v1/documents/${id}/content-link`)
  const { pathname, search } = new URL((JSON.parse(link.text) as { url: string }).url)
  expect(await statusOf('GET', `${pathname}${search}`, { anonymous: true })).toBe(200)
  expect(await statusOf('HEAD', `${pathname}${search}`, { anonymous: true })).toBe(200)
  expect(await statusOf('GET', '/v1/content?link=nobody', { anonymous: true })).toBe(404)
  expect(await statusOf('POST', `/v1/documents/${id}/download-url`)).toBe(presigned)
  expect(await statusOf('POST', `/v1/documents/${id}/download-url`, { json: { expiresInMinutes: 0 } })).toBe(
    400,
  )
  const upload = { json: { connectionId: connectionOf(), contentType: 'text/plain' } }
  expect(await statusOf('POST', `/v1/documents/${id}-4/upload-url`, upload)).toBe(presigned)
  const intake = { json: { connectionId: connectionOf(), contentType: 'text/plain', size: 5 } }
  expect(await statusOf('POST', `/v1/documents/${id}-5/intake`, intake)).toBe(201)
  expect(await statusOf('GET', `/v1/documents/${id}-5`)).toBe(200)
  expect(await statusOf('GET', `/v1/documents/${id}-5/content`)).toBe(409)
  expect(
    await statusOf('POST', `/v1/documents/${id}-6/intake`, { json: { contentType: 'none', size: -1 } }),
  ).toBe(400)
  const parted = `/v1/documents/${id}-7/intake`
  const inParts = { json: { ...intake.json, size: 9_000_000, multipart: true } }
  const { upload: begun } = JSON.parse((await exchange('POST', parted, inParts)).text)
  const of = { uploadId: begun.uploadId }
  expect(await statusOf('POST', `${parted}/parts`, { json: { ...of, numbers: [2] } })).toBe(200)
  expect(await statusOf('POST', `${parted}/parts`, { json: { ...of, numbers: [3] } })).toBe(400)
  expect(await statusOf('GET', parted)).toBe(200)
  expect(await statusOf('POST', `${parted}/complete`, { json: of })).toBe(409)
  expect(await statusOf('DELETE', parted)).toBe(204)
  expect(await statusOf('GET', parted)).toBe(404)
  expect(await statusOf('POST', `${parted}/complete`, { json: of })).toBe(404)
  expect(await statusOf('PATCH', `/v1/documents/${id}`, { json: { name: '契約書.txt' } })).toBe(200)
  expect(await statusOf('PATCH', `/v1/documents/${id}`, { json: { name: '' } })).toBe(400)
  expect(await statusOf('DELETE', `/v1/documents/${id}`)).toBe(204)
  expect(await statusOf('DELETE', `/v1/documents/${id}`)).toBe(204)
  expect(await statusOf('GET', `/v1/documents/${id}`)).toBe(404)
  expect(await statusOf('HEAD', `/v1/documents/${id}`)).toBe(404)
})

test('lists, and what cannot be asked of them', async () => {
  expect(await statusOf('GET', '/v1/documents?limit=1')).toBe(200)
  expect(await statusOf('GET', '/v1/documents?limit=0')).toBe(400)
  expect(await statusOf('GET', '/v1/documents?status=stored&limit=2')).toBe(200)
  expect(await statusOf('GET', '/v1/documents?order=newest&q=a')).toBe(200)
  expect(await statusOf('GET', '/v1/documents?cursor=garbage')).toBe(400)
  expect(await statusOf('PUT', '/v1/documents/nowhere', { bytes: 'x' })).toBe(400)
})

test('every operation was exchanged', async () => {
  expect(await statusOf('DELETE', `/v1/connections/${bucket}`)).toBe(204)
  const all = routeList.flatMap((route) =>
    route.methods.map(
      (method) => `${method} ${route.path.replace(/\{\w+\}/, '{}').replace('{eventId}', 'nothing')}`,
    ),
  )
  expect(all.filter((operation) => !covered.has(operation))).toEqual([])
})
