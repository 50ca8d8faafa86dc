import { S3Client, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Api, Answer, DocumentAnswer, Problem, Provider } from '../../support/api.ts'
import { apiOf, connect } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { sampleOf } from '../../support/sample.ts'

let stack: LocalStack
let bucket: S3Client
beforeAll(async () => {
  stack = await startLocalStack()
  bucket = new S3Client({
    endpoint: stack.at(3),
    region: 'eu-central-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local-secret' },
  })
})
afterAll(() => stack.dispose())

interface Named {
  readonly id: string
  readonly extension: string
}

const drives: readonly [Provider, string][] = [
  ['google-drive', 'twin@example.com'],
  ['onedrive', 'twin@outlook.com'],
  ['onedrive', 'twin@contoso.example'],
  ['s3', ''],
]
describe.each(sampleOf(drives, 2))('two documents of one file name on %s %s', (provider, account) => {
  let api: Api
  let connectionId: string
  beforeAll(async () => {
    api = await apiOf(stack.base, `twins-${provider}-${account.replaceAll(/[@.]/g, '-')}`)
    connectionId = await connect(api, provider, account)
  })

  type Door = (document: Named) => Promise<Answer<Problem>>
  const put: Door = ({ id, extension }) =>
    api.request('PUT', `/v1/documents/${id}${extension === '' ? '' : `?extension=${extension}`}`, {
      bytes: Buffer.from(`bytes of ${id}`),
      headers: { 'content-type': 'text/plain' },
    })
  const announce: Door = ({ id, extension }) =>
    api.request('POST', `/v1/documents/${id}/intake`, {
      json: { contentType: 'text/plain', size: 5, ...(extension === '' ? {} : { extension }) },
    })
  const uploadUrl: Door = ({ id, extension }) =>
    api.request('POST', `/v1/documents/${id}/upload-url`, {
      json: { contentType: 'text/plain', ...(extension === '' ? {} : { extension }) },
    })
  const doors = { put, announce, ...(provider === 's3' ? { uploadUrl } : {}) }
  const content = async (id: string) => (await api.request('GET', `/v1/documents/${id}/content`)).text

  let pairs = 0
  const freshPair = (): [Named, Named] => {
    pairs += 1
    return [
      { id: `note${pairs}`, extension: '.txt' },
      { id: `note${pairs}.txt`, extension: '' },
    ]
  }
  const orders = [false, true].flatMap((turned) =>
    Object.keys(doors).map((door): [string, boolean] => [door, turned]),
  )

  it.each(orders)('are never one file: the second is refused by %s (turned: %s)', async (name, turned) => {
    const [plain, dotted] = freshPair()
    const [first, second] = turned ? [dotted, plain] : [plain, dotted]
    expect((await put(first)).status).toBe(201)
    const refused = await (doors[name as keyof typeof doors] ?? put)(second)
    expect(refused.status).toBe(400)
    expect(refused.body).toMatchObject({ code: 'invalid_request' })
    expect(refused.body.detail).toContain(`document ${first.id};`)
    expect((await api.request('GET', `/v1/documents/${second.id}`)).status).toBe(404)
    expect(await content(first.id)).toBe(`bytes of ${first.id}`)
    // The first goes on as before, and once it is gone the name is free.
    expect((await put(first)).status).toBe(200)
    expect((await api.request('DELETE', `/v1/documents/${first.id}`)).status).toBe(204)
    expect((await put(second)).status).toBe(201)
    expect(await content(second.id)).toBe(`bytes of ${second.id}`)
  })

  it('are refused also when the first is only announced, or takes the extension later', async () => {
    const [plain, dotted] = freshPair()
    expect((await announce(plain)).status).toBe(201)
    expect((await put(dotted)).status).toBe(400)
    const [other, otherDotted] = freshPair()
    expect((await put({ ...other, extension: '.md' })).status).toBe(201)
    expect((await put(otherDotted)).status).toBe(201)
    expect((await put(other)).status).toBe(400)
    expect(await content(other.id)).toBe(`bytes of ${other.id}`)
    expect(await content(otherDotted.id)).toBe(`bytes of ${otherDotted.id}`)
  })

  it('cannot come by a drop: it is for the one that has the name', async () => {
    const [, dotted] = freshPair()
    expect((await put(dotted)).status).toBe(201)
    await bucket.send(
      new PutObjectCommand({
        Bucket: 'driveway-intake',
        Key: `twins-${provider}-${account.replaceAll(/[@.]/g, '-')}/${connectionId}/${dotted.id}`,
        Body: 'dropped',
        ContentType: 'text/plain',
      }),
    )
    await expect.poll(() => content(dotted.id), { timeout: 25_000 }).toBe('dropped')
    const list = await api.request<{ documents: DocumentAnswer['document'][] }>(
      'GET',
      '/v1/documents?limit=200',
    )
    expect(list.body.documents.map(({ id }) => id)).not.toContain(dotted.id.replace('.txt', ''))
  })
})
