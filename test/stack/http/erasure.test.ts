import { GetSecretValueCommand, ListSecretsCommand } from '@aws-sdk/client-secrets-manager'
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tables } from '../../../lib/contract/tables.ts'
import type { Api, ConnectionAnswer, DocumentAnswer, Problem } from '../../support/api.ts'
import { apiOf, apiWith, connect, machineToken } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import type { StackControl } from '../../support/stack-control.ts'
import { stackControl, until } from '../../support/stack-control.ts'

let stack: LocalStack
let control: StackControl
let bucket: S3Client
let machine: Api

beforeAll(async () => {
  stack = await startLocalStack()
  control = stackControl(stack)
  bucket = new S3Client({
    endpoint: stack.at(3),
    region: 'eu-central-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local-secret' },
  })
  machine = apiWith(stack.base, await machineToken(stack.base, 'backend', ['users.erase']))
})
afterAll(async () => {
  bucket.destroy()
  control.close()
  await stack.dispose()
})

interface ErasureAnswer {
  readonly erasure: {
    readonly id: string
    readonly userId: string
    readonly status: 'running' | 'waiting' | 'done'
    readonly files: string
    readonly startedAt: string
    readonly doneAt?: string
    readonly counts: Readonly<Record<string, number>>
    readonly kept: readonly { readonly what: string; readonly until: string }[]
  }
}

const erase = async (user: string, query = '') =>
  machine.request<ErasureAnswer>('DELETE', `/v1/users/${encodeURIComponent(user)}${query}`)
const erasureOf = async (user: string) =>
  (await machine.request<ErasureAnswer>('GET', `/v1/users/${encodeURIComponent(user)}/erasure`)).body.erasure
const reached = (user: string, ...wanted: string[]) =>
  until(
    () => erasureOf(user),
    ({ status }) => wanted.includes(status),
  )

