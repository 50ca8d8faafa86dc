import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { DocumentView } from '../../../lib/contract/views.ts'
import type { Answer, DocumentAnswer, Problem } from '../../support/api.ts'
import { apiOf, connect } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { sampleOf } from '../../support/sample.ts'
import type { DriveUnderTest } from '../../support/stack-control.ts'
import { drives, expectProblem, simulatorControl, until } from '../../support/stack-control.ts'

let stack: LocalStack
beforeAll(async () => {
  stack = await startLocalStack()
})
afterAll(() => stack.dispose())

type Announced = DocumentAnswer & { upload: { url: string; headers: Record<string, string> } }

/** A user with a drive, and what a test asks of a document there. */
async function openUser(sub: string, provider: DriveUnderTest['provider'] | 's3', account: string) {
  const api = await apiOf(stack.base, sub)
  const connectionId = await connect(api, provider, account)
  const put = (id: string, bytes: Buffer): Promise<Answer<DocumentAnswer & Problem>> =>
    api.request('PUT', `/v1/documents/${id}?connectionId=${connectionId}`, { bytes })
  const view = async (id: string): Promise<DocumentView> =>
    (await api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)).body.document
  return {
    api,
    put,
    view,
    async stored(id: string): Promise<{ readonly bytes: Buffer; readonly before: DocumentView }> {
      const bytes = randomBytes(900)
      expect((await put(id, bytes)).status).toBe(201)
      return { bytes, before: await view(id) }
    },
    announce: async (id: string, size: number, sha256?: string): Promise<Announced> => {
      const answer = await api.request<Announced>('POST', `/v1/documents/${id}/intake`, {
        json: { connectionId, contentType: 'text/plain', size, ...(sha256 === undefined ? {} : { sha256 }) },
      })
      expect(answer.status).toBe(201)
      return answer.body
    },
    send: async ({ upload }: Announced, bytes: Buffer): Promise<number> =>
      (await fetch(upload.url, { method: 'PUT', headers: upload.headers, body: bytes })).status,
  }
}
type User = Awaited<ReturnType<typeof openUser>>

/** The version before is read, whole and in part, and the view tells of it alone. */
async function expectStanding(
  { api, view }: Pick<User, 'api' | 'view'>,
  { bytes, before }: { readonly bytes: Buffer; readonly before: DocumentView },
  status: DocumentView['status'],
): Promise<void> {
  const { id, etag = '', size, contentType, objectKey, checksum } = before
  const path = `/v1/documents/${id}/content`
  const got = await api.request('GET', path)
  expect([got.status, got.headers.get('etag')]).toEqual([200, etag])
  expect(got.bytes.equals(bytes)).toBe(true)
  const range = await api.request('GET', path, { headers: { range: 'bytes=10-19', 'if-range': etag } })
  expect([range.status, range.bytes.equals(bytes.subarray(10, 20))]).toEqual([206, true])
  expect(await view(id)).toMatchObject({ status, etag, size, contentType, objectKey, checksum })
}

