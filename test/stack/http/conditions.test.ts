import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Answer, Api, DocumentAnswer, Problem, Provider } from '../../support/api.ts'
import { apiOf, connect } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { sampleOf } from '../../support/sample.ts'
import { expectProblem } from '../../support/stack-control.ts'

/** Conditional requests: https://www.rfc-editor.org/rfc/rfc9110#section-13 */
let stack: LocalStack
beforeAll(async () => {
  stack = await startLocalStack()
})
afterAll(() => stack.dispose())

const accounts: readonly [Provider, string][] = [
  ['google-drive', 'cora@example.com'],
  ['onedrive', 'cora@outlook.com'],
  ['onedrive', 'cora@contoso.example'],
  ['s3', ''],
]
const strong = /^"[^"]+"$/
const large = 4 * 1024 * 1024

describe.each(sampleOf(accounts, 2, 1))('conditions on %s %s', (provider, account) => {
  let api: Api
  let connectionId: string
  beforeAll(async () => {
    api = await apiOf(stack.base, `conditions-${provider}-${account}`)
    connectionId = await connect(api, provider, account)
  })

  type Headers = Record<string, string>
  const put = (id: string, bytes: Buffer, headers: Headers = {}): Promise<Answer<DocumentAnswer & Problem>> =>
    api.request('PUT', `/v1/documents/${id}?connectionId=${connectionId}`, { bytes, headers })
  const read = (id: string, headers: Headers = {}, method = 'GET'): Promise<Answer<Problem>> =>
    api.request(method, `/v1/documents/${id}/content`, { headers, redirect: 'manual' })
  const remove = (id: string, headers: Headers): Promise<Answer<Problem>> =>
    api.request('DELETE', `/v1/documents/${id}`, { headers })
  const stat = (id: string) => api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)
  /** A stored document and its tag. */
  const stored = async (id: string, bytes: Buffer): Promise<string> => {
    const answer = await put(id, bytes)
    expect([200, 201]).toContain(answer.status)
    return answer.headers.get('etag') ?? ''
  }
  const holds = async (id: string, bytes: Buffer): Promise<void> => {
    expect((await read(id)).bytes.equals(bytes)).toBe(true)
  }

  it('names each version by one strong tag, in every answer', async () => {
    const [first, second] = [randomBytes(900), randomBytes(1100)]
    const tag = await stored('tags', first)
    expect(tag).toMatch(strong)
    const [statted, headed, got, head] = await Promise.all([
      stat('tags'),
      api.request('HEAD', '/v1/documents/tags'),
      read('tags'),
      read('tags', {}, 'HEAD'),
    ])
    expect(
      [statted.headers, headed.headers, got.headers, head.headers].map((each) => each.get('etag')),
    ).toEqual([tag, tag, tag, tag])
    expect(statted.body.document.etag).toBe(tag)
    const other = await stored('tags', second)
    expect(other).toMatch(strong)
    expect(other).not.toBe(tag)
    expect((await read('tags')).headers.get('etag')).toBe(other)
  })

  it('writes over the version that If-Match names, and no other', async () => {
    const [first, second, third] = [randomBytes(900), randomBytes(1000), randomBytes(1100)]
    const old = await stored('match', first)
    const replaced = await put('match', second, { 'if-match': `"someone else's", ${old}` })
    expect(replaced.status).toBe(200)
    expectProblem(await put('match', third, { 'if-match': old }), 412, 'precondition_failed')
    expectProblem(
      await put('match', third, { 'if-match': `W/${replaced.headers.get('etag')}` }),
      412,
      'precondition_failed',
    )
    await holds('match', second)
    expect((await put('match', third, { 'if-match': '*' })).status).toBe(200)
    await holds('match', third)
  })

  it('creates nothing under If-Match', async () => {
    for (const condition of ['*', '"any"'])
      expectProblem(
        await put('absent', randomBytes(10), { 'if-match': condition }),
        412,
        'precondition_failed',
      )
    expect((await stat('absent')).status).toBe(404)
  })

  it('writes only over another version than If-None-Match names', async () => {
    const [first, second] = [randomBytes(900), randomBytes(1000)]
    const tag = await stored('none-match', first)
    for (const condition of ['*', tag])
      expectProblem(
        await put('none-match', second, { 'if-none-match': condition }),
        412,
        'precondition_failed',
      )
    await holds('none-match', first)
    expect((await put('none-match', second, { 'if-none-match': '"another"' })).status).toBe(200)
    await holds('none-match', second)
  })

  it('announces an upload under the same conditions', async () => {
    const tag = await stored('announced', randomBytes(900))
    const announce = (headers: Headers) =>
      api.request<DocumentAnswer & Problem>('POST', '/v1/documents/announced/intake', {
        json: { connectionId, contentType: 'text/plain', size: 5 },
        headers,
      })
    expectProblem(await announce({ 'if-none-match': '*' }), 412, 'precondition_failed')
    expectProblem(await announce({ 'if-match': '"another"' }), 412, 'precondition_failed')
    expect((await stat('announced')).body.document.status).toBe('stored')
    const announced = await announce({ 'if-match': tag })
    expect([announced.status, announced.body.document.status]).toEqual([201, 'receiving'])
    // What stands is known, and what is on its way is not.
    const headers = { 'if-none-match': tag }
    expect((await api.request('GET', '/v1/documents/announced', { headers })).status).toBe(200)
  })

  it('deletes only what the conditions hold for', async () => {
    const bytes = randomBytes(900)
    const tag = await stored('deleted', bytes)
    expectProblem(await remove('deleted', { 'if-match': '"another"' }), 412, 'precondition_failed')
    expectProblem(await remove('deleted', { 'if-none-match': tag }), 412, 'precondition_failed')
    await holds('deleted', bytes)
    expect((await remove('deleted', { 'if-match': tag })).status).toBe(204)
    expectProblem(await remove('deleted', { 'if-match': tag }), 412, 'precondition_failed')
    expect((await remove('deleted', {})).status).toBe(204)
  })

  it('answers 304 to who has the version, whatever its size, and the bytes to others', async () => {
    for (const size of [900, large]) {
      const bytes = randomBytes(size)
      const tag = await stored('read', bytes)
      for (const [condition, status] of [
        [tag, 304],
        [`"another", ${tag}`, 304],
        ['*', 304],
        ['"another"', 200],
      ] as const) {
        for (const method of ['GET', 'HEAD']) {
          const answer = await read('read', { 'if-none-match': condition }, method)
          expect([method, condition, answer.status]).toEqual([method, condition, status])
          expect(answer.headers.get('etag')).toBe(tag)
          expect(answer.bytes.length).toBe(status === 200 && method === 'GET' ? size : 0)
          const known = await api.request(method, '/v1/documents/read', {
            headers: { 'if-none-match': condition },
          })
          expect([method, condition, known.status]).toEqual([method, condition, status])
          expect(known.headers.get('etag')).toBe(tag)
        }
      }
    }
  })

  it('goes on with a range under If-Range only from the same version', async () => {
    const [first, second] = [randomBytes(2000), randomBytes(2100)]
    const tag = await stored('resumed', first)
    const same = await read('resumed', { range: 'bytes=1000-', 'if-range': tag })
    expect([same.status, same.headers.get('content-range')]).toEqual([206, 'bytes 1000-1999/2000'])
    expect(same.bytes.equals(first.subarray(1000))).toBe(true)
    await stored('resumed', second)
    for (const condition of [tag, `W/${tag}`, 'Fri, 27 Nov 2026 10:00:00 GMT']) {
      const whole = await read('resumed', { range: 'bytes=1000-', 'if-range': condition })
      expect([whole.status, whole.headers.get('content-range')]).toEqual([200, null])
      expect(whole.bytes.equals(second)).toBe(true)
    }
  })

  it('answers HEAD content with the headers of GET, never elsewhere, and no byte', async () => {
    const bytes = randomBytes(3000)
    await stored('head', bytes)
    const names = [
      'etag',
      'content-type',
      'content-length',
      'accept-ranges',
      'content-disposition',
      'content-range',
    ]
    for (const headers of [{}, { range: 'bytes=10-19' }, { range: 'bytes=-5' }] as Headers[]) {
      const [got, head] = await Promise.all([read('head', headers), read('head', headers, 'HEAD')])
      expect(head.status).toBe(got.status)
      expect(names.map((name) => head.headers.get(name))).toEqual(names.map((name) => got.headers.get(name)))
      expect(head.bytes.length).toBe(0)
    }
    const beyond = await read('head', { range: 'bytes=3000-' }, 'HEAD')
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */3000'])
  })

  it('lets one of many creates through', async () => {
    const bodies = Array.from({ length: 8 }, (_, at) => randomBytes(500 + at))
    const answers = await Promise.all(bodies.map((bytes) => put('raced', bytes, { 'if-none-match': '*' })))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(1)
    expect(statuses.filter((status) => status !== 201)).toEqual(Array(7).fill(412))
    await holds('raced', bodies[statuses.indexOf(201)] ?? Buffer.alloc(0))
  })

  it('says once that a document is new to writers without a condition', async () => {
    const bodies = Array.from({ length: 4 }, (_, at) => randomBytes(500 + at))
    const answers = await Promise.all(bodies.map((bytes) => put('both', bytes)))
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 200, 200, 201])
    const { bytes } = await read('both')
    expect(bodies.some((body) => body.equals(bytes))).toBe(true)
  })

  it('lets one of many replacements of a version through', async () => {
    const tag = await stored('swapped', randomBytes(400))
    const bodies = Array.from({ length: 4 }, (_, at) => randomBytes(500 + at))
    const answers = await Promise.all(bodies.map((bytes) => put('swapped', bytes, { 'if-match': tag })))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 412, 412, 412])
    await holds('swapped', bodies[statuses.indexOf(200)] ?? Buffer.alloc(0))
  })
})

