import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetSecretValueCommand, ListSecretsCommand } from '@aws-sdk/client-secrets-manager'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { documentRow } from '../../../lib/catalog/document.ts'
import { routeList, routes } from '../../../lib/contract/routes.ts'
import { tables } from '../../../lib/contract/tables.ts'
import { createSealer, sealKey } from '../../../lib/grants/seal.ts'
import { matchRoute } from '../../../local/gateway/event.ts'
import type { RunningSimulator } from '../../../simulators/kernel/simulator.ts'
import { simulators as startOf } from '../../../simulators/registry.ts'
import type { Answer, Api, ConnectionAnswer, DocumentAnswer, RequestOptions } from '../../support/api.ts'
import { apiOf, apiWith, consent, machineToken } from '../../support/api.ts'
import type { Canaries, CanaryKind } from '../../support/canaries.ts'
import { openCanaries } from '../../support/canaries.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { freePorts, startLocalStack } from '../../support/local-stack.ts'
import type { RecordingProxy } from '../../support/recording-proxy.ts'
import { startRecordingProxy } from '../../support/recording-proxy.ts'
import type { FaultAction } from '../../support/simulators.ts'
import type { DriveUnderTest, StackControl } from '../../support/stack-control.ts'
import { sampleOf } from '../../support/sample.ts'
import { drives, simulatorControl, stackControl, until } from '../../support/stack-control.ts'

/**
 * Every secret of a whole run is known here: a proxy in front of each provider reads along,
 * and what this project makes itself is picked up where it is handed out. None may turn up
 * where secrets have no business. The client secrets are planted, so that a leak names itself.
 */
const canaries: Canaries = openCanaries()
const tried = sampleOf(drives, 3, 1)
const scratch = mkdtempSync(join(tmpdir(), 'driveway-canary-'))
const marker = (name: string): string => `CANARY-${name}-${randomBytes(24).toString('hex')}`

let stack: LocalStack
let control: StackControl
let bucket: S3Client
const simulators = new Map<string, RunningSimulator>()
const proxies = new Map<string, RecordingProxy>()

beforeAll(async () => {
  const port = await freePorts()
  const redirectUris = [`http://127.0.0.1:${port}/v1/oauth/callback`]
  const env: Record<string, string> = { LOG_LEVEL: 'DEBUG' }
  for (const [name, start] of Object.entries(startOf)) {
    const clientSecret = marker(name)
    canaries.plant('client secret', clientSecret)
    const client = { clientId: `canary-${name}`, clientSecret, redirectUris }
    const simulator = await start({ port: 0, stateDir: join(scratch, name), clients: [client] })
    const proxy = await startRecordingProxy(simulator.origin, canaries)
    simulators.set(name, simulator)
    proxies.set(name, proxy)
    const variable = name.toUpperCase()
    env[`${variable}_CLIENT_ID`] = client.clientId
    env[`${variable}_CLIENT_SECRET`] = clientSecret
    env[`${variable}_ENDPOINT`] = proxy.origin
  }
  stack = await startLocalStack({ port, env })
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
  await Promise.all([...proxies.values(), ...simulators.values()].map((server) => server.close()))
  rmSync(scratch, { recursive: true, force: true })
})

/** Every answer of the API, as a client sees it; with the route, and without what is handed out by design. */
const answers: { readonly route: string; readonly status: number; readonly text: string }[] = []

function note(method: string, url: string, answer: Pick<Answer, 'status' | 'headers' | 'text'>): void {
  const { pathname } = new URL(url, stack.base)
  const matched = matchRoute(routeList, method, pathname)
  const route = matched && 'route' in matched ? matched.route.operation : pathname
  const headers = new Headers(answer.headers)
  // A large document of OneDrive is read from the user's own short-lived URL.
  if (answer.status === 303) headers.delete('location')
  answers.push({ route, status: answer.status, text: JSON.stringify([...headers]) + answer.text })
}

