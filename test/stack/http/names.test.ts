import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DocumentView } from '../../../lib/contract/views.ts'
import type { Api, DocumentAnswer } from '../../support/api.ts'
import { apiOf, connect } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { simulatorControl, stackControl, until } from '../../support/stack-control.ts'

const oddNames = [
  '契約書 2026.pdf',
  'a<b>:c.pdf',
  'Größe & Maß.docx',
  'e\u0301.txt',
  '\u00e9.txt',
  '😀'.repeat(255),
  'folder/sub/a.txt',
  '../../up.txt',
  '50% "off".txt',
  'con.txt',
  ' . ',
  '~$lock.docx',
]
const providers = ['google-drive', 'onedrive', 's3'] as const
const account = 'nora@example.com'
const bucketOf = (stack: LocalStack) =>
  new S3Client({
    endpoint: stack.at(3),
    region: 'eu-central-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local-secret' },
  })

let stack: LocalStack
let api: Api
const connections = new Map<string, string>()

beforeAll(async () => {
  stack = await startLocalStack({ env: { DRIVE_NAMES: 'true' } })
  api = await apiOf(stack.base, 'nora')
  for (const provider of providers) connections.set(provider, await connect(api, provider, account))
})
afterAll(async () => await stack.dispose())

async function put(id: string, provider: string, query: Record<string, string>): Promise<DocumentView> {
  const given = { connectionId: connections.get(provider) ?? '', ...query }
  const search = new URLSearchParams(given).toString()
  const { status, body, text } = await api.request<DocumentAnswer>('PUT', `/v1/documents/${id}?${search}`, {
    bytes: Buffer.from(`content of ${id}`),
  })
  expect([status, text]).toEqual([expect.toSatisfy((code) => code === 200 || code === 201), text])
  return body.document
}

const list = async (query: string): Promise<DocumentView[]> =>
  (await api.request<{ documents: DocumentView[] }>('GET', `/v1/documents?${query}`)).body.documents

/** What a browser would save the download as. */
function savedAs(header: string | null): string {
  const encoded = /filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]+)$/.exec(header ?? '')?.[1]
  return encoded === undefined
    ? (/filename="([^"]*)"$/.exec(header ?? '')?.[1] ?? '')
    : decodeURIComponent(encoded)
}