describe.each(sampleOf(drives, 2))('what stands on $provider', (drive) => {
  const account = `stan@${drive.domain}`
  const { writes, sending } = drive
  // More than any drive takes in one request.
  const large = 11 * 1024 * 1024
  let user: User
  const simulator = () => simulatorControl(stack.at(drive.offset))
  beforeAll(async () => {
    user = await openUser(`standing-${drive.name}`, drive.provider, account)
  })
  beforeEach(async () => {
    await simulator().clearFaults()
    await simulator().setQuota(account, 1_000_000_000)
  })

  it('is read while an upload is announced', async () => {
    const standing = await user.stored('announced')
    const { document } = await user.announce('announced', large)
    expect(document).toMatchObject({ status: 'receiving', etag: standing.before.etag })
    await expectStanding(user, standing, 'receiving')
  })

  it('is read while an upload is under way, whose numbers stand apart', async () => {
    const standing = await user.stored('moving')
    await simulator().fault(sending, { type: 'partial', bytes: 4 * 320 * 1024 })
    const pause = { type: 'status', status: 503, headers: { 'retry-after': '600' } } as const
    await simulator().fault(sending, pause, 50)
    expect(await user.send(await user.announce('moving', large), randomBytes(large))).toBe(200)
    const moving = await until(
      () => user.view('moving'),
      ({ progress }) => (progress?.bytesTransferred ?? 0) > 0,
    )
    expect(moving.progress?.bytesTotal).toBe(large)
    await expectStanding(user, standing, 'uploading')
    // A document that is put meanwhile is stored, and the upload is over.
    await simulator().clearFaults()
    const bytes = randomBytes(700)
    expect((await user.put('moving', bytes)).status).toBe(200)
    await expectStanding(user, { bytes, before: await user.view('moving') }, 'stored')
    if (!drive.keepsSessions) expect(await simulator().sessions(account)).toEqual([])
  })

  it('is read after an upload has failed, and after a put has', async () => {
    const standing = await user.stored('failed')
    const announced = await user.announce('failed', large)
    await simulator().setQuota(account, 1)
    expect(await user.send(announced, randomBytes(large))).toBe(200)
    const failed = await until(
      () => user.view('failed'),
      ({ status }) => status === 'failed',
    )
    expect(failed.error?.code).toBe('provider_quota_exceeded')
    await expectStanding(user, standing, 'failed')
    expectProblem(await user.put('failed', randomBytes(1000)), 507, 'provider_quota_exceeded')
    await expectStanding(user, standing, 'failed')
    await simulator().setQuota(account, 1_000_000_000)
    const bytes = randomBytes(1000)
    const again = await user.put('failed', bytes)
    expect([again.status, again.body.document.error]).toEqual([200, undefined])
    await expectStanding(user, { bytes, before: again.body.document }, 'stored')
  })

  it('is never a damaged replacement while the bytes are at hand', async () => {
    await user.stored('damaged')
    await simulator().fault(writes, { type: 'corrupt' }, 2)
    const bytes = randomBytes(1000)
    const put = await user.put('damaged', bytes)
    expect([put.status, put.body.document.checksum?.verdict]).toEqual([200, 'verified'])
    await expectStanding(user, { bytes, before: put.body.document }, 'stored')
  })

  it('is brought back when the drive has only damage to give', async () => {
    const standing = await user.stored('broken')
    await simulator().fault(writes, { type: 'corrupt' }, 3)
    expectProblem(await user.put('broken', randomBytes(1000)), 502, 'provider_error')
    // Brought back, it is another version to the drive.
    const { etag = '' } = await user.view('broken')
    expect(etag).not.toBe(standing.before.etag)
    await expectStanding(user, { ...standing, before: { ...standing.before, etag } }, 'failed')
  })

  it('is read after a delete that the drive did not take', async () => {
    const standing = await user.stored('kept')
    await simulator().fault({ path: 'kept|items|files' }, { type: 'status', status: 500 }, 100)
    const refused = await user.api.request<Problem>('DELETE', '/v1/documents/kept')
    await simulator().clearFaults()
    expectProblem(refused, 503, 'provider_unavailable')
    await expectStanding(user, standing, 'stored')
    expect((await user.api.request('DELETE', '/v1/documents/kept')).status).toBe(204)
    expect((await user.api.request('GET', '/v1/documents/kept/content')).status).toBe(404)
  })
})

describe('what stands on s3', () => {
  it('is read while an upload is announced, and when other bytes come than were announced', async () => {
    const user = await openUser('standing-s3', 's3', '')
    const standing = await user.stored('announced')
    const sha256 = createHash('sha256').update('right').digest('hex')
    const announced = await user.announce('announced', 5, sha256)
    await expectStanding(user, standing, 'receiving')
    expect(await user.send(announced, Buffer.from('wrong'))).toBeGreaterThanOrEqual(400)
    await expectStanding(user, standing, 'receiving')
    expect(await user.send(announced, Buffer.from('right'))).toBe(200)
    await until(
      () => user.view('announced'),
      ({ status }) => status === 'stored',
    )
    expect((await user.api.request('GET', '/v1/documents/announced/content')).text).toBe('right')
  })
})
