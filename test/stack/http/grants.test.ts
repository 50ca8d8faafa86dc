import { createHash, randomBytes } from 'node:crypto'
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { documentRow } from '../../../lib/catalog/document.ts'
import type { ConnectionView, DocumentView, HealthView } from '../../../lib/contract/views.ts'
import type { Answer, Api, ConnectionAnswer, DocumentAnswer, Problem } from '../../support/api.ts'
import { apiOf, callback, connect, consent } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import { whole } from '../../support/sample.ts'
import type { DriveUnderTest, StackControl } from '../../support/stack-control.ts'
import { drives, expectProblem, stackControl, until } from '../../support/stack-control.ts'

let stack: LocalStack
let control: StackControl
let bucket: S3Client
beforeAll(async () => {
  stack = await startLocalStack()
  control = stackControl(stack)
  bucket = new S3Client({
    endpoint: stack.at(3),
    region: 'eu-central-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local-secret' },
  })
})
afterAll(async () => {
  control.close()
  bucket.destroy()
  await stack.dispose()
})

const calls = whole ? 1_000 : 100
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const requiresReauth = async (id: string) =>
  (await control.events(id)).filter((event) => event['detail-type'] === 'Connection Requires Reauth')

/** A user with an active connection and a document on it. */
async function openUser(drive: DriveUnderTest, sub: string) {
  const { provider, domain } = drive
  const account = `${sub}@${domain}`
  const userKey = `${sub}-${drive.name}`
  const api = await apiOf(stack.base, userKey)
  const id = await connect(api, provider, account)
  const path = '/v1/documents/standing'
  const put = await api.request<DocumentAnswer>('PUT', `${path}?connectionId=${id}`, {
    bytes: Buffer.from('content'),
  })
  expect(put.status).toBe(201)
  const simulator = control.simulator(drive)
  return {
    id,
    api,
    account,
    userKey,
    simulator,
    document: put.body.document,
    read: () => api.request<Problem>('GET', `${path}/content`),
    connection: async () =>
      (await api.request<ConnectionAnswer>('GET', `/v1/connections/${id}`)).body.connection,
    health: async () => (await api.request<HealthView>('GET', `/v1/connections/${id}/health`)).body,
    /** The access token ends at the provider, so that the next call needs a refresh. */
    expire: () => simulator.expireTokens(account),
    async reconnect(): Promise<Answer<ConnectionAnswer>> {
      const { body } = await api.request<ConnectionAnswer>('POST', `/v1/connections/${id}/reauthorize`, {
        json: {},
      })
      expect(body.connection.id).toBe(id)
      const { completionCode } = await callback(
        await consent(body.authorizationUrl ?? '', { decision: 'approve', account }),
      )
      return api.request<ConnectionAnswer>('POST', `/v1/connections/${id}/complete`, {
        json: { completionCode },
      })
    },
    drop: (documentId: string, body: Buffer) =>
      bucket.send(
        new PutObjectCommand({
          Bucket: 'driveway-intake',
          Key: `${userKey}/${id}/${documentId}.bin`,
          Body: body,
        }),
      ),
    intakeHas: (documentId: string) =>
      bucket
        .send(new HeadObjectCommand({ Bucket: 'driveway-intake', Key: `${userKey}/${id}/${documentId}.bin` }))
        .then(
          () => true,
          () => false,
        ),
    stat: async (documentId: string) =>
      (await api.request<DocumentAnswer>('GET', `/v1/documents/${documentId}`)).body.document,
  }
}
type User = Awaited<ReturnType<typeof openUser>>

