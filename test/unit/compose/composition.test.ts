import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startS3 } from '../../../emulators/s3/server.ts'
import type { Clock } from '../../../lib/clock.ts'
import { outsideOf } from '../../../lib/compose/outside.ts'
import type { HttpRequest } from '../../../lib/net/http-client.ts'
import { sendRequest } from '../../../lib/net/http-client.ts'
import { withOutput } from '../../../lib/telemetry/output.ts'
import { processOf } from '../../support/composed.ts'
import type { Simulator } from '../../support/simulators.ts'
import { startSimulator } from '../../support/simulators.ts'

const standingClock = (at: string): Clock => ({ now: () => Date.parse(at), sleep: () => Promise.resolve() })

const counting = (prefix: string) => {
  let count = 0
  return () => `${prefix}-${String((count += 1))}`
}

describe('two processes in one', () => {
  const early = processOf({ newId: counting('early'), clock: standingClock('2027-01-01') })
  const late = processOf({ newId: counting('late'), clock: standingClock('2031-01-01') })
  const begin = { method: 'POST', json: { provider: 's3' } }

  it('have rows, ids and times of their own', async () => {
    const begun = await early.call('start-connection', begin)
    expect(begun.json()).toMatchObject({ connection: { createdAt: '2027-01-01T00:00:00.000Z' } })
    expect((await early.call('list-connections')).json()['connections']).toHaveLength(1)
    expect((await late.call('list-connections')).json()['connections']).toHaveLength(0)

    await late.call('start-connection', begin)
    await late.call('start-connection', begin)
    const ids = async ({ call }: typeof early) => (await call('list-connections')).body.match(/"id":"[a-z]+/g)
    const [ofEarly, ofLate] = ['"id":"early', '"id":"late']
    expect([await ids(early), await ids(late)]).toEqual([[ofEarly], [ofLate, ofLate]])
  })

  it('judge a caller’s token by their own clock', async () => {
    const exp = Date.parse('2029-01-01') / 1000
    expect((await early.call('list-connections', { exp })).statusCode).toBe(200)
    expect((await late.call('list-connections', { exp })).statusCode).toBe(401)
  })

  it('log and count where each was told to, at its own time', async () => {
    const outputs = [early, late].map((one) => {
      const lines: string[] = []
      const settings = { AWS_LAMBDA_FUNCTION_NAME: 'test', STAGE: 'test' }
      const output = { clock: one.clock, settings, write: (line: string) => void lines.push(line) }
      return { one, lines, output }
    })
    await Promise.all(
      outputs.map(({ one, output }) => withOutput(output, () => one.call('list-connections', { sub: '' }))),
    )
    for (const { one, lines } of outputs) {
      const counted = lines.map((line) => JSON.parse(line) as Record<string, never>)
      expect(counted.filter((line) => line['Errors'] === 1)).toMatchObject([
        { operation: 'listConnections', _aws: { Timestamp: one.clock.now() } },
      ])
    }
  })
})

describe('a process whose requests are played by a simulator', () => {
  let simulator: Simulator
  let asked: URL[]
  let one: ReturnType<typeof processOf>
  beforeAll(async () => {
    simulator = await startSimulator('google')
    asked = []
    one = processOf(
      {
        // What its code calls Google is this server, over a wire that only the process knows.
        http(request: HttpRequest) {
          const url = new URL(request.url)
          asked.push(url)
          return sendRequest({ ...request, url: `${simulator.origin}${url.pathname}${url.search}` })
        },
      },
      { 'oauth/google': { clientId: 'conformance', clientSecret: 'conformance-secret' } },
    )
  })
  afterAll(() => simulator.close())

  it('connects, stores a document and reads it back through its handlers', async () => {
    const begun = (
      await one.call('start-connection', {
        method: 'POST',
        json: { provider: 'google-drive', returnUrl: 'https://app.example.com/done' },
      })
    ).json() as unknown as { connection: { id: string }; authorizationUrl: string }
    const connectionId = begun.connection.id
    const { pathname, search } = new URL(begun.authorizationUrl)
    const approved = await fetch(`${simulator.origin}${pathname}${search}`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ decision: 'approve', account: 'alice@example.com' }),
    })
    const back = new URL(approved.headers.get('location') ?? '')
    const returned = await one.call('oauth-callback', { query: Object.fromEntries(back.searchParams) })
    const completionCode = new URL(returned.headers['location'] ?? '').searchParams.get('completionCode')
    const completed = await one.call('complete-connection', {
      method: 'POST',
      path: { connectionId },
      json: { completionCode },
    })
    expect(completed.json()).toMatchObject({
      connection: { status: 'active', account: { email: 'alice@example.com' } },
    })

    const bytes = Buffer.from('through the handlers')
    const put = (documentId: string) =>
      one.call('put-document', {
        method: 'PUT',
        path: { documentId },
        query: { connectionId, extension: '.txt' },
        headers: { 'content-type': 'text/plain' },
        bytes,
      })
    expect([(await put('hello')).statusCode, (await put('again')).statusCode]).toEqual([201, 201])
    const got = await one.call('get-document', { path: { documentId: 'hello' } })
    expect([got.statusCode, got.headers['content-type'], got.body]).toEqual([
      200,
      'text/plain',
      bytes.toString(),
    ])

    const sha256 = createHash('sha256').update(bytes).digest('hex')
    expect((await simulator.files('alice@example.com')).map((file) => file.sha256)).toContain(sha256)
    // The folder was looked for once: its id is remembered with the connection.
    expect(asked.filter((url) => url.searchParams.has('q'))).toHaveLength(1)
    expect(new Set(asked.map(({ origin }) => origin))).toEqual(
      new Set(['https://oauth2.googleapis.com', 'https://www.googleapis.com']),
    )
  })
})

