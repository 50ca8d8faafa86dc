import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Api, ConnectionAnswer, DocumentAnswer, Problem } from '../../support/api.ts'
import { apiOf } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { until } from '../../support/stack-control.ts'

/** A whole local stack whose registry has one provider more: a folder, with the six methods and nothing else. */
let stack: LocalStack
let folder: string
let api: Api
let connectionId: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driveway-shelf-'))
  const register = new URL('../../support/shelf/register.ts', import.meta.url).href
  stack = await startLocalStack({ env: { NODE_OPTIONS: `--import=${register}`, SHELF_DIR: folder } })
  api = await apiOf(stack.base, 'shelf-user')
  const started = await api.request<ConnectionAnswer>('POST', '/v1/connections', {
    json: { provider: 'shelf' },
  })
  if (started.body.connection.status !== 'active') throw new Error(started.text)
  connectionId = started.body.connection.id
})
afterAll(async () => {
  await stack.dispose()
  await rm(folder, { recursive: true, force: true })
})

const kept = async (): Promise<string[]> => await readdir(join(folder, 'shelf-user'))
const content = randomBytes(200_000)

it('puts, gets, stats and replaces a document', async () => {
  const path = `/v1/documents/report?connectionId=${connectionId}&extension=.pdf`
  const put = await api.request<DocumentAnswer>('PUT', path, { bytes: randomBytes(100) })
  expect([put.status, put.body.document]).toMatchObject([
    201,
    { provider: 'shelf', status: 'stored', size: 100, checksum: { verdict: 'verified' } },
  ])
  expect((await api.request('PUT', path, { bytes: content })).status).toBe(200)
  const got = await api.request('GET', '/v1/documents/report/content')
  expect([got.status, got.bytes.equals(content)]).toEqual([200, true])
  const { document } = (await api.request<DocumentAnswer>('GET', '/v1/documents/report')).body
  expect(document).toMatchObject({ status: 'stored', size: content.length })
  // Its names are its keys: what replaces another has a name of its own, so that the other stood until then.
  expect(await kept()).toEqual([expect.stringMatching(/^report%20\([0-9a-f]{8}\)\.pdf$/)])
})

it('gives a range, and refuses one past the end', async () => {
  const range = async (header: string) =>
    await api.request<Problem>('GET', '/v1/documents/report/content', { headers: { range: header } })
  const part = await range('bytes=1000-1999')
  expect([part.status, part.bytes.equals(content.subarray(1000, 2000))]).toEqual([206, true])
  expect((await range('bytes=200000-')).status).toBe(416)
})

it('takes what comes through the intake, of any size, without sessions', async () => {
  const bytes = randomBytes(12 * 1024 * 1024)
  const started = await api.request<
    DocumentAnswer & { upload: { url: string; headers: Record<string, string> } }
  >('POST', '/v1/documents/large/intake', {
    json: { connectionId, contentType: 'video/mp4', extension: '.mp4', size: bytes.length },
  })
  const { url, headers } = started.body.upload
  expect((await fetch(url, { method: 'PUT', headers, body: bytes })).status).toBe(200)
  const document = await until(
    async () => (await api.request<DocumentAnswer>('GET', '/v1/documents/large')).body.document,
    ({ status }) => status === 'stored',
  )
  expect(document).toMatchObject({ size: bytes.length, checksum: { verdict: 'verified' } })
  expect(await kept()).toContain('large.mp4')
})

it('says what it has not: presigned URLs, space', async () => {
  const refused = await api.request<Problem>('POST', '/v1/documents/report/download-url', { json: {} })
  expect([refused.status, refused.body.code]).toEqual([501, 'presigned_url_not_supported'])
  const health = await api.request<{ healthy: boolean }>('GET', `/v1/connections/${connectionId}/health`)
  expect(health.body).toMatchObject({ healthy: true, status: 'active' })
  expect(health.body).not.toHaveProperty('quota')
})

it('another extension is another file there, and the one before goes', async () => {
  const path = `/v1/documents/report?connectionId=${connectionId}&extension=.txt`
  expect((await api.request('PUT', path, { bytes: content })).status).toBe(200)
  const names = (await kept()).filter((name) => name.startsWith('report'))
  expect(names).toEqual([expect.stringMatching(/^report%20\([0-9a-f]{8}\)\.txt$/)])
})

it('deletes', async () => {
  for (const id of ['report', 'large'])
    expect((await api.request('DELETE', `/v1/documents/${id}`)).status).toBe(204)
  expect(await kept()).toEqual([])
})