/** What is under way, by the rows of the documents. */
async function changes() {
  const rows = (await control.scan('documents')).map((row) => documentRow.parse(row))
  return rows.flatMap(({ documentId, change }) => (change ? [{ documentId, change }] : []))
}

/** The API as a client, noting every answer. Content that breaks off is no answer. */
async function noting(of: Promise<Api>): Promise<Api> {
  const api = await of
  canaries.plant('caller token', api.token)
  const request = async <Body>(method: string, path: string, options: RequestOptions = {}) => {
    try {
      const answer = await api.request<Body>(method, path, { redirect: 'manual', ...options })
      note(method, path, answer)
      return answer
    } catch (error) {
      return {
        status: 0,
        headers: new Headers(),
        text: String(error),
        bytes: Buffer.alloc(0),
        body: {} as Body,
      }
    }
  }
  return { token: api.token, request }
}

async function follow(url: string): Promise<string | undefined> {
  const answer = await fetch(url, { redirect: 'manual' })
  const text = await answer.text()
  note('GET', url, { status: answer.status, headers: answer.headers, text: '' })
  const location = answer.headers.get('location')
  const code =
    location === null
      ? /data-completion-code="([^"]+)"/.exec(text)?.[1]
      : new URL(location).searchParams.get('completionCode')
  canaries.plant('completion code', code)
  return code ?? undefined
}

interface Run {
  readonly api: Api
  readonly drive: DriveUnderTest
  readonly account: string
  readonly simulator: ReturnType<typeof simulatorControl>
  readonly proxy: RecordingProxy
}

/** From an authorization URL to an active connection; the person may be somebody else, deny, or untick. */
async function authorize(
  run: Run,
  started: ConnectionAnswer,
  form: Record<string, string> = {},
): Promise<Answer> {
  const url = started.authorizationUrl ?? ''
  canaries.plant('state', new URL(url).searchParams.get('state'))
  const location = await consent(url, { decision: 'approve', account: run.account, ...form })
  const forged = new URL(location)
  forged.searchParams.set('state', 'forged-by-somebody-else')
  await follow(forged.href)
  const completionCode = await follow(location)
  await follow(location)
  const complete = () =>
    run.api.request('POST', `/v1/connections/${started.connection.id}/complete`, { json: { completionCode } })
  const first = await complete()
  return first.status === 503 ? complete() : first
}

async function connect(run: Run, json: object = {}): Promise<string> {
  const { body } = await run.api.request<ConnectionAnswer>('POST', '/v1/connections', {
    json: { provider: run.drive.provider, ...json },
  })
  expect((await authorize(run, body)).status).toBe(200)
  return body.connection.id
}

async function reconnect(run: Run, id: string, form: Record<string, string> = {}): Promise<number> {
  const { body } = await run.api.request<ConnectionAnswer>('POST', `/v1/connections/${id}/reauthorize`, {
    json: {},
  })
  return (await authorize(run, body, form)).status
}

/** Each operation on documents once. */
async function operate(run: Run, id: string, documentId: string): Promise<void> {
  const { api } = run
  const path = `/v1/documents/${documentId}`
  await api.request('PUT', `${path}?connectionId=${id}&extension=.txt`, { bytes: Buffer.from('content') })
  await api.request('PATCH', path, { json: { name: 'Renamed.txt' } })
  await Promise.all([
    api.request('GET', path),
    api.request('GET', `${path}/content`),
    api.request('GET', `${path}/content`, { headers: { range: 'bytes=1-3' } }),
    api.request('GET', `/v1/connections/${id}/health`),
    api.request('POST', `${path}/download-url`, { json: {} }),
    api.request('POST', `${path}/upload-url`, { json: { connectionId: id, contentType: 'text/plain' } }),
  ])
  await api.request('DELETE', path)
}

