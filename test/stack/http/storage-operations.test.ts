import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentHash } from '../../../lib/providers/dropbox/content-hash.ts'
import { createQuickXor } from '../../../lib/providers/onedrive/quick-xor-hash.ts'
import type { Api, DocumentAnswer, Problem, Provider } from '../../support/api.ts'
import { apiOf, connect } from '../../support/api.ts'
import { drives, simulatorControl, until } from '../../support/stack-control.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { sampleOf } from '../../support/sample.ts'

let stack: LocalStack
beforeAll(async () => {
  stack = await startLocalStack()
})
afterAll(() => stack.dispose())

const accounts: readonly [Provider, string][] = [
  ['google-drive', 'bob@example.com'],
  ['onedrive', 'bob@outlook.com'],
  ['onedrive', 'bob@contoso.example'],
  ['dropbox', 'bob@example.com'],
  ['s3', ''],
]
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const offsetOf = (provider: Provider): number =>
  drives.find((drive) => drive.provider === provider)?.offset ?? expect.unreachable()
const hashes: Readonly<Record<string, (bytes: Uint8Array) => string>> = {
  sha256,
  quickXorHash(bytes) {
    const hash = createQuickXor()
    hash.update(bytes)
    return hash.digest()
  },
  dropboxContentHash(bytes) {
    const hash = contentHash()
    hash.update(bytes)
    return hash.digest()
  },
}