/** The names of a user's files in a drive. */
async function inDrive(provider: (typeof providers)[number]): Promise<string[]> {
  if (provider === 's3') {
    const { documents } = (await api.request<{ documents: DocumentView[] }>('GET', '/v1/documents?limit=200'))
      .body
    const keys = documents.filter((one) => one.provider === 's3').map(({ objectKey = '' }) => objectKey)
    return keys.map((key) => key.replace(/^nora\//, ''))
  }
  const files = await simulatorControl(stack.at(provider === 'google-drive' ? 1 : 2)).files(account)
  return files.map(({ name }) => name)
}

describe.each(providers)('names, on %s', (provider) => {
  it('are kept byte for byte, and the file in the drive is called so as far as the drive allows', async () => {
    for (const [at, name] of oddNames.entries()) {
      const id = `odd-${provider}-${at}`
      expect((await put(id, provider, { name })).name).toBe(name)
      const { headers, text } = await api.request('GET', `/v1/documents/${id}/content`)
      expect(text).toBe(`content of ${id}`)
      expect(savedAs(headers.get('content-disposition'))).toBe(name.split('/').at(-1))
    }
    const names = await inDrive(provider)
    expect(names).toContain('契約書 2026.pdf')
    expect(names).toContain(provider === 'onedrive' ? 'a＜b＞：c.pdf' : 'a<b>:c.pdf')
    expect(new Set(names).size).toBe(names.length)
  })

  it('that are equal are two documents and two files', async () => {
    await put(`one-${provider}`, provider, { name: 'same name.txt' })
    const other = await put(`two-${provider}`, provider, { name: 'same name.txt' })
    expect(other.name).toBe('same name.txt')
    const same = (await inDrive(provider)).filter((name) => name.startsWith('same name'))
    // Google Drive lets files share a name.
    expect(same.toSorted()).toEqual(
      provider === 'google-drive'
        ? ['same name.txt', 'same name.txt']
        : ['same name (2).txt', 'same name.txt'],
    )
  })

  it('change without touching the content, and the file follows where it can be renamed', async () => {
    const id = `renamed-${provider}`
    const before = await put(id, provider, { name: 'draft.txt', extension: '.txt' })
    const patch = (json: unknown, headers: Record<string, string> = {}) =>
      api.request<DocumentAnswer>('PATCH', `/v1/documents/${id}`, { json, headers })
    const { status, body } = await patch({ name: '最終.txt' })
    expect([status, body.document.name, body.document.etag]).toEqual([200, '最終.txt', before.etag])
    expect((await api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)).body.document).toMatchObject({
      name: '最終.txt',
      etag: before.etag,
    })
    const names = await inDrive(provider)
    expect(names).toContain(provider === 's3' ? 'draft.txt' : '最終.txt')
    expect((await patch({ name: 'x' }, { 'if-match': '"other"' })).status).toBe(412)
    // A put without a name keeps the one that there is.
    expect((await put(id, provider, { extension: '.txt' })).name).toBe('最終.txt')
  })
})

describe('a name', () => {
  it.each(['', 'x'.repeat(256), 'a\u0000b', 'a\nb', 'a\u0085b', '\ud800'])(
    'that is none (%j) is refused, and nothing changes',
    async (name) => {
      const asked = await api.request('POST', '/v1/documents/refused/intake', {
        json: { contentType: 'text/plain', size: 1, name, connectionId: connections.get('s3') },
      })
      expect([asked.status, asked.text]).toEqual([
        400,
        expect.stringContaining('body.name: must have 1 to 255'),
      ])
      expect((await api.request('PATCH', '/v1/documents/refused', { json: { name } })).status).toBe(400)
      expect((await api.request('GET', '/v1/documents/refused')).status).toBe(404)
    },
  )

  it('comes with an announced upload, and with the metadata of a dropped object', async () => {
    const bucket = bucketOf(stack)
    const announced = await api.request<
      DocumentAnswer & { upload: { url: string; headers: Record<string, string> } }
    >('POST', '/v1/documents/announced/intake', {
      json: {
        contentType: 'text/plain',
        size: 2,
        name: 'angekündigt.txt',
        connectionId: connections.get('onedrive'),
      },
    })
    expect(announced.body.document.name).toBe('angekündigt.txt')
    const { url, headers } = announced.body.upload
    expect((await fetch(url, { method: 'PUT', headers, body: 'ab' })).status).toBe(200)
    const drop = (key: string, name: string) =>
      bucket.send(
        new PutObjectCommand({
          Bucket: 'driveway-intake',
          Key: `nora/${connections.get('google-drive')}/${key}`,
          Body: 'dropped',
          Metadata: { name },
        }),
      )
    await drop('dropped.txt', encodeURIComponent('落とした.txt'))
    await drop('bad.txt', '%E0%A4%A')
    const stored = async (id: string) =>
      (
        await until(
          () => api.request<DocumentAnswer>('GET', `/v1/documents/${id}`),
          ({ body }) => body.document?.status === 'stored',
        )
      ).body.document
    expect(await stored('announced')).toMatchObject({ name: 'angekündigt.txt' })
    expect(await stored('dropped')).toMatchObject({ name: '落とした.txt' })
    const control = stackControl(stack)
    const events = async () =>
      (await (await fetch(`${stack.at(6)}/_local/events`)).json()) as {
        'detail-type': string
        detail: Record<string, unknown>
      }[]
    const told = await until(events, (all) => all.some(({ detail }) => detail['documentId'] === 'dropped'))
    expect(told.find(({ detail }) => detail['documentId'] === 'dropped')?.detail['name']).toBe('落とした.txt')
    expect(told.find((event) => event['detail-type'] === 'Intake Rejected')?.detail).toMatchObject({
      reason: 'name_invalid',
    })
    control.close()
    bucket.destroy()
  })
})

describe('lists', () => {
  it('find documents by the beginning of name or id, in any case', async () => {
    expect((await list(`q=${encodeURIComponent('契約')}`)).map(({ name }) => name)).toEqual(
      providers.map(() => '契約書 2026.pdf'),
    )
    expect((await list('q=ODD-S3-1')).map(({ id }) => id)).toEqual(['odd-s3-1', 'odd-s3-10', 'odd-s3-11'])
    expect(await list('q=nobody')).toEqual([])
    // Letters with accents are one letter to who searches.
    expect((await list(`q=${encodeURIComponent('É')}`)).length).toBe(2 * providers.length)
  })

  it('give the newest change first, page by page', async () => {
    await put('odd-s3-3', 's3', {})
    await put('latest', 's3', {})
    const all: DocumentView[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const query: string = `order=newest&limit=4${cursor === '' ? '' : `&cursor=${cursor}`}`
      const page = await api.request<{ documents: DocumentView[]; nextCursor?: string }>(
        'GET',
        `/v1/documents?${query}`,
      )
      all.push(...page.body.documents)
      cursor = page.body.nextCursor
    }
    expect(all.slice(0, 2).map(({ id }) => id)).toEqual(['latest', 'odd-s3-3'])
    expect(all.length).toBe((await list('limit=200')).length)
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length)
    const wrong = await api.request(
      'GET',
      `/v1/documents?cursor=${Buffer.from('a 2026').toString('base64url')}`,
    )
    expect([wrong.status, (wrong.body as { code: string }).code]).toEqual([400, 'invalid_request'])
  })
})