/** `count` requests of all kinds that would reach the provider, some at once. */
async function manyCalls(user: User, count: number): Promise<Map<string, number>> {
  const { api, id } = user
  const kinds: (() => Promise<Answer<Problem>>)[] = [
    () => user.read(),
    () => api.request('GET', '/v1/documents/standing'),
    () => api.request('PUT', `/v1/documents/new?connectionId=${id}`, { bytes: Buffer.from('new') }),
    () =>
      api.request('POST', '/v1/documents/new/intake', {
        json: { connectionId: id, contentType: 'text/plain', size: 3 },
      }),
    () => api.request('GET', `/v1/connections/${id}/health`),
  ]
  const outcomes = new Map<string, number>()
  let begun = 0
  const worker = async (): Promise<void> => {
    while (begun < count) {
      begun += 1
      const answer = await kinds[begun % kinds.length]?.()
      const outcome = `${String(answer?.status)} ${answer?.body.code ?? answer?.body.status ?? ''}`
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  return outcomes
}

describe.each(drives)('a grant of $provider', (drive) => {
  const simulator = () => control.simulator(drive)
  beforeEach(() => simulator().clearFaults())

  it(`that is revoked: 409 and one event, ${calls} calls without the provider, and a reconnect heals in place`, async () => {
    const user = await openUser(drive, 'revoked')
    await user.simulator.revoke(user.account)
    await user.expire()
    // Many find it at the same moment.
    const found = await Promise.all(Array.from({ length: 10 }, () => user.read()))
    for (const answer of found) {
      expectProblem(answer, 409, 'connection_requires_reauth')
      expect(answer.body.connectionId).toBe(user.id)
      expect(answer.body.links).toEqual({ reauthorize: `/v1/connections/${user.id}/reauthorize` })
    }
    expect(await user.connection()).toMatchObject({ status: 'requires_reauth', reason: 'grant_revoked' })
    const event = {
      'detail-type': 'Connection Requires Reauth',
      source: 'driveway',
      detail: {
        eventId: expect.any(String),
        seq: 2,
        schemaVersion: 1,
        occurredAt: expect.any(String),
        userId: user.userKey,
        connectionId: user.id,
        provider: drive.provider,
        reason: 'grant_revoked',
      },
    }
    expect(await requiresReauth(user.id)).toEqual([expect.objectContaining(event)])

    await user.simulator.clearRequests()
    const outcomes = await manyCalls(user, calls)
    expect(Object.fromEntries(outcomes)).toEqual({
      '409 connection_requires_reauth': (calls / 5) * 4,
      '200 requires_reauth': calls / 5,
    })
    await user.drop('waiting', randomBytes(200_000))
    await until(
      () => user.stat('waiting'),
      (document) => document?.status === 'parked',
    )
    expect(await user.simulator.requests()).toEqual([])
    expect(await requiresReauth(user.id)).toHaveLength(1)
    expect(await user.health()).toMatchObject({
      healthy: false,
      status: 'requires_reauth',
      reason: 'grant_revoked',
    })

    const completed = await user.reconnect()
    expect(completed.status).toBe(200)
    expect(completed.body.connection).toMatchObject({ id: user.id, status: 'active' })
    expect(completed.body.connection).not.toHaveProperty('reason')
    expect((await user.read()).text).toBe('content')
    expect(await user.stat('standing')).toMatchObject({
      connectionId: user.id,
      objectKey: user.document.objectKey,
      status: 'stored',
    })
    const woken = await until(
      () => user.stat('waiting'),
      (document) => document?.status === 'stored',
    )
    expect(woken).toMatchObject({ connectionId: user.id, size: 200_000 })
    expect(await user.health()).toMatchObject({ healthy: true, status: 'active' })
    expect(await requiresReauth(user.id)).toHaveLength(1)
  }, 180_000)

  it('survives a wrong client secret: the operator is told, and the connection is as before', async () => {
    const user = await openUser(drive, 'operator')
    const before = {
      connection: await user.connection(),
      secret: await control.grant(user.id),
    }
    const clientId = `driveway-local-${drive.name}`
    const redirectUris = [`${stack.base}/v1/oauth/callback`]
    await user.simulator.registerClient({ clientId, clientSecret: 'rotated-by-the-operator', redirectUris })
    await user.expire()
    expectProblem(await user.read(), 503, 'operator_attention')
    const health = await user.health()
    expect(health).toMatchObject({ healthy: false, status: 'active', reason: 'operator_attention' })
    expect(stack.output()).toMatch(/"level":"ERROR".*"operatorFault":true/)
    const after = {
      connection: await user.connection(),
      secret: await control.grant(user.id),
    }
    expect(after).toEqual(before)
    expect(await requiresReauth(user.id)).toEqual([])
    await user.simulator.registerClient({ clientId, clientSecret: `${clientId}-secret`, redirectUris })
    expect((await user.read()).text).toBe('content')
  })
})

/** One outage after the other; none does anything to the connection. */
async function outlive(drive: DriveUnderTest): Promise<void> {
  const user = await openUser(drive, 'outage')
  const before = await user.connection()
  const outages: [string, Parameters<typeof user.simulator.fault>[1], number, string][] = [
    ['an HTTP 500', { type: 'status', status: 500 }, 503, 'provider_unavailable'],
    ['an HTTP 503', { type: 'status', status: 503 }, 503, 'provider_unavailable'],
    ['an HTML page with 502', { type: 'garbage' }, 503, 'provider_unavailable'],
    ['an HTML page with 400', { type: 'garbage', status: 400 }, 503, 'provider_unavailable'],
    ['an HTML page with 200', { type: 'garbage', status: 200 }, 503, 'provider_unavailable'],
    ['a dropped connection', { type: 'reset' }, 503, 'provider_unavailable'],
    [
      'an HTTP 429',
      { type: 'status', status: 429, headers: { 'retry-after': '60' } },
      429,
      'provider_throttled',
    ],
  ]
  for (const [what, action, status, code] of outages) {
    await user.expire()
    await user.simulator.fault({ path: drive.tokenPath }, action, 100)
    const answer = await user.read()
    expect([what, answer.status, answer.body.code]).toEqual([what, status, code])
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect([what, await user.connection()]).toEqual([what, before])
    await user.simulator.clearFaults()
    // The last one asked for a pause, which is kept.
    if (status === 503) expect([what, (await user.read()).text]).toEqual([what, 'content'])
  }
  await user.simulator.clearRequests()
  expectProblem(await user.read(), 429, 'provider_throttled')
  const asked = (await user.simulator.requests()).map(({ path }) => path)
  expect(asked.filter((path) => new RegExp(drive.tokenPath).test(path))).toEqual([])
  expect(await user.connection()).toEqual(before)
  expect(await requiresReauth(user.id)).toEqual([])
}

describe('a token endpoint', () => {
  // Both drives at once: most of it is waiting.
  it('that fails, in whatever way, kills no connection', async () => {
    await Promise.all(drives.map(outlive))
  })

  it('that hangs is asked again in time for the request to succeed, and kills nothing', async () => {
    await Promise.all(
      drives.map(async (drive) => {
        const user = await openUser(drive, 'hanging')
        const before = await user.connection()
        await user.expire()
        await user.simulator.fault({ path: drive.tokenPath }, { type: 'delay', ms: 9_000 })
        expect((await user.read()).text).toBe('content')
        expect(await user.connection()).toEqual(before)
        expect(await requiresReauth(user.id)).toEqual([])
      }),
    )
  })
})

describe.each(drives)('disconnecting $provider', (drive) => {
  const tokensOf = async (id: string) =>
    (await control.scan('tokens')).filter((row) => row['connectionId'] === id)
  /** What is under way to a drive, by the rows of its documents. */
  const changesOf = async (id: string) =>
    (await control.scan('documents'))
      .map((row) => documentRow.parse(row))
      .filter(({ change }) => change?.connectionId === id)
  const list = async (api: Api): Promise<readonly ConnectionView[]> =>
    (await api.request<{ connections: ConnectionView[] }>('GET', '/v1/connections')).body.connections

  it('ends transfers and the grant, deletes the secret, keeps the files, and a reconnect brings it back', async () => {
    const user = await openUser(drive, 'leaving')
    const { api, id } = user
    // One upload that has not come yet, and one that is half-way: the
    // provider keeps a part of it and asks for a pause.
    const announced = await api.request('POST', '/v1/documents/announced/intake', {
      json: { connectionId: id, contentType: 'text/plain', size: 3 },
    })
    expect(announced.status).toBe(201)
    const upload = drive.sending
    await user.simulator.fault(upload, { type: 'partial', bytes: 8 * 320 * 1024 })
    await user.simulator.fault(upload, { type: 'status', status: 503, headers: { 'retry-after': '600' } }, 50)
    await user.drop('half', randomBytes(12 * 1024 * 1024))
    await until(
      async () => (await changesOf(id)).find(({ documentId }) => documentId === 'half')?.change,
      (change) => change?.notBefore !== undefined && change.session !== undefined,
    )
    expect(await user.simulator.sessions(user.account)).toMatchObject([{ received: 8 * 320 * 1024 }])
    const refreshToken = (await control.grant(id)) ?? ''
    const stranger = await apiOf(stack.base, 'stranger')
    expectProblem(
      await stranger.request<Problem>('DELETE', `/v1/connections/${id}`),
      404,
      'connection_not_found',
    )
    await user.simulator.clearRequests()

    const answer = await api.request('DELETE', `/v1/connections/${id}`)
    expect([answer.status, answer.text]).toEqual([204, ''])
    const asked = await user.simulator.requests()
    const revocation = new RegExp(drive.revocation ?? 'none')
    if (drive.revocation !== undefined) {
      expect(answer.headers.get('link')).toBeNull()
      expect(asked.filter(({ path }) => revocation.test(path)).map(({ status }) => status)).toEqual([200])
      expect(await refreshWith(refreshToken)).toBe('invalid_grant')
    } else {
      expect(answer.headers.get('link')).toMatch(
        /^<https:\/\/[a-z.]+\.(live|microsoft)\.com\/[^>]*>; rel="revoke"$/,
      )
    }
    expect(await control.grant(id)).toBeUndefined()
    // A mark that holds no token: the connection, two counters, and when it goes.
    expect((await tokensOf(id)).map((row) => Object.keys(row).sort())).toEqual([
      ['connectionId', 'dead', 'expiresAt', 'fence', 'version'],
    ])
    // What is under way ends right after.
    await until(
      () => user.simulator.sessions(user.account),
      (open) => drive.keepsSessions === true || open.length === 0,
    )
    await until(
      async () => (await control.scan('documents')).map((row) => documentRow.parse(row)),
      (rows) => rows.every(({ connectionId, open }) => connectionId !== id || open === undefined),
    )
    for (const documentId of ['announced', 'half']) {
      const document = await user.stat(documentId)
      expect([documentId, document.status, document.error?.code]).toEqual([
        documentId,
        'failed',
        'connection_not_found',
      ])
    }
    expect(
      await until(
        () => user.intakeHas('half'),
        (has) => !has,
      ),
    ).toBe(false)
    expect(await changesOf(id)).toEqual([])
    const names = (await user.simulator.files(user.account))
      .filter(({ trashed }) => !trashed)
      .map(({ sha256: hash }) => hash)
    expect(names).toEqual([sha256(Buffer.from('content'))])

    // Afterwards: shown as what it is, and the provider is left alone.
    await user.simulator.clearRequests()
    expect(await list(api)).toMatchObject([{ id, status: 'disconnected' }])
    expect(await user.health()).toMatchObject({
      healthy: false,
      status: 'disconnected',
      reason: 'disconnected',
    })
    expectProblem(await user.read(), 404, 'connection_not_found')
    const put = await api.request<Problem>('PUT', `/v1/documents/later?connectionId=${id}`, {
      bytes: Buffer.from('x'),
    })
    expectProblem(put, 404, 'connection_not_found')
    expect((await api.request('DELETE', `/v1/connections/${id}`)).status).toBe(204)
    expect((await user.simulator.requests()).filter(({ path }) => !revocation.test(path))).toEqual([])

    await user.simulator.clearFaults()
    const completed = await user.reconnect()
    expect(completed.body.connection).toMatchObject({ id, status: 'active' })
    expect((await user.read()).text).toBe('content')
    expect((await user.stat('standing')) satisfies DocumentView).toMatchObject({
      objectKey: user.document.objectKey,
    })
    expect(await list(api)).toMatchObject([{ id, status: 'active' }])
  })

  /** What the token endpoint says to a refresh token now. */
  async function refreshWith(refreshToken: string): Promise<unknown> {
    const id = `driveway-local-${drive.name}`
    const client = { client_id: id, client_secret: `${id}-secret` }
    const form = new URLSearchParams({ ...client, grant_type: 'refresh_token', refresh_token: refreshToken })
    const answer = await fetch(`${stack.at(drive.offset)}${drive.tokenPath.replace('^', '')}`, {
      method: 'POST',
      body: form,
    })
    return ((await answer.json()) as { error?: unknown }).error
  }

  it('overrules a consent that was under way', async () => {
    const user = await openUser(drive, 'overruled')
    const { body } = await user.api.request<ConnectionAnswer>(
      'POST',
      `/v1/connections/${user.id}/reauthorize`,
      { json: {} },
    )
    const { completionCode } = await callback(
      await consent(body.authorizationUrl ?? '', { decision: 'approve', account: user.account }),
    )
    await user.api.request('DELETE', `/v1/connections/${user.id}`)
    const late = await user.api.request<Problem>('POST', `/v1/connections/${user.id}/complete`, {
      json: { completionCode },
    })
    expectProblem(late, 400, 'invalid_request')
    expect(await user.connection()).toMatchObject({ status: 'disconnected' })
    expect(await control.grant(user.id)).toBeUndefined()
  })

  it('overtakes a completion that is storing its grant, and nothing of that grant is left', async () => {
    const user = await openUser(drive, 'overtaken')
    const { body } = await user.api.request<ConnectionAnswer>(
      'POST',
      `/v1/connections/${user.id}/reauthorize`,
      { json: {} },
    )
    const { completionCode } = await callback(
      await consent(body.authorizationUrl ?? '', { decision: 'approve', account: user.account }),
    )
    const made = async (): Promise<number> => {
      const counted = await (await fetch(`${stack.at(6)}/_local/requests`)).json()
      return (counted as Record<string, number>)['secretsmanager.CreateSecret'] ?? 0
    }
    const before = await made()
    await fetch(`${stack.at(6)}/_local/faults`, {
      method: 'POST',
      body: JSON.stringify({
        match: { target: 'CreateSecret' },
        times: 1,
        action: { type: 'delay', ms: 3000 },
      }),
    })
    const completing = user.api.request<Problem>('POST', `/v1/connections/${user.id}/complete`, {
      json: { completionCode },
    })
    await until(made, (count) => count > before)
    expect((await user.api.request('DELETE', `/v1/connections/${user.id}`)).status).toBe(204)
    expectProblem(await completing, 400, 'invalid_request')
    expect(await user.connection()).toMatchObject({ status: 'disconnected' })
    expect(await control.grant(user.id)).toBeUndefined()
    const [tokens] = await tokensOf(user.id)
    expect(tokens).not.toHaveProperty('accessToken')
    expect(tokens).not.toHaveProperty('refreshToken')
    expect(await control.secretsUnder(`connections/${user.id}`)).toEqual([])
  })

  it('removes a connection that was never completed', async () => {
    const api = await apiOf(stack.base, `undecided-${drive.name}`)
    const { body } = await api.request<ConnectionAnswer>('POST', '/v1/connections', {
      json: { provider: drive.provider },
    })
    expect((await api.request('DELETE', `/v1/connections/${body.connection.id}`)).status).toBe(204)
    expect(await list(api)).toEqual([])
    expectProblem(
      await api.request<Problem>('DELETE', `/v1/connections/${body.connection.id}`),
      404,
      'connection_not_found',
    )
  })
})
