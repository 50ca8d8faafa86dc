import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Api, ConnectionAnswer, DocumentAnswer, Problem } from '../../support/api.ts'
import { apiOf } from '../../support/api.ts'
import { startCloudBox } from '../../support/cloud-box-server.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { whole } from '../../support/sample.ts'
import { until } from '../../support/stack-control.ts'
import type { Tree } from '../../support/tree.ts'
import { treeWith } from '../../support/tree.ts'
import { where } from '../../support/where.ts'

/**
 * A copy of this repository with two providers more: one in a folder of this machine, without a grant, and
 * one on a user's own server, behind an app password. Both have the six methods and little else.
 */
let tree: Tree
let stack: LocalStack
let box: Awaited<ReturnType<typeof startCloudBox>>
let shelf: string
beforeAll(async () => {
  shelf = await mkdtemp(join(tmpdir(), 'driveway-shelf-'))
  box = await startCloudBox()
  const folder = (name: string) => new URL(`../../support/${name}`, import.meta.url)
  tree = await treeWith(folder('shelf'), folder('cloud-box'))
  const env = { SHELF_DIR: shelf, ALLOWED_RETURN_URLS: 'https://app.example.com/' }
  stack = await startLocalStack({ cwd: tree.root, env })
})
afterAll(async () => {
  await stack.dispose()
  await tree.dispose()
  box.close()
  await rm(shelf, { recursive: true, force: true })
})

it('is a folder and its two lines: all else is generated', async () => {
  const added = ['cloud-box', 'shelf'].flatMap((id) =>
    ['README.md', 'about.ts', 'driver.ts', 'provider.ts'].map((file) => `lib/providers/${id}/${file}`),
  )
  const lines = ['lib/providers/load.ts', 'lib/providers/registry.ts']
  expect(await tree.changed()).toEqual([...added, ...lines].toSorted())
  for (const generator of ['client/generate.ts', 'client/error-guide.ts', 'docs/generate.ts'])
    await tree.run(generator)
  const generated = ['README.md', 'client/src/generated.ts', 'docs/provider-quirks.md']
  await tree.run('node_modules/oxfmt/bin/oxfmt', 'client/src/generated.ts', 'docs', 'README.md')
  expect(await tree.changed()).toEqual([...added, ...lines, ...generated].toSorted())
})

// Half a minute of two cores.
where(whole, () =>
  it('compiles, and keeps the rules', async () => {
    for (const project of ['tsconfig.json', 'web/tsconfig.json'])
      await tree.run('node_modules/typescript/bin/tsc', '-p', project)
    const rules = await tree.run('node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', 'test/rules')
    expect(rules).toContain('passed')
  }),
)

async function connectShelf(api: Api): Promise<string> {
  const { body } = await api.request<ConnectionAnswer>('POST', '/v1/connections', {
    json: { provider: 'shelf' },
  })
  return body.connection.id
}

/** As the user does it: name and app password on the page that the deployment shows. */
async function connectBox(api: Api): Promise<string> {
  const json = { provider: 'cloud-box', returnUrl: 'https://app.example.com/back' }
  const { body } = await api.request<ConnectionAnswer>('POST', '/v1/connections', { json })
  const { id } = body.connection
  const answer = await fetch(body.authorizationUrl ?? '', {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ serverUrl: box.origin, userName: 'somebody', password: 'an app password' }),
  })
  const completionCode = new URL(answer.headers.get('location') ?? '').searchParams.get('completionCode')
  await api.request('POST', `/v1/connections/${id}/complete`, { json: { completionCode } })
  return id
}

const providers = {
  shelf: { connect: connectShelf, kept: () => readdir(join(shelf, 'shelf-user')), quota: undefined },
  'cloud-box': {
    connect: connectBox,
    kept: () => Promise.resolve([...box.filesOf('somebody')].map((path) => path.replace(/^.*\//, ''))),
    quota: { used: 200_000 + 12 * 1024 * 1024 },
  },
}

describe.each(['shelf', 'cloud-box'] as const)('a %s', (provider) => {
  const { connect, kept, quota } = providers[provider]
  const content = randomBytes(200_000)
  let api: Api
  let connectionId: string
  beforeAll(async () => {
    box.user('somebody', 'an app password')
    api = await apiOf(stack.base, `${provider}-user`)
    connectionId = await connect(api)
  })

  it('is connected', async () => {
    const shown = await api.request<ConnectionAnswer>('GET', `/v1/connections/${connectionId}`)
    expect(shown.body.connection).toMatchObject({ provider, status: 'active' })
  })

  it('puts, gets, stats and replaces a document', async () => {
    const path = `/v1/documents/report?connectionId=${connectionId}&extension=.pdf`
    const put = await api.request<DocumentAnswer>('PUT', path, { bytes: randomBytes(100) })
    expect([put.status, put.body.document]).toMatchObject([
      201,
      { provider, status: 'stored', size: 100, checksum: { verdict: 'verified' } },
    ])
    expect((await api.request('PUT', path, { bytes: content })).status).toBe(200)
    const got = await api.request('GET', '/v1/documents/report/content')
    expect([got.status, got.bytes.equals(content)]).toEqual([200, true])
    const { document } = (await api.request<DocumentAnswer>('GET', '/v1/documents/report')).body
    expect(document).toMatchObject({ status: 'stored', size: content.length })
    // Names are its keys: what replaces another has a name of its own, so that the other stood until then.
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

  it('says what it has not, and how full it is where it knows', async () => {
    const refused = await api.request<Problem>('POST', '/v1/documents/report/download-url', { json: {} })
    expect([refused.status, refused.body.code]).toEqual([501, 'presigned_url_not_supported'])
    const { body } = await api.request<object>('GET', `/v1/connections/${connectionId}/health`)
    expect(body).toMatchObject({ healthy: true, status: 'active' })
    expect('quota' in body ? body.quota : undefined).toEqual(quota)
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
})
