import { marshall } from '@aws-sdk/util-dynamodb'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bodyExamples, parameterWords } from '../../../../lib/contract/openapi/words.ts'
import { routeList } from '../../../../lib/contract/routes.ts'
import { words } from '../../../../lib/contract/words.ts'
import type { BundleWorld } from '../../infra/support/bundle-world.ts'
import { intakeEvent, startBundleWorld } from '../../infra/support/bundle-world.ts'
import type { Api, ConnectionAnswer, DocumentAnswer, Problem, Provider } from '../../../support/api.ts'

/**
 * The bundles that `cdk deploy` uploads, each in a process that Lambda's runtime API
 * feeds, with the variables that the template gives it and no others, and with every AWS
 * call held against the role that the template gives it.
 */

let world: BundleWorld
let api: Api

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

beforeAll(async () => {
  world = await startBundleWorld()
  api = world.api
}, 180_000)
afterAll(() => world.close())

/** A parameter's example in the API's description, which fits and names nothing that is there. */
const exampleOf = (_: string, name: string): string => String(parameterWords[name]?.example)

const accounts: readonly [Provider, string][] = [
  ['google-drive', 'carol@example.com'],
  ['onedrive', 'carol@outlook.com'],
  ['s3', ''],
]

describe.each(accounts)('the bundles on %s', (provider, account) => {
  const content = randomBytes(300_000)
  const id = `bundle-${provider}`
  let connectionId: string

  test('connect', async () => {
    connectionId = await world.connect(provider, account)
    const shown = await api.request<ConnectionAnswer>('GET', `/v1/connections/${connectionId}`)
    expect(shown.body.connection.status).toBe('active')
    const all = await api.request<{ connections: unknown[] }>('GET', '/v1/connections')
    expect(all.body.connections.length).toBeGreaterThan(0)
    const health = await api.request<{ healthy: boolean }>('GET', `/v1/connections/${connectionId}/health`)
    expect([health.status, health.body.healthy]).toEqual([200, true])
  })

  test('put, stat, stream, range, list', async () => {
    const put = await api.request<DocumentAnswer>(
      'PUT',
      `/v1/documents/${id}?connectionId=${connectionId}&extension=.bin`,
      {
        bytes: content,
      },
    )
    expect([put.status, put.text]).toEqual([201, expect.any(String)])
    const stat = await api.request<DocumentAnswer>('GET', `/v1/documents/${id}`)
    expect(stat.body.document).toMatchObject({ status: 'stored', size: content.length })
    const got = await api.request('GET', `/v1/documents/${id}/content`)
    expect([got.status, got.headers.get('transfer-encoding') ?? got.headers.get('content-length')]).toEqual([
      200,
      expect.any(String),
    ])
    expect(sha256(got.bytes)).toBe(sha256(content))
    const range = await api.request('GET', `/v1/documents/${id}/content`, {
      headers: { range: 'bytes=10-19' },
    })
    expect([range.status, range.bytes.equals(content.subarray(10, 20))]).toEqual([206, true])
    const list = await api.request<{ documents: { id: string }[] }>('GET', '/v1/documents')
    expect(list.body.documents.map((document) => document.id)).toContain(id)
  })

  test('presigned URLs on s3, 501 on a drive', async () => {
    const got = await api.request<{ url: string } & Problem>('POST', `/v1/documents/${id}/download-url`, {
      json: {},
    })
    const uploadUrl = (name: string) =>
      api.request<{ url: string } & Problem>('POST', `/v1/documents/${name}/upload-url`, {
        json: { connectionId, contentType: 'application/octet-stream' },
      })
    const put = await uploadUrl(`${id}-presigned`)
    if (provider !== 's3') {
      expect([got.status, got.body.code, put.status, put.body.code]).toEqual([
        501,
        'presigned_url_not_supported',
        501,
        'presigned_url_not_supported',
      ])
      return
    }
    const downloaded = await fetch(got.body.url)
    expect(sha256(Buffer.from(await downloaded.arrayBuffer()))).toBe(sha256(content))
    const { url } = (await uploadUrl(`${id}-presigned`)).body
    const headers = { 'content-type': 'application/octet-stream' }
    expect((await fetch(url, { method: 'PUT', body: content, headers })).status).toBe(200)
    const key = decodeURIComponent(new URL(url).pathname.split('/').slice(2).join('/'))
    expect(await world.host.invoke('ingest-object', intakeEvent(key, content.length))).toEqual({
      batchItemFailures: [],
    })
    const read = await api.request('GET', `/v1/documents/${id}-presigned/content`)
    expect([read.status, sha256(read.bytes)]).toEqual([200, sha256(content)])
  })

  test('intake: the object, its event, the drive', async () => {
    const begun = await api.request<
      DocumentAnswer & { upload: { url: string; headers: Record<string, string> } }
    >('POST', `/v1/documents/${id}-intake/intake`, {
      json: { connectionId, contentType: 'application/pdf', extension: '.pdf', size: content.length },
    })
    expect([begun.status, begun.text]).toEqual([201, expect.any(String)])
    const { url, headers } = begun.body.upload
    expect((await fetch(url, { method: 'PUT', body: content, headers })).status).toBe(200)
    const key = decodeURIComponent(new URL(url).pathname.split('/').slice(2).join('/'))
    expect(await world.host.invoke('ingest-object', intakeEvent(key, content.length))).toEqual({
      batchItemFailures: [],
    })
    const stored = await api.request<DocumentAnswer>('GET', `/v1/documents/${id}-intake`)
    expect(stored.body.document).toMatchObject({ status: 'stored', size: content.length })
    // The same event once more finds its work done.
    expect(await world.host.invoke('ingest-object', intakeEvent(key, content.length))).toEqual({
      batchItemFailures: [],
    })
  })

  test('delete, disconnect', async () => {
    for (const name of [id, id, `${id}-intake`]) {
      expect((await api.request('DELETE', `/v1/documents/${name}`)).status).toBe(204)
    }
    if (provider !== 's3') {
      const again = await api.request<ConnectionAnswer>(
        'POST',
        `/v1/connections/${connectionId}/reauthorize`,
        { json: {} },
      )
      expect([again.status, again.body.authorizationUrl]).toEqual([200, expect.stringMatching(/^http/)])
    }
    expect((await api.request('DELETE', `/v1/connections/${connectionId}`)).status).toBe(204)
  })
})

