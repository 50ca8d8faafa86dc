import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Api, DocumentAnswer, Problem } from '../../support/api.ts'
import { apiOf, connect } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { until } from '../../support/stack-control.ts'

const MiB = 1024 * 1024
const content = randomBytes(20 * MiB + 5)
const sha256 = createHash('sha256').update(content).digest('hex')
const providers = ['google-drive', 'onedrive', 's3'] as const

interface Part {
  readonly number: number
  readonly url: string
  readonly headers: Record<string, string>
}
interface Begun {
  readonly upload: {
    readonly method: string
    readonly uploadId: string
    readonly partSize: number
    readonly partCount: number
    readonly parts: readonly Part[]
  }
}

let stack: LocalStack
let api: Api
const connections = new Map<string, string>()

beforeAll(async () => {
  stack = await startLocalStack()
  api = await apiOf(stack.base, 'paula')
  for (const provider of providers)
    connections.set(provider, await connect(api, provider, 'paula@example.com'))
})
afterAll(async () => await stack.dispose())

const intakeOf = (id: string) => `/v1/documents/${id}/intake`
const begin = (id: string, provider: string, more: object = {}) =>
  api.request<Begun & Problem>('POST', intakeOf(id), {
    json: {
      connectionId: connections.get(provider),
      contentType: 'application/pdf',
      size: content.length,
      multipart: true,
      ...more,
    },
  })
async function begun(id: string, provider: string, more: object = {}): Promise<Begun['upload']> {
  const answer = await begin(id, provider, more)
  expect([answer.status, answer.body.upload?.method]).toEqual([201, 'MULTIPART'])
  return answer.body.upload
}
const bytesOf = ({ partSize }: Begun['upload'], number: number) =>
  content.subarray((number - 1) * partSize, number * partSize)
const send = async (part: Part, body: Uint8Array) =>
  await fetch(part.url, { method: 'PUT', headers: part.headers, body })
const sign = (id: string, uploadId: string, numbers: number[]) =>
  api.request<{ parts: readonly Part[] } & Problem>('POST', `${intakeOf(id)}/parts`, {
    json: { uploadId, numbers },
  })
const complete = (id: string, uploadId: string) =>
  api.request<DocumentAnswer & Problem>('POST', `${intakeOf(id)}/complete`, { json: { uploadId } })
const status = async (id: string) => await api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)
const statusAndCode = ({ status: code, body }: { status: number; body: Problem }) => [code, body.code]

describe.each(providers)('an upload in parts, to %s', (provider) => {
  it('goes on after everything was forgotten, and ends as one verified document', async () => {
    const id = `parts-${provider}`
    const upload = await begun(id, provider, { sha256, extension: '.pdf', name: '契約書.pdf' })
    expect(upload).toMatchObject({ partSize: 8 * MiB, partCount: 3 })
    expect(upload.parts.map(({ number }) => number)).toEqual([1, 2, 3])
    const [first] = upload.parts
    if (!first) throw new Error('no part was signed')
    expect((await send(first, bytesOf(upload, 1))).status).toBe(200)

    // All that another process knows is the document.
    const found = await api.request<{ upload: Begun['upload'] & { stored: object[] } }>('GET', intakeOf(id))
    expect(found.body.upload).toEqual({
      uploadId: upload.uploadId,
      partSize: upload.partSize,
      partCount: 3,
      size: content.length,
      sha256,
      stored: [{ number: 1, size: 8 * MiB, etag: expect.stringMatching(/^[0-9a-f]{32}$/) }],
    })
    const early = await complete(id, upload.uploadId)
    expect([...statusAndCode(early), early.body.detail]).toEqual([
      409,
      'upload_incomplete',
      'Of 3 parts these have not arrived: 2, 3.',
    ])
    const rest = (await sign(id, upload.uploadId, [2, 3])).body.parts
    for (const part of rest) expect((await send(part, bytesOf(upload, part.number))).status).toBe(200)
    expect((await complete(id, upload.uploadId)).status).toBe(202)
    // Its answer was lost: the same again is the same.
    expect((await complete(id, upload.uploadId)).status).toBe(202)
    const stored = await until(
      () => status(id),
      ({ body }) => body.document.status === 'stored' || body.document.status === 'failed',
    )
    expect(stored.body.document).toMatchObject({
      status: 'stored',
      size: content.length,
      name: '契約書.pdf',
      // The bucket says nothing of a whole that came in parts.
      checksum: { verdict: provider === 's3' ? 'unverified' : 'verified' },
    })
    expect((await complete(id, upload.uploadId)).status).toBe(202)
    const read = await api.request('GET', `/v1/documents/${id}/content`)
    expect(createHash('sha256').update(read.bytes).digest('hex')).toBe(sha256)
    expect(statusAndCode(await sign(id, upload.uploadId, [1]))).toEqual([404, 'upload_not_found'])
  })
})