/** What is handed out as a URL: a link to the bytes, and the parts of an upload, which is given up. */
async function operateByUrl(run: Run, id: string): Promise<void> {
  const { api } = run
  const path = '/v1/documents/linked'
  await api.request('PUT', `${path}?connectionId=${id}&extension=.txt`, { bytes: Buffer.from('content') })
  const { url } = (await api.request<{ url: string }>('POST', `${path}/content-link`, { json: {} })).body
  const link = new URL(url)
  canaries.plant('content link', link.searchParams.get('link'))
  await api.request('GET', `${link.pathname}${link.search}`, { token: null })
  await api.request('GET', `${link.pathname}${link.search}x`, { token: null })
  const size = 6 * 1024 * 1024
  const json = { connectionId: id, contentType: 'application/octet-stream', size, multipart: true }
  const { upload } = (
    await api.request<{ upload: { uploadId: string; parts: { url: string }[] } }>(
      'POST',
      '/v1/documents/pieces/intake',
      { json },
    )
  ).body
  const { uploadId } = upload
  const signed = await api.request<{ parts: { url: string }[] }>(
    'POST',
    '/v1/documents/pieces/intake/parts',
    {
      json: { uploadId, numbers: [1] },
    },
  )
  for (const part of [...upload.parts, ...signed.body.parts])
    canaries.plant('presigned URL', new URL(part.url).searchParams.get('X-Amz-Signature'))
  await api.request('POST', '/v1/documents/pieces/intake/complete', { json: { uploadId } })
  await api.request('GET', '/v1/documents/pieces/intake')
  await api.request('DELETE', '/v1/documents/pieces/intake')
}

const actions: FaultAction[] = [
  { type: 'status', status: 401 },
  { type: 'status', status: 403 },
  { type: 'status', status: 404 },
  { type: 'status', status: 409 },
  { type: 'status', status: 429, headers: { 'retry-after': '1' } },
  { type: 'status', status: 500 },
  { type: 'status', status: 503, headers: { 'retry-after': '120' } },
  { type: 'reset' },
  { type: 'commit-then-reset' },
  { type: 'truncate', afterBytes: 4 },
  { type: 'corrupt' },
  { type: 'garbage' },
  { type: 'garbage', status: 200 },
]

/**
 * An upload through the intake that meets `fault` on its way;
 * `waits` leaves it half-way, with its session open.
 */
async function intake(
  run: Run,
  id: string,
  documentId: string,
  fault: () => Promise<unknown>,
  waits = false,
) {
  const { api } = run
  const size = 11 * 1024 * 1024
  const started = await api.request<
    DocumentAnswer & { upload: { url: string; headers: Record<string, string> } }
  >('POST', `/v1/documents/${documentId}/intake`, {
    json: { connectionId: id, contentType: 'application/octet-stream', size },
  })
  const { upload } = started.body
  canaries.plant('presigned URL', new URL(upload.url).searchParams.get('X-Amz-Signature'))
  await fault()
  await fetch(upload.url, { method: 'PUT', headers: upload.headers, body: randomBytes(size) })
  await until(async () => {
    const { document } = (await api.request<DocumentAnswer>('GET', `/v1/documents/${documentId}`)).body
    const change = (await changes()).find(
      (each) => each.documentId === documentId && each.change.connectionId === id,
    )?.change
    return waits
      ? change?.session !== undefined && change.notBefore !== undefined
      : document?.status !== 'uploading' && document?.status !== 'receiving'
  }, Boolean)
}