describe('what is no whole document', () => {
  let api: Api
  const path = '/v1/documents/whole'
  const before = Buffer.from('the whole document')
  beforeAll(async () => {
    api = await apiOf(stack.base, 'whole')
    await connect(api, 's3', '')
    const { status } = await api.request('PUT', path, { bytes: before })
    if (status !== 201) throw new Error(`The document was not stored: ${String(status)}.`)
  })

  it.each([
    ['a part', { 'content-range': 'bytes 0-9/100' }, 400, 'invalid_request'],
    [
      'a browser’s form',
      { 'content-type': 'multipart/form-data; boundary=x' },
      415,
      'unsupported_media_type',
    ],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
    ['packed bytes', { 'content-encoding': 'gzip' }, 415, 'unsupported_media_type'],
    ['bytes packed twice', { 'content-encoding': 'identity, br' }, 415, 'unsupported_media_type'],
  ] as const)('%s is refused with a sentence, and nothing changes', async (_what, headers, status, code) => {
    const answer = await api.request<Problem>('PUT', path, { bytes: randomBytes(10), headers })
    expectProblem(answer, status, code)
    expect(answer.body.detail).toMatch(/content-range|Send the bytes/)
    expect((await api.request('GET', `${path}/content`)).bytes.equals(before)).toBe(true)
  })

  it('bytes as they are may say so', async () => {
    const headers = { 'content-encoding': 'identity' }
    expect((await api.request('PUT', path, { bytes: before, headers })).status).toBe(200)
  })
})

