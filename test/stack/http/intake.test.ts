import { createHash, randomBytes } from 'node:crypto'
import {
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DocumentView } from '../../../lib/contract/views.ts'
import type { Api, DocumentAnswer, Problem, Provider } from '../../support/api.ts'
import { apiOf, connect } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { sampleOf } from '../../support/sample.ts'
import { until } from '../../support/stack-control.ts'

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

interface Published {
  readonly 'detail-type': string
  readonly detail: Record<string, unknown>
}
const events = async (): Promise<Published[]> => {
  const answer = (await (await fetch(`${stack.at(6)}/_local/events`)).json()) as
    | Published[]
    | { events: Published[] }
  return Array.isArray(answer) ? answer : answer.events
}
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const settled = (api: Api, id: string): Promise<DocumentView> =>
  until(
    async () => (await api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)).body?.document,
    (document) => document !== undefined && ['stored', 'failed', 'parked'].includes(document.status),
  )

const keyOf = ({ url }: { readonly url: string }): string =>
  decodeURIComponent(new URL(url).pathname).split('/').slice(2).join('/')
const gone = (key: string): Promise<boolean> =>
  bucket.send(new HeadObjectCommand({ Bucket: 'driveway-intake', Key: key })).then(
    () => false,
    () => true,
  )