async function wholeRun(drive: DriveUnderTest): Promise<void> {
  const proxy = proxies.get(drive.name)
  const simulator = simulators.get(drive.name)
  if (proxy === undefined || simulator === undefined) throw new Error('the provider is not there')
  const api = await noting(apiOf(stack.base, `canary-user-${drive.name}`))
  const run: Run = {
    api,
    drive,
    proxy,
    account: `canary@${drive.domain}`,
    simulator: simulatorControl(simulator.origin),
  }
  const { content } = drive
  const upload = drive.sending.path ?? ''

  // Connecting, with the token endpoint failing in between.
  proxy.echo(drive.tokenPath, 500, 1)
  const id = await connect(run, { returnUrl: 'http://127.0.0.1:9/back' })
  const lost = await connect(run)
  expect(await reconnect(run, id, { account: `other@${drive.domain}` })).toBe(409)
  await reconnect(run, id, { decision: 'deny' })
  await operate(run, id, 'plain')
  await operateByUrl(run, id)

  // Each fault in front of each operation; and the same with servers that repeat what they were sent.
  for (const [at, action] of actions.entries()) {
    await run.simulator.fault({ path: content }, action, 2)
    await operate(run, id, `fault-${at}`)
    await run.simulator.clearFaults()
  }
  for (const status of [400, 401, 403, 404, 409, 412, 416, 429, 500, 507]) {
    proxy.echo(content, status, 3)
    await operate(run, id, `echo-${status}`)
    proxy.clearEchoes()
  }

  // The token endpoint, likewise.
  for (const [status, error] of [
    [400, 'invalid_request'],
    [400, 'unsupported_grant_type'],
    [401, 'invalid_client'],
    [403, 'rate_limit_exceeded'],
    [500, 'server_error'],
  ] as const) {
    await run.simulator.expireTokens(run.account)
    proxy.echo(drive.tokenPath, status, 5, error)
    await operate(run, id, `token-${status}`)
    proxy.clearEchoes()
  }
  await fetch(`${stack.at(6)}/_local/faults`, {
    method: 'POST',
    body: JSON.stringify({
      match: { target: 'GetSecretValue|PutEvents' },
      times: 3,
      action: { type: 'throttle' },
    }),
  })
  await run.simulator.expireTokens(run.account)
  await operate(run, id, 'throttled')

  // Uploads of any size, whose sessions break in every way.
  await intake(run, id, 'broken', async () => {
    await run.simulator.fault(drive.sending, { type: 'partial', bytes: 8 * 320 * 1024 })
    await run.simulator.fault(drive.sending, { type: 'reset', afterBytes: 1_000_000 })
    await run.simulator.fault(drive.sending, { type: 'garbage' })
    proxy.echo(upload, 500, 1)
    await run.simulator.expireTokens(run.account)
  })
  await api.request('GET', '/v1/documents/broken/content')
  await intake(run, id, 'refused', async () => proxy.echo(upload, 400, 20))
  proxy.clearEchoes()

  // A grant that dies, with a document that waits for its reconnect; and what a caller may try meanwhile.
  await run.simulator.revoke(run.account)
  await run.simulator.expireTokens(run.account)
  await operate(run, id, 'dead')
  const key = `canary-user-${drive.name}/${id}/parked.bin`
  await bucket.send(new PutObjectCommand({ Bucket: 'driveway-intake', Key: key, Body: randomBytes(1000) }))
  await until(
    async () => (await api.request<DocumentAnswer>('GET', '/v1/documents/parked')).body.document?.status,
    (status) => status === 'parked',
  )
  expect(await reconnect(run, id)).toBe(200)
  const [code] = canaries.values('authorization code')
  await api.request('POST', `/v1/connections/${id}/complete`, { json: { completionCode: code } })
  await api.request('POST', `/v1/connections/${id}/complete`, { json: { completionCode: 'x', code } })
  await api.request('GET', `/v1/documents/${code?.slice(4, 60)}?access_token=${api.token}`)
  await api.request('GET', '/v1/documents/plain', { token: `${api.token}x` })

  // One connection goes, with the provider failing; one stays, with an upload half-way.
  proxy.echo(drive.revocation ?? '/revoke', 500, 1)
  await api.request('DELETE', `/v1/connections/${lost}`)
  await api.request('DELETE', `/v1/connections/${lost}`)
  await operate(run, id, 'healed')
  await intake(
    run,
    id,
    'half',
    async () => {
      await run.simulator.fault(drive.sending, { type: 'partial', bytes: 8 * 320 * 1024 })
      const pause = { type: 'status', status: 503, headers: { 'retry-after': '600' } } as const
      await run.simulator.fault(drive.sending, pause, 50)
    },
    true,
  )
  await api.request('GET', '/v1/connections')
  await api.request('GET', `/v1/connections/${id}`)
  await api.request('GET', '/v1/documents')
  await api.request('GET', '/v1/openapi.json', { token: null })
}