describe('a process whose requests to a bucket are played by an emulator', () => {
  let stateDir: string
  let server: Awaited<ReturnType<typeof startS3>>
  beforeAll(async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'local').stubEnv('AWS_SECRET_ACCESS_KEY', 'local')
    stateDir = await mkdtemp(join(tmpdir(), 'driveway-composition-'))
    server = await startS3({ port: 0, stateDir, buckets: ['driveway-storage'] })
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await server.close()
    await rm(stateDir, { recursive: true })
  })

  it('reaches nothing but what it was given', async () => {
    const asked: string[] = []
    const http = (request: HttpRequest) => {
      const { origin, pathname, search } = new URL(request.url)
      asked.push(`${request.method} ${origin}`)
      return sendRequest({ ...request, url: `${server.endpoint}${pathname}${search}` })
    }
    const { call } = processOf(
      { http },
      {},
      {
        STORAGE_ENDPOINT: 'https://localhost',
        STORAGE_REGION: 'us-east-1',
      },
    )
    await call('start-connection', { method: 'POST', json: { provider: 's3' } })
    const path = { documentId: 'hello' }
    const headers = { 'content-type': 'text/plain' }
    const put = { method: 'PUT', path, headers, query: { extension: '.txt' }, bytes: Buffer.from('by hand') }
    expect((await call('put-document', put)).statusCode).toBe(201)
    expect((await call('get-document', { path })).body).toBe('by hand')
    expect((await call('delete-document', { method: 'DELETE', path })).statusCode).toBe(204)
    const methods = ['PUT', 'GET', 'DELETE']
    expect(asked).toEqual(methods.map((method) => `${method} https://localhost`))
  })
})

describe('our own buckets', () => {
  it.each([
    [{}, false],
    [{ AWS_ENDPOINT_URL: 'http://s3.example:4566' }, true],
    [{ AWS_ENDPOINT_URL_S3: 'http://s3.example:4566' }, true],
    [{ AWS_ENDPOINT_URL_S3: 'https://s3.example', BUCKETS_BY_PATH: 'false' }, false],
    [{ BUCKETS_BY_PATH: 'true' }, true],
  ])('with %o stand in the path: %s', async (settings, byPath) => {
    expect((await outsideOf(settings).s3()).config.forcePathStyle).toBe(byPath)
  })
})