const accounts: readonly [Provider, string][] = [
  ['google-drive', 'ina@example.com'],
  ['onedrive', 'ina@outlook.com'],
  ['onedrive', 'ina@contoso.example'],
  ['s3', ''],
]
describe.each(sampleOf(accounts, 2, 1))('%s %s: uploads of any size', (provider, account) => {
  const userKey = `ina-${provider}-${account.replaceAll(/\W/g, '-')}`
  const large = randomBytes(25 * 1024 * 1024 + 17)
  let api: Api
  let connectionId: string
  beforeAll(async () => {
    api = await apiOf(stack.base, userKey)
    connectionId = await connect(api, provider, account)
  })

  it('delivers what a client PUTs to the intake URL, and tells', async () => {
    const started = await api.request<
      DocumentAnswer & {
        upload: { url: string; method: string; headers: Record<string, string>; expiresAt: string }
      }
    >('POST', '/v1/documents/film/intake', {
      json: {
        connectionId,
        contentType: 'video/mp4',
        extension: '.mp4',
        size: large.length,
        sha256: sha256(large),
      },
    })
    expect(started.status).toBe(201)
    expect(started.body.document).toMatchObject({ id: 'film', status: 'receiving', size: large.length })
    const { upload } = started.body
    const put = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: large })
    expect(put.status).toBe(200)
    const document = await settled(api, 'film')
    expect(document).toMatchObject({ status: 'stored', size: large.length, contentType: 'video/mp4' })
    if (provider !== 's3') expect(document.checksum?.verdict).toBe('verified')
    const stored = await until(events, (all) =>
      all.some(
        (event) =>
          event['detail-type'] === 'Document Stored' && event.detail['connectionId'] === connectionId,
      ),
    )
    expect(
      stored.filter(
        (event) => event.detail['documentId'] === 'film' && event.detail['connectionId'] === connectionId,
      ),
    ).toHaveLength(1)
    expect(await until(() => gone(keyOf(upload)), Boolean)).toBe(true)
  })

  it('answers 303 for a large document, and a client that follows sees no difference', async () => {
    const elsewhere = await api.request('GET', '/v1/documents/film/content', { redirect: 'manual' })
    expect(elsewhere.status).toBe(303)
    const got = await api.request('GET', '/v1/documents/film/content')
    expect([got.status, sha256(got.bytes)]).toEqual([200, sha256(large)])
    const part = await api.request('GET', '/v1/documents/film/content', {
      headers: { range: 'bytes=10000000-10000099' },
    })
    expect(part.bytes.equals(large.subarray(10_000_000, 10_000_100))).toBe(true)
  })

  it('leaves nothing to read of a large document that was deleted', async () => {
    const { headers } = await api.request('GET', '/v1/documents/film/content', { redirect: 'manual' })
    const url = headers.get('location') ?? ''
    expect((await fetch(url, { headers: { range: 'bytes=0-9' } })).status).toBe(206)
    expect((await api.request('DELETE', '/v1/documents/film')).status).toBe(204)
    expect((await fetch(url)).status).toBeGreaterThanOrEqual(400)
    const { Contents = [] } = await bucket.send(new ListObjectsV2Command({ Bucket: 'driveway-storage' }))
    expect(Contents.filter(({ Size }) => Size === large.length)).toEqual([])
  })

  it('delivers what another system drops into the bucket, and nothing is asked before', async () => {
    const content = randomBytes(100_000)
    await bucket.send(
      new PutObjectCommand({
        Bucket: 'driveway-intake',
        Key: `${userKey}/${connectionId}/dropped.pdf`,
        Body: content,
        ContentType: 'application/pdf',
      }),
    )
    const document = await settled(api, 'dropped')
    expect(document).toMatchObject({
      status: 'stored',
      size: content.length,
      extension: '.pdf',
      contentType: 'application/pdf',
    })
    expect(sha256((await api.request('GET', '/v1/documents/dropped/content')).bytes)).toBe(sha256(content))
  })

  it('delivers an empty document', async () => {
    await bucket.send(
      new PutObjectCommand({
        Bucket: 'driveway-intake',
        Key: `${userKey}/${connectionId}/nothing`,
        Body: '',
      }),
    )
    expect(await settled(api, 'nothing')).toMatchObject({ status: 'stored', size: 0 })
  })

  it('refuses bytes that are not what the client announced, and takes the right ones then', async () => {
    const started = await api.request<{ upload: { url: string; headers: Record<string, string> } }>(
      'POST',
      '/v1/documents/swapped/intake',
      {
        json: { connectionId, contentType: 'text/plain', size: 5, sha256: sha256(Buffer.from('right')) },
      },
    )
    const { upload } = started.body
    const send = (body: string) => fetch(upload.url, { method: 'PUT', headers: upload.headers, body })
    expect((await send('wrong')).status).toBeGreaterThanOrEqual(400)
    expect(await gone(keyOf(upload))).toBe(true)
    expect((await api.request<Problem>('GET', '/v1/documents/swapped/content')).body.code).toBe(
      'document_not_stored',
    )
    expect((await send('right')).status).toBe(200)
    expect(await settled(api, 'swapped')).toMatchObject({ status: 'stored', size: 5 })
  })

  it('is cancelled by a delete', async () => {
    await api.request('POST', '/v1/documents/never/intake', {
      json: { connectionId, contentType: 'text/plain', size: 5 },
    })
    expect((await api.request('DELETE', '/v1/documents/never')).status).toBe(204)
    expect((await api.request('GET', '/v1/documents/never')).status).toBe(404)
  })
})

describe('what does not fit the scheme', () => {
  it('is rejected by event, stays, and is tagged', async () => {
    for (const key of [
      'loose-file.pdf',
      'nobody/00000000-0000-4000-8000-000000000000/a+b c.pdf',
      'nobody/00000000-0000-4000-8000-000000000000/report.pdf',
    ]) {
      await bucket.send(new PutObjectCommand({ Bucket: 'driveway-intake', Key: key, Body: 'x' }))
      await until(events, (all) =>
        all.some((event) => event['detail-type'] === 'Intake Rejected' && event.detail['key'] === key),
      )
      const tags = await until(
        async () =>
          (await bucket.send(new GetObjectTaggingCommand({ Bucket: 'driveway-intake', Key: key }))).TagSet ??
          [],
        (set) => set.length > 0,
      )
      expect(tags).toEqual([{ Key: 'driveway', Value: 'rejected' }])
    }
  })
})