/** A machine takes out what is kept of a user, and erases another one. */
async function eraseOne(): Promise<void> {
  const user = await noting(apiOf(stack.base, 'canary-erased'))
  await user.request('POST', '/v1/connections', { json: { provider: 's3' } })
  await user.request('PUT', '/v1/documents/erased', { bytes: randomBytes(500) })
  const token = machineToken(stack.base, 'backend', ['users.erase'])
  const machine = await noting(token.then((known) => apiWith(stack.base, known)))
  for (const { name } of tried) await machine.request('GET', `/v1/users/canary-user-${name}/export`)
  await machine.request('DELETE', '/v1/users/canary-erased')
  await until(
    async () => {
      const { body } = await machine.request<{ erasure?: { status: string } }>(
        'GET',
        '/v1/users/canary-erased/erasure',
      )
      return body.erasure?.status
    },
    (status) => status === 'waiting' || status === 'done',
  )
}

/** A server of the app registers a webhook, and does with it what can be done; nobody listens there. */
async function hookOne(): Promise<void> {
  const token = machineToken(stack.base, 'backend', ['webhooks'])
  const machine = await noting(token.then((known) => apiWith(stack.base, known)))
  const json = { url: `${stack.at(9)}/hook` }
  const { body } = await machine.request<{ webhook: { id: string }; secret: string }>(
    'POST',
    '/v1/webhooks',
    {
      json,
    },
  )
  canaries.plant('webhook secret', body.secret)
  const path = `/v1/webhooks/${body.webhook.id}`
  const rotated = await machine.request<{ secret: string }>('POST', `${path}/rotate-secret`)
  canaries.plant('webhook secret', rotated.body.secret)
  await machine.request('POST', `${path}/test`)
  const { eventId } = await until(
    async () =>
      (await machine.request<{ deliveries: { eventId: string }[] }>('GET', `${path}/deliveries`)).body
        .deliveries[0] ?? { eventId: '' },
    (delivery) => delivery.eventId !== '',
  )
  await machine.request('POST', `${path}/deliveries/${eventId}/resend`)
  await machine.request('GET', '/v1/webhooks')
  await machine.request('DELETE', path)
}

/** Everything in Secrets Manager. */
async function secretValues(): Promise<Map<string, string>> {
  const { SecretList: list = [] } = await control.secrets.send(new ListSecretsCommand({ MaxResults: 100 }))
  const values = new Map<string, string>()
  for (const { Name: name = '' } of list) {
    const { SecretString, SecretBinary } = await control.secrets.send(
      new GetSecretValueCommand({ SecretId: name }),
    )
    values.set(name, SecretString ?? Buffer.from(SecretBinary ?? []).toString('latin1'))
  }
  return values
}

const ofProviders: readonly CanaryKind[] = [
  'access token',
  'refresh token',
  'id token',
  'authorization code',
  'PKCE verifier',
  'client secret',
  'session URL',
  'download URL',
]