/** Everything that the tables, buckets and secrets hold, as text. */
async function everything(): Promise<string> {
  const parts: string[] = []
  for (const { name } of tables)
    parts.push(
      JSON.stringify(await control.scan(name), (_key, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
      ),
    )
  for (const Bucket of ['driveway-intake', 'driveway-storage']) {
    const { Versions = [], DeleteMarkers = [] } = await bucket.send(new ListObjectVersionsCommand({ Bucket }))
    for (const { Key = '' } of [...Versions, ...DeleteMarkers]) parts.push(Key)
    for (const { Key = '' } of Versions) {
      const { Body } = await bucket.send(new GetObjectCommand({ Bucket, Key }))
      parts.push((await Body?.transformToString('latin1')) ?? '')
    }
    const { Uploads = [] } = await bucket.send(new ListMultipartUploadsCommand({ Bucket }))
    for (const { Key = '' } of Uploads) parts.push(Key)
  }
  const { SecretList = [] } = await control.secrets.send(new ListSecretsCommand({ MaxResults: 100 }))
  for (const { Name = '' } of SecretList) {
    const { SecretString = '', SecretBinary = new Uint8Array() } = await control.secrets.send(
      new GetSecretValueCommand({ SecretId: Name }),
    )
    parts.push(Name, SecretString, Buffer.from(SecretBinary).toString('latin1'))
  }
  return parts.join('\n')
}

async function queued(): Promise<number> {
  const counts = await Promise.all(
    ['driveway-intake-events', 'driveway-intake-short', 'driveway-intake-long'].map(async (queue) => {
      const answer = await fetch(stack.at(5), {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': 'AmazonSQS.GetQueueAttributes',
        },
        body: JSON.stringify({
          QueueUrl: `${stack.at(5)}/000000000000/${queue}`,
          AttributeNames: ['All'],
        }),
      })
      const { Attributes = {} } = (await answer.json()) as { Attributes?: Record<string, string> }
      return Object.entries(Attributes)
        .filter(([name]) => name.startsWith('ApproximateNumberOfMessages'))
        .reduce((sum, [, count]) => sum + Number(count), 0)
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

/** A user with something in every state that can be had. */
async function busyUser(
  user: string,
): Promise<{ readonly api: Api; readonly drive: string; readonly marks: string[] }> {
  const api = await apiOf(stack.base, user)
  const account = `${user}@example.com`
  const drive = await connect(api, 'google-drive', account)
  const given = await connect(api, 'onedrive', `${user}@contoso.example`)
  const own = await connect(api, 's3', '')
  const mark = `content-of-${user}`
  const put = (id: string, connectionId: string, name = `${id} of ${user}`) =>
    api.request<DocumentAnswer>(
      'PUT',
      `/v1/documents/${id}?connectionId=${connectionId}&name=${encodeURIComponent(name)}`,
      { bytes: Buffer.from(`${mark} ${id}`) },
    )
  expect((await put('in-drive', drive)).status).toBe(201)
  expect((await put('given-up', given)).status).toBe(201)
  expect((await put('in-bucket', own)).status).toBe(201)
  expect((await put('in-bucket', own)).status).toBe(200)
  expect((await api.request('DELETE', `/v1/connections/${given}`)).status).toBe(204)
  // Announced and never sent, in one piece and in parts of which one has come.
  await api.request('POST', '/v1/documents/announced/intake', {
    json: { connectionId: drive, contentType: 'text/plain', size: 10 },
  })
  const parts = await api.request<{ upload: { parts: { url: string }[]; partSize: number } }>(
    'POST',
    '/v1/documents/in-parts/intake',
    { json: { connectionId: own, contentType: 'text/plain', size: 6 * 1024 * 1024, multipart: true } },
  )
  const { upload } = parts.body
  await fetch(upload.parts[0]?.url ?? '', { method: 'PUT', body: Buffer.alloc(upload.partSize, mark) })
  // A drop whose connection is none, which stays in the bucket as rejected.
  await bucket.send(
    new PutObjectCommand({ Bucket: 'driveway-intake', Key: `${user}/nobody/lost.txt`, Body: mark }),
  )
  // A consent under way.
  await api.request<ConnectionAnswer>('POST', '/v1/connections', { json: { provider: 'google-drive' } })
  return { api, drive, marks: [user, account, mark] }
}

describe('erasing a user', () => {
  it('leaves nothing of the user, and all of everybody else', async () => {
    const { marks } = await busyUser('erased-one')
    await busyUser('other-one')
    const before = await everything()
    for (const mark of marks) expect(before).toContain(mark)

    const connections = (await control.scan('connections')).filter(({ userKey }) => userKey === 'erased-one')
    const begun = await erase('erased-one')
    expect(begun.status).toBe(202)
    expect(begun.body.erasure).toMatchObject({ userId: 'erased-one', status: 'running', files: 'keep' })
    const again = await erase('erased-one', '?files=delete')
    expect(again.body.erasure).toMatchObject({ id: begun.body.erasure.id, files: 'keep' })

    const erasure = await reached('erased-one', 'waiting', 'done')
    expect(connections).toHaveLength(4)
    expect(erasure.id).toBe(begun.body.erasure.id)
    expect(erasure.counts).toMatchObject({ connections: 4, documents: 5 })
    expect(erasure.kept.map(({ what }) => what)).toContain('change streams')
    // What it waits for are the marks that keep late writes out.
    await reached('erased-one', 'done')
    await until(queued, (count) => count === 0)
    const left = await everything()
    for (const mark of marks) expect(left).not.toContain(mark)
    for (const { connectionId } of connections) expect(left).not.toContain(connectionId)
    expect(left).toContain('content-of-other-one')
    // Files in the user's own drive are the user's.
    const files = await control.simulator({ offset: 1 }).files('erased-one@example.com')
    expect(files.map(({ trashed }) => trashed)).toEqual([false])
    const other = await apiOf(stack.base, 'other-one')
    expect((await other.request('GET', '/v1/documents/in-drive/content')).text).toContain('in-drive')
    expect((await other.request('GET', '/v1/documents/in-bucket/content')).text).toContain('in-bucket')
  })

  it('takes no new connection, and no document, until it is done; then the user may begin anew', async () => {
    const api = await apiOf(stack.base, 'stubborn')
    const connectionId = await connect(api, 'google-drive', 'stubborn@example.com')
    await erase('stubborn')
    const refused = await api.request<Problem>('POST', '/v1/connections', { json: { provider: 's3' } })
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden'])
    await reached('stubborn', 'waiting', 'done')
    const put = await api.request<Problem>('PUT', `/v1/documents/late?connectionId=${connectionId}`, {
      bytes: Buffer.from('late'),
    })
    expect(put.status).toBe(404)
    expect((await api.request('GET', '/v1/connections')).text).toBe('{"connections":[]}')
  })

  it('without a grant is done by itself, says so to the bus, and begins anew for who comes back', async () => {
    const user = 'zoë|with any name'
    const api = await apiOf(stack.base, user)
    await connect(api, 's3', '')
    expect(
      (await api.request('PUT', '/v1/documents/one', { bytes: Buffer.from('secret of zoë') })).status,
    ).toBe(201)
    const begun = await erase(user)
    const done = await reached(user, 'done')
    expect(done).toMatchObject({
      id: begun.body.erasure.id,
      counts: { connections: 1, documents: 1, objects: 1 },
    })
    expect(done.doneAt).toBeDefined()
    const text = await everything()
    expect(text).not.toMatch(/zoë|secret of/)
    const events = (await (await fetch(`${stack.at(6)}/_local/events`)).json()) as {
      'detail-type': string
      detail: Record<string, unknown>
    }[]
    const told = events.filter(
      (event) => event['detail-type'] === 'User Erased' && event.detail['userId'] === user,
    )
    expect(told.map(({ detail }) => detail['eventId'])).toEqual([done.id])
    // Nothing has come since: it is the same erasure still.
    expect((await erase(user)).body.erasure).toMatchObject({ id: done.id, status: 'done' })
    await connect(api, 's3', '')
    const anew = (await erase(user)).body.erasure
    expect(anew.id).not.toBe(done.id)
    await reached(user, 'done')
    expect((await api.request('GET', '/v1/connections')).text).toBe('{"connections":[]}')
  })

  it('also removes the files when it is told to', async () => {
    const api = await apiOf(stack.base, 'thorough')
    const connectionId = await connect(api, 'google-drive', 'thorough@example.com')
    for (const id of ['a', 'b'])
      await api.request('PUT', `/v1/documents/${id}?connectionId=${connectionId}`, { bytes: Buffer.from(id) })
    const files = () => control.simulator({ offset: 1 }).files('thorough@example.com')
    expect(await files()).toHaveLength(2)
    await erase('thorough', '?files=delete')
    await reached('thorough', 'waiting', 'done')
    expect(await files()).toEqual([])
  })

  it('ends an upload that is on its way to the drive', async () => {
    const api = await apiOf(stack.base, 'hasty')
    const connectionId = await connect(api, 'google-drive', 'hasty@example.com')
    const simulator = control.simulator({ offset: 1 })
    await simulator.fault({ path: 'upload' }, { type: 'delay', ms: 4_000 })
    const Key = `hasty/${connectionId}/on-its-way.txt`
    const Body = 'content-of-hasty'.repeat(400_000)
    await bucket.send(new PutObjectCommand({ Bucket: 'driveway-intake', Key, Body }))
    await until(
      () => api.request<DocumentAnswer>('GET', '/v1/documents/on-its-way'),
      ({ body }) => body?.document?.status === 'uploading',
    )
    await erase('hasty')
    await reached('hasty', 'done')
    await until(queued, (count) => count === 0)
    expect(await everything()).not.toContain('hasty')
  })

  it('of somebody who was never here is done too', async () => {
    await erase('nobody-ever')
    expect(await reached('nobody-ever', 'done')).toMatchObject({
      counts: { connections: 0, documents: 0, objects: 0 },
    })
  })

  it('is for machines with the scope alone', async () => {
    const alice = await apiOf(stack.base, 'alice')
    const weak = apiWith(stack.base, await machineToken(stack.base, 'backend', ['documents.write']))
    for (const caller of [alice, weak])
      for (const [method, path] of [
        ['DELETE', '/v1/users/alice'],
        ['GET', '/v1/users/alice/erasure'],
        ['GET', '/v1/users/alice/export'],
      ] as const) {
        const answer = await caller.request<Problem>(method, path)
        expect([answer.status, answer.body.code]).toEqual([403, 'forbidden'])
      }
    const unknown = await machine.request<Problem>('GET', '/v1/users/alice/erasure')
    expect([unknown.status, unknown.body.code]).toEqual([404, 'not_found'])
    const odd = await machine.request<Problem>('DELETE', '/v1/users/%20?files=burn')
    expect(odd.status).toBe(400)
    expect((await alice.request('GET', '/v1/connections')).text).toContain('active')
  })
})

it('exporting a user shows every row, page by page, and nothing that opens anything', async () => {
  const { drive } = await busyUser('exported')
  const all: { table: string; row: Record<string, unknown> }[] = []
  let cursor: string | undefined
  do {
    const page = await machine.request<{ rows: typeof all; nextCursor?: string }>(
      'GET',
      `/v1/users/exported/export${cursor === undefined ? '' : `?cursor=${cursor}`}`,
    )
    expect(page.status).toBe(200)
    all.push(...page.body.rows)
    cursor = page.body.nextCursor
  } while (cursor !== undefined)
  const of = (table: string) => all.filter((entry) => entry.table === table).map(({ row }) => row)
  expect(of('connections')).toHaveLength(4)
  expect(of('grants').map((row) => row['connectionId'])).toContain(drive)
  expect(of('documents').map((row) => row['documentId'])).toEqual([
    'announced',
    'given-up',
    'in-bucket',
    'in-drive',
    'in-parts',
  ])
  const sealed = /sealedUrl|accessToken|refreshToken|"key":\{|"hot"|hashState/
  expect(JSON.stringify(all)).not.toMatch(sealed)
})