test('the schedules’ functions', async () => {
  await expect(world.host.invoke('sweep-transfers', {})).resolves.toBeNull()
  await expect(world.host.invoke('keep-alive', {})).resolves.toBeNull()
})

test('the function that tells what the rows say', async () => {
  const image = {
    userKey: 'bundle-user',
    userId: 'bundle-user',
    connectionId: randomUUID(),
    provider: 'google-drive',
    status: 'active',
    createdAt: '2026-11-27T10:00:00.000Z',
    updatedAt: '2026-11-27T10:00:01.000Z',
    version: 2,
    seq: 1,
    event: { id: randomUUID(), type: 'Connection Activated' },
  }
  const record = { eventName: 'MODIFY', dynamodb: { SequenceNumber: '1', NewImage: marshall(image) } }
  expect(await world.host.invoke('tell', { Records: [record] })).toEqual({ batchItemFailures: [] })
  const events = await (await fetch(`${world.stack.at(6)}/_local/events`)).text()
  expect(events).toContain(image.event.id)
})

test('every function has been given what it begins with', async () => {
  const asked = routeList.flatMap(({ methods, path, body }) =>
    methods.map((method) => ({ method, path: path.replaceAll(/\{(\w+)\}/g, exampleOf), body })),
  )
  for (const { method, path, body } of asked) {
    const sent = body.kind === 'json' ? { json: bodyExamples[words.get(body.schema)?.id ?? ''] } : {}
    const { status, text } = await api.request(method, path, { ...sent, redirect: 'manual' })
    expect([method, path, status < 500, text]).toEqual([method, path, true, text])
  }
})

test('the API describes itself, and refuses strangers', async () => {
  expect((await api.request('GET', '/v1/openapi.json', { token: null })).status).toBe(200)
  expect((await api.request('GET', '/v1/documents', { token: null })).status).toBe(401)
  expect((await api.request('GET', '/v1/documents', { token: 'no.such.token' })).status).toBe(401)
})

test('no function asked AWS for anything that its role does not allow', () => {
  expect(world.gate.refused).toEqual([])
  expect(new Set(world.gate.calls).size).toBeGreaterThan(50)
})