describe('the secrets of a whole run, with every log line on', () => {
  let keys: { current: string; keys: Record<string, string> }

  it('pass by here: every route was called, everything failed once, and each kind of secret was seen on the wire', async () => {
    keys = JSON.parse((await control.secret('seal-key')) ?? '{}') as typeof keys
    for (const key of Object.values(keys.keys)) canaries.plant('sealing key', key)
    await Promise.all(tried.map(wholeRun))
    await eraseOne()
    await hookOne()

    const called = new Set(answers.map(({ route }) => route))
    expect(Object.keys(routes).filter((route) => !called.has(route))).toEqual([])
    const statuses = new Set(answers.map(({ status }) => status))
    for (const status of [200, 201, 204, 206, 302, 303, 400, 401, 404, 409, 429, 501, 502, 503])
      expect(statuses).toContain(status)
    const counts = canaries.counts()
    for (const kind of [
      ...ofProviders,
      'state',
      'completion code',
      'caller token',
      'presigned URL',
      'content link',
      'webhook secret',
      'sealing key',
    ] as const)
      expect([kind, counts[kind] ?? 0]).toEqual([kind, expect.toSatisfy((count: number) => count > 0)])
  }, 240_000)

  it('would be found: in clear, in part, percent-encoded and in base64', () => {
    for (const kind of ofProviders) {
      const value = canaries.values(kind)[0] ?? ''
      const piece = value.slice(-24)
      for (const text of [
        value,
        `before${piece}after`,
        `?x=${encodeURIComponent(value)}`,
        Buffer.from(`{"a":"${value}"}`).toString('base64'),
      ])
        expect(canaries.find(text)).toContain(kind)
    }
    expect(canaries.find('nothing of that kind, however long the text may be')).toEqual([])
  })

  it('are in Secrets Manager where they belong: client secrets, the sealing key, and refresh tokens sealed', async () => {
    const values = await secretValues()
    const kinds = canaries.find([...values.values()].join('\n'))
    expect(new Set(kinds)).toEqual(new Set(['client secret', 'sealing key']))
    expect(values.get('driveway/local/oauth/google')).toContain('CANARY-google')
    const rows = (await control.scan('grants')).filter((row) => 'key' in row)
    expect(rows).toHaveLength(tried.length)
    for (const { connectionId } of rows)
      expect(canaries.values('refresh token')).toContain(await control.grant(String(connectionId)))
  })

  it('are sealed in the tables, where they have to be', async () => {
    const material = new Map(Object.entries(keys.keys).map(([id, text]) => [id, sealKey(text)]))
    const sealer = createSealer(() => Promise.resolve({ current: keys.current, keys: material }))
    // A drive that was given up leaves a row without a token.
    const held = (await control.scan('tokens')).filter((row) => 'accessToken' in row)
    expect(held.length).toBeGreaterThan(0)
    for (const row of held) {
      const opened = await sealer.open(
        String(row['accessToken']),
        'access token',
        String(row['connectionId']),
      )
      expect(canaries.values('access token')).toContain(opened.reveal())
    }
    const half = (await changes()).filter(({ documentId }) => documentId === 'half')
    expect(half.length).toBeGreaterThan(0)
    for (const { change } of half) {
      const url = (
        await sealer.open(change.session?.sealedUrl ?? '', 'upload session', change.connectionId)
      ).reveal()
      expect(canaries.find(url)).toEqual(['session URL'])
    }
  })

  it('are in no table in clear', async () => {
    for (const { name } of tables) {
      const rows = await control.scan(name)
      const inClear = (_: string, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value
      expect([name, canaries.find(JSON.stringify(rows, inClear))]).toEqual([name, []])
    }
  })

  it('are in no log line', () => {
    const output = stack.output()
    expect(output.match(/"level":"/g)?.length ?? 0).toBeGreaterThan(tried.length * 100)
    for (const line of output.split('\n')) expect([canaries.find(line), line]).toEqual([[], line])
  })

  it('are in no event', async () => {
    const events = await (await fetch(`${stack.at(6)}/_local/events`)).text()
    for (const type of [
      'Connection Activated',
      'Connection Requires Reauth',
      'Document Stored',
      'Document Failed',
      'Document Parked',
    ])
      expect(events).toContain(type)
    expect(canaries.find(events)).toEqual([])
  })

  it('are in no answer of the API', () => {
    expect(answers.length).toBeGreaterThan(300)
    const everywhere: readonly CanaryKind[] = [...ofProviders, 'sealing key', 'caller token']
    for (const { route, status, text } of answers) {
      const found = canaries.find(text).filter((kind) => everywhere.includes(kind))
      expect({ route, status, found, text }).toEqual({ route, status, found: [], text })
    }
  })

  it('are nowhere on the disk of the stack: queues, buckets, tables, events', () => {
    const files = readdirSync(stack.stateDir, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    expect(files.length).toBeGreaterThan(5)
    for (const { parentPath, name } of files) {
      const path = join(parentPath, name)
      expect([path, canaries.findRaw(readFileSync(path, 'latin1'))]).toEqual([path, []])
    }
  })
})