describe.each(sampleOf(accounts, 2))('%s %s over HTTP', (provider, account) => {
  const isDrive = provider !== 's3'
  const content = randomBytes(1_500_000)
  let api: Api
  let connectionId: string

  beforeAll(async () => {
    api = await apiOf(stack.base, `user-${provider}-${account}`)
    connectionId = await connect(api, provider, account)
  })

  const document = async (id: string) =>
    (await api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)).body.document

  it('puts, stats and gets a document', async () => {
    const put = await api.request<DocumentAnswer>(
      'PUT',
      `/v1/documents/report?connectionId=${connectionId}&extension=.pdf`,
      {
        bytes: content,
        headers: {
          'content-type': 'application/pdf',
          'content-digest': `sha-256=:${createHash('sha256').update(content).digest('base64')}:`,
        },
      },
    )
    expect(put.status).toBe(201)
    expect(put.body.document).toMatchObject({
      id: 'report',
      connectionId,
      provider,
      status: 'stored',
      size: content.length,
      contentType: 'application/pdf',
      extension: '.pdf',
    })
    expect(put.headers.get('x-request-id')).toBeTruthy()
    if (isDrive) expect(put.body.document.checksum?.verdict).toBe('verified')

    expect(await document('report')).toMatchObject({
      status: 'stored',
      size: content.length,
      objectKey: put.body.document.objectKey,
    })
    const got = await api.request('GET', '/v1/documents/report/content')
    expect(got.status).toBe(200)
    expect(got.headers.get('accept-ranges')).toBe('bytes')
    expect(got.headers.get('content-type')).toBe('application/pdf')
    expect(got.headers.get('content-disposition')).toContain('report.pdf')
    expect(sha256(got.bytes)).toBe(sha256(content))
  })

  it('answers a HEAD without a body', async () => {
    const head = await api.request('HEAD', '/v1/documents/report')
    expect([head.status, head.text]).toEqual([200, ''])
  })

  it('gets ranges: the first bytes, the middle, the end', async () => {
    for (const [header, start, end] of [
      ['bytes=0-99', 0, 100],
      ['bytes=700000-700999', 700_000, 701_000],
      ['bytes=1499990-', 1_499_990, 1_500_000],
      ['bytes=-10', 1_499_990, 1_500_000],
    ] as const) {
      const part = await api.request('GET', '/v1/documents/report/content', { headers: { range: header } })
      expect(part.status).toBe(206)
      expect(part.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/1500000`)
      expect(part.bytes.equals(content.subarray(start, end))).toBe(true)
    }
  })

  it('refuses a range past the end with the size', async () => {
    const refused = await api.request<Problem>('GET', '/v1/documents/report/content', {
      headers: { range: 'bytes=1500000-' },
    })
    expect([refused.status, refused.body.code, refused.headers.get('content-range')]).toEqual([
      416,
      'range_not_satisfiable',
      'bytes */1500000',
    ])
  })

  it('answers 304 to a client that has the current version', async () => {
    const first = await api.request('GET', '/v1/documents/report/content', {
      headers: { range: 'bytes=0-0' },
    })
    const etag = first.headers.get('etag')
    expect(etag).toMatch(/^"[^"]+"$/)
    const again = await api.request('GET', '/v1/documents/report/content', {
      headers: { 'if-none-match': etag ?? '' },
    })
    expect([again.status, again.bytes.length]).toEqual([304, 0])
  })

  it('replaces a document, under the same key where that is not its name', async () => {
    const before = await document('report')
    const other = randomBytes(1000)
    const put = await api.request<DocumentAnswer>(
      'PUT',
      `/v1/documents/report?connectionId=${connectionId}&extension=.pdf`,
      { bytes: other },
    )
    expect(put.status).toBe(200)
    expect(put.body.document.size).toBe(1000)
    // An object whose name is its key is replaced by a fresh one, so that the old one stands until the end.
    expect(put.body.document.objectKey === before.objectKey).toBe(isDrive)
    expect(put.headers.get('etag')).not.toBe(before.etag)
    expect((await api.request('GET', '/v1/documents/report/content')).bytes.equals(other)).toBe(true)
  })

  it('tells what the drive holds after three puts of one document at once', async () => {
    for (let round = 0; round < 6; round += 1) {
      const id = `contested-${round}`
      const bodies = [100, 200, 300].map((size) => randomBytes(size))
      const puts = await Promise.all(
        bodies.map((bytes) =>
          api.request('PUT', `/v1/documents/${id}?connectionId=${connectionId}&extension=.bin`, { bytes }),
        ),
      )
      expect(puts.map(({ status }) => status)).toEqual(puts.map(() => expect.toBeOneOf([200, 201])))
      // The list says what the row says; a stat would ask the drive.
      const list = `/v1/documents?connectionId=${connectionId}&limit=200`
      const { documents } = (await api.request<{ documents: DocumentAnswer['document'][] }>('GET', list)).body
      const row = documents.find((each) => each.id === id)
      const { bytes } = await api.request('GET', `/v1/documents/${id}/content`)
      expect(bodies.map((body) => body.equals(bytes))).toContain(true)
      const { algorithm = 'none' } = row?.checksum ?? {}
      const checksum = { algorithm, value: hashes[algorithm]?.(bytes), verdict: 'verified' }
      expect(row).toMatchObject({ status: 'stored', size: bytes.length, checksum })
      if (isDrive) {
        const files = await simulatorControl(stack.at(offsetOf(provider))).files(account)
        const left = files.filter((file) => !file.trashed && new RegExp(`^${id}[ .]`).test(file.name))
        expect(left.map((file) => file.size)).toEqual([bytes.length])
      }
      await api.request('DELETE', `/v1/documents/${id}`)
    }
  })

  it('creates only when asked to', async () => {
    const refused = await api.request<Problem>('PUT', '/v1/documents/report', {
      bytes: content,
      headers: { 'if-none-match': '*' },
    })
    expect([refused.status, refused.body.code]).toEqual([412, 'precondition_failed'])
    expect((await document('report')).size).toBe(1000)
  })

  it('stores an empty document', async () => {
    const put = await api.request<DocumentAnswer>('PUT', `/v1/documents/empty?connectionId=${connectionId}`, {
      bytes: new Uint8Array(),
    })
    expect([put.status, put.body.document.size]).toEqual([201, 0])
    const got = await api.request('GET', '/v1/documents/empty/content')
    expect([got.status, got.bytes.length, got.headers.get('content-length')]).toEqual([200, 0, '0'])
  })

  it('stores an Office file that the drive rewrites, new and again', async () => {
    if (account !== 'bob@contoso.example') return
    const simulator = simulatorControl(stack.at(2))
    for (const [status, size] of [
      [201, 4000],
      [200, 5000],
    ] as const) {
      await simulator.fault({ method: 'PUT' }, { type: 'rewrite', add: 812, extensions: ['.docx'] })
      const put = await api.request<DocumentAnswer>(
        'PUT',
        `/v1/documents/letter?connectionId=${connectionId}&extension=.docx`,
        { bytes: randomBytes(size) },
      )
      expect([put.status, put.body.document]).toMatchObject([
        status,
        { status: 'stored', size: size + 812, checksum: { verdict: 'provider_transformed' } },
      ])
      const got = await api.request('GET', '/v1/documents/letter/content')
      expect(got.bytes.length).toBe(size + 812)
    }
    await api.request('DELETE', '/v1/documents/letter')
  })

  it('refuses a body that is not what its digest says, and stores nothing', async () => {
    const refused = await api.request<Problem>('PUT', '/v1/documents/damaged', {
      bytes: content,
      headers: { 'content-digest': `sha-256=:${createHash('sha256').update('other').digest('base64')}:` },
    })
    expect([refused.status, refused.body.code]).toEqual([422, 'digest_mismatch'])
    expect((await api.request<Problem>('GET', '/v1/documents/damaged')).body.code).toBe('document_not_found')
  })

  it('refuses more than 4 MiB inline and names the intake', async () => {
    const refused = await api.request<Problem>('PUT', '/v1/documents/large', {
      bytes: new Uint8Array(4 * 1024 * 1024 + 1),
    })
    expect([refused.status, refused.body.code]).toEqual([413, 'payload_too_large'])
    expect(refused.body.links).toEqual({ intake: '/v1/documents/large/intake' })
  })

  it('gives presigned URLs on s3 and says where to go on the drives', async () => {
    const download = await api.request<Problem & { url: string; expiresAt: string }>(
      'POST',
      '/v1/documents/report/download-url',
      { json: {} },
    )
    const upload = await api.request<Problem & { url: string; headers: Record<string, string> }>(
      'POST',
      '/v1/documents/signed/upload-url',
      {
        json: { connectionId, contentType: 'text/plain', extension: '.txt' },
      },
    )
    if (isDrive) {
      expect([download.status, download.body.code, download.body.links]).toEqual([
        501,
        'presigned_url_not_supported',
        { content: '/v1/documents/report/content' },
      ])
      expect([upload.status, upload.body.code, upload.body.links]).toEqual([
        501,
        'presigned_url_not_supported',
        { intake: '/v1/documents/signed/intake' },
      ])
      return
    }
    expect([download.status, upload.status]).toEqual([200, 200])
    const bytes = Buffer.from(await (await fetch(download.body.url)).arrayBuffer())
    expect(bytes.length).toBe(1000)
    expect((await document('signed')).status).toBe('receiving')
    const put = await fetch(upload.body.url, { method: 'PUT', headers: upload.body.headers, body: 'signed' })
    expect(put.status).toBe(200)
    const stored = await until(
      () => document('signed'),
      ({ status }) => status === 'stored',
    )
    expect(stored.size).toBe(6)
    expect((await api.request('GET', '/v1/documents/signed/content')).text).toBe('signed')
  })

  it('is healthy and says how much space there is', async () => {
    const health = await api.request<{ healthy: boolean; status: string; latencyMs: number }>(
      'GET',
      `/v1/connections/${connectionId}/health`,
    )
    expect(health.status).toBe(200)
    expect(health.body).toMatchObject({ healthy: true, status: 'active' })
    if (isDrive) expect(health.body).toHaveProperty('quota.used')
  })

  it('lists documents, a page at a time', async () => {
    const first = await api.request<{ documents: { id: string }[]; nextCursor?: string }>(
      'GET',
      `/v1/documents?connectionId=${connectionId}&limit=1`,
    )
    expect(first.body.documents.map(({ id }) => id)).toEqual(['empty'])
    const next = await api.request<{ documents: { id: string }[] }>(
      'GET',
      `/v1/documents?limit=200&status=stored&cursor=${first.body.nextCursor ?? ''}`,
    )
    expect(next.body.documents.map(({ id }) => id)).toContain('report')
    const bad = await api.request<Problem>('GET', '/v1/documents?cursor=%20nonsense')
    expect([bad.status, bad.body.code]).toEqual([400, 'invalid_request'])
  })

  it('keeps everything from another user', async () => {
    const stranger = await apiOf(stack.base, `stranger-${provider}`)
    const asked = await Promise.all([
      stranger.request<Problem>('GET', '/v1/documents/report'),
      stranger.request<Problem>('GET', '/v1/documents/report/content'),
      stranger.request<Problem>('POST', '/v1/documents/report/download-url', { json: {} }),
      stranger.request<Problem>('PUT', `/v1/documents/mine?connectionId=${connectionId}`, { bytes: content }),
      stranger.request<Problem>('POST', '/v1/documents/mine/intake', {
        json: { connectionId, contentType: 'text/plain', size: 1 },
      }),
      stranger.request<Problem>('POST', '/v1/documents/mine/upload-url', {
        json: { connectionId, contentType: 'text/plain' },
      }),
      stranger.request<Problem>('GET', `/v1/connections/${connectionId}`),
      stranger.request<Problem>('GET', `/v1/connections/${connectionId}/health`),
      stranger.request<Problem>('POST', `/v1/connections/${connectionId}/reauthorize`, { json: {} }),
      stranger.request<Problem>('DELETE', `/v1/connections/${connectionId}`),
    ])
    expect(asked.map(({ status }) => status)).toEqual(asked.map(() => 404))
    expect((await stranger.request('DELETE', '/v1/documents/report')).status).toBe(204)
    expect((await document('report')).status).toBe('stored')
    expect((await stranger.request<{ documents: unknown[] }>('GET', '/v1/documents')).body.documents).toEqual(
      [],
    )
  })

  it('deletes past the bin when that is asked, where the drive can', async () => {
    const refused = await api.request<Problem>('DELETE', '/v1/documents/report?permanent=yes')
    expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request'])
    for (const [id, query] of [
      ['binned', ''],
      ['for-good', '?permanent=true'],
    ]) {
      const path = `/v1/documents/${id ?? ''}?connectionId=${connectionId}`
      expect((await api.request('PUT', path, { bytes: content })).status).toBe(201)
      expect((await api.request('DELETE', `/v1/documents/${id ?? ''}${query ?? ''}`)).status).toBe(204)
    }
    if (!isDrive) return
    const files = await simulatorControl(stack.at(offsetOf(provider))).files(account)
    const left = files.filter(({ name }) => /^(binned|for-good)/.test(name))
    // A personal OneDrive and a Dropbox have no way past the bin.
    const bins = provider === 'dropbox' || account.endsWith('@outlook.com')
    const keeps = bins ? ['binned', 'for-good'] : ['binned']
    expect(left.map(({ name, trashed }) => [name.replace(/\..*/, ''), trashed])).toEqual(
      keeps.map((name) => [name, true]),
    )
  })

  it('deletes a document, and again', async () => {
    for (const id of ['report', 'report', 'empty', 'never-was']) {
      const deleted = await api.request('DELETE', `/v1/documents/${id}`)
      expect([deleted.status, deleted.text]).toEqual([204, ''])
    }
    const gone = await api.request<Problem>('GET', '/v1/documents/report')
    expect([gone.status, gone.body.code]).toEqual([404, 'document_not_found'])
  })
})