describe('a path', () => {
  it.each([
    ['/v1/documents/d', ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'], ['POST']],
    ['/v1/documents/d/content', ['GET', 'HEAD'], ['PUT', 'POST', 'DELETE']],
    ['/v1/documents/d/intake', ['GET', 'POST', 'DELETE'], ['PUT']],
    ['/v1/documents', ['GET'], ['PUT', 'POST', 'DELETE']],
    ['/v1/connections', ['GET', 'POST'], ['PUT', 'DELETE']],
    ['/v1/connections/c', ['GET', 'DELETE'], ['PUT', 'PATCH']],
    ['/v1/openapi.json', ['GET'], ['POST']],
  ])('%s names its methods to who uses another, and to browsers', async (path, takes, others) => {
    const api = await apiOf(stack.base, 'methods')
    for (const method of others) {
      const refused = await api.request<Problem>(method, path)
      expectProblem(refused, 405, 'method_not_allowed')
      expect(refused.headers.get('allow')?.split(', ').sort()).toEqual([...takes, 'OPTIONS'].sort())
    }
    const preflight = await api.request('OPTIONS', path, {
      token: null,
      headers: { origin: 'http://127.0.0.1:5173', 'access-control-request-method': takes[0] ?? '' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-methods')?.split(',')).toEqual(
      expect.arrayContaining(takes),
    )
    expect(preflight.headers.get('access-control-allow-headers')?.split(',')).toEqual(
      expect.arrayContaining(['authorization', 'if-match', 'if-none-match', 'if-range', 'range']),
    )
  })

  it.each(['constructor', 'toString', '__proto__'])(
    'a query parameter %s is refused by its name',
    async (name) => {
      const api = await apiOf(stack.base, 'methods')
      const refused = await api.request<Problem>('GET', `/v1/documents?${name}=1`)
      expectProblem(refused, 400, 'invalid_request')
      expect(refused.body.detail).toContain(name)
      const headers = { 'content-type': 'application/json' }
      const bytes = Buffer.from(`{"provider":"s3","${name}":1}`)
      expectProblem(
        await api.request<Problem>('POST', '/v1/connections', { bytes, headers }),
        400,
        'invalid_request',
      )
    },
  )

  it('a value of the wrong kind is not called missing', async () => {
    const api = await apiOf(stack.base, 'methods')
    const wrong = await api.request<Problem>('POST', '/v1/documents/x/intake', {
      json: { contentType: 'text/plain', size: 1.5 },
    })
    expectProblem(wrong, 400, 'invalid_request')
    expect(wrong.body.detail).toContain('body.size')
    expect(wrong.body.detail).not.toContain('missing')
  })
})