describe('an upload in parts', () => {
  it('takes exactly the bytes of each part', async () => {
    const upload = await begun('exact', 's3')
    const [first] = upload.parts
    if (!first) throw new Error('no part was signed')
    expect((await send(first, content.subarray(0, 1000))).status).toBe(403)
    expect(
      (await api.request<{ upload: { stored: [] } }>('GET', intakeOf('exact'))).body.upload.stored,
    ).toEqual([])
  })

  it('that is given up leaves what was stored, and its URLs are dead', async () => {
    const path = `/v1/documents/kept?connectionId=${connections.get('google-drive')}`
    await api.request('PUT', path, { bytes: Buffer.from('the first') })
    const upload = await begun('kept', 'google-drive')
    const [first] = upload.parts
    if (!first) throw new Error('no part was signed')
    await send(first, bytesOf(upload, 1))
    expect((await api.request('DELETE', intakeOf('kept'))).status).toBe(204)
    expect((await api.request('DELETE', intakeOf('kept'))).status).toBe(204)
    expect((await send(first, bytesOf(upload, 1))).status).toBe(404)
    expect(statusAndCode(await complete('kept', upload.uploadId))).toEqual([404, 'upload_not_found'])
    expect((await status('kept')).body.document).toMatchObject({ status: 'stored', size: 9 })
    expect((await api.request('GET', '/v1/documents/kept/content')).bytes.toString()).toBe('the first')

    // Where nothing had been stored nothing is left.
    const fresh = await begun('fresh', 's3')
    await api.request('DELETE', intakeOf('fresh'))
    expect((await status('fresh')).status).toBe(404)
    expect(statusAndCode(await sign('fresh', fresh.uploadId, [1]))).toEqual([404, 'upload_not_found'])
  })

  it('ends when a newer one, or another door, takes its place', async () => {
    const older = await begun('twice', 'onedrive')
    const newer = await begun('twice', 'onedrive')
    expect(statusAndCode(await sign('twice', older.uploadId, [1]))).toEqual([404, 'upload_not_found'])
    expect((await sign('twice', newer.uploadId, [1])).status).toBe(200)
    await api.request('PUT', `/v1/documents/twice?connectionId=${connections.get('onedrive')}`, {
      bytes: Buffer.from('by another door'),
    })
    expect(statusAndCode(await complete('twice', newer.uploadId))).toEqual([404, 'upload_not_found'])
  })

  it('is nobody else’s', async () => {
    const upload = await begun('mine', 's3')
    const other = await apiOf(stack.base, 'eve')
    for (const [method, path, json] of [
      ['GET', '', undefined],
      ['POST', '/parts', { uploadId: upload.uploadId, numbers: [1] }],
      ['POST', '/complete', { uploadId: upload.uploadId }],
    ] as const)
      expect((await other.request(method, `${intakeOf('mine')}${path}`, json ? { json } : {})).status).toBe(
        404,
      )
    expect((await other.request('DELETE', intakeOf('mine'))).status).toBe(204)
    expect((await api.request('GET', intakeOf('mine'))).status).toBe(200)
  })

  it('that no drive can take is refused before the first byte', async () => {
    const limit = 250 * 1024 ** 3
    const large = await begin('large', 'onedrive', { size: limit + 1 })
    expect([...statusAndCode(large), large.body]).toEqual([
      413,
      'payload_too_large',
      expect.objectContaining({ limitBytes: limit }),
    ])
    const full = await begin('large', 'google-drive', { size: 100 * 1024 ** 3 })
    expect(statusAndCode(full)).toEqual([507, 'provider_quota_exceeded'])
    expect((await status('large')).status).toBe(404)
    expect(statusAndCode(await begin('small', 's3', { size: 1000 }))).toEqual([400, 'invalid_request'])
    const single = await begin('single', 's3', { size: 6 * 1024 ** 3, multipart: false })
    expect([...statusAndCode(single), single.body.detail]).toEqual([
      400,
      'invalid_request',
      expect.stringContaining('body.multipart'),
    ])
  })
})
