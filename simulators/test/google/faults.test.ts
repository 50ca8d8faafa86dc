import { createHash } from 'node:crypto'
import type { OAuth2Client } from 'google-auth-library'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod/mini'
import type { Google } from './support.ts'
import {
  call,
  CLIENT,
  consent,
  DRIVE_FILE,
  driveClient,
  driveFailure,
  json,
  openUpload,
  put,
  REDIRECT,
  sampleBytes,
  signIn,
  startGoogle,
  UNIT,
} from './support.ts'

let google: Google
let auth: OAuth2Client
beforeEach(async () => {
  google = await startGoogle({ seed: 7 })
  auth = await signIn(google, { scope: DRIVE_FILE })
})
afterEach(() => google.close())

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const list = (): Promise<Response> => call(google, auth, 'GET', '/drive/v3/files')
const range = async (session: string): Promise<string | null> =>
  (await put(session, 'bytes */*')).headers.get('range')
const refresh = (): Promise<Response> =>
  fetch(`${google.origin}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      client_id: CLIENT.clientId,
      client_secret: CLIENT.clientSecret,
      grant_type: 'refresh_token',
      refresh_token: auth.credentials.refresh_token ?? '',
    }),
  })
async function upload(bytes: Uint8Array<ArrayBuffer>): Promise<Record<string, unknown>> {
  const answer = await call(
    google,
    auth,
    'POST',
    '/upload/drive/v3/files?uploadType=media&fields=id,sha256Checksum',
    { body: bytes },
  )
  expect(answer.status).toBe(200)
  return json(answer)
}
const send = async (session: string, at: number): Promise<number> =>
  (await put(session, `bytes ${at * UNIT}-${(at + 1) * UNIT - 1}/*`, sampleBytes(UNIT))).status
const ids = async (sim: Google): Promise<unknown> => {
  const client = await signIn(sim)
  return [
    client.credentials.access_token,
    (await driveClient(sim, client).drive.files.generateIds({})).data.ids,
  ]
}
async function stored(): Promise<{ sha256: string; size: number; name: string }[]> {
  return z
    .array(z.looseObject({ sha256: z.string(), size: z.number(), name: z.string() }))
    .parse(await google.sim('GET', 'files'))
}

describe("B.11 status faults answer the provider's own body", () => {
  it.each([
    [403, 'userRateLimitExceeded', 'usageLimits'],
    [403, 'rateLimitExceeded', 'usageLimits'],
    [429, 'rateLimitExceeded', 'usageLimits'],
    [403, 'storageQuotaExceeded', 'usageLimits'],
    [403, 'cannotDownloadAbusiveFile', 'global'],
    [500, 'internalError', 'global'],
    [503, 'backendError', 'global'],
  ])('B.11 %i %s', async (status, reason, domain) => {
    await google.fault(
      { path: '^/drive/v3/files' },
      { type: 'status', status, reason, headers: { 'retry-after': '3' } },
    )
    const answer = await list()
    expect(answer.headers.get('retry-after')).toBe('3')
    const body = await json(answer)
    expect(body).toMatchObject({ error: { code: status, errors: [{ reason, domain }] } })
    expect((await list()).status).toBe(200)
  })

  it('B.11 401 comes with the challenge header', async () => {
    await google.fault({}, { type: 'status', status: 401 })
    const answer = await list()
    expect(answer.headers.get('www-authenticate')).toContain('invalid_token')
    expect((await driveFailure(answer)).reason).toBe('authError')
  })

  it.each([
    [400, 'invalid_grant'],
    [401, 'invalid_client'],
    [503, 'internal_failure'],
  ])('A.7 the token endpoint fails with %i %s', async (status, error) => {
    await google.fault(
      { method: 'POST', path: '^/token$' },
      { type: 'status', status, ...(status === 503 ? {} : { reason: error }) },
    )
    const answer = await refresh()
    expect(answer.status).toBe(status)
    expect(await json(answer)).toMatchObject({ error })
    expect((await refresh()).status).toBe(200)
  })

  it('A.7 a Workspace session policy is an invalid_grant with its subtype', async () => {
    await google.fault({ path: '^/token$' }, { type: 'status', status: 400, reason: 'invalid_rapt' })
    expect(await json(await refresh())).toMatchObject({
      error: 'invalid_grant',
      error_subtype: 'invalid_rapt',
    })
  })
})

describe('F.1 faults of the connection', () => {
  it('F.1 garbage answers HTML where JSON belongs, on Drive and on the token endpoint', async () => {
    await google.fault({}, { type: 'garbage' }, 2)
    await google.fault({}, { type: 'garbage', status: 200 })
    for (const answer of [await list(), await refresh(), await list()]) {
      expect(answer.headers.get('content-type')).toContain('text/html')
      expect(await answer.text()).toContain('<!DOCTYPE html>')
    }
  })

  it('F.1 reset drops the connection and does nothing', async () => {
    await google.fault({ method: 'POST' }, { type: 'reset' })
    await expect(call(google, auth, 'POST', '/drive/v3/files', { body: '{"name":"never"}' })).rejects.toThrow(
      /fetch failed|terminated/,
    )
    await google.fault({ path: '/token' }, { type: 'reset', afterBytes: 10 })
    await expect(refresh()).rejects.toThrow(/fetch failed|terminated/)
    expect(await stored()).toEqual([])
    expect((await refresh()).status).toBe(200)
  })

  it('F.1 reset in the middle of a fragment keeps what a session would', async () => {
    const bytes = sampleBytes(UNIT * 4)
    const session = await openUpload(google, auth, { name: 'cut' }, { query: '&fields=sha256Checksum' })
    await google.fault({ method: 'PUT', fragment: 1 }, { type: 'reset', afterBytes: UNIT * 2 + 17 })
    await expect(put(session, `bytes 0-${bytes.length - 1}/${bytes.length}`, bytes)).rejects.toThrow(
      /fetch failed|terminated/,
    )
    await vi.waitFor(async () => expect(await range(session)).toBe(`bytes=0-${UNIT * 2 - 1}`))
    const rest = await put(
      session,
      `bytes ${UNIT * 2}-${bytes.length - 1}/${bytes.length}`,
      bytes.subarray(UNIT * 2),
    )
    expect(await json(rest)).toEqual({ sha256Checksum: sha256(bytes) })
  })

  it('F.1 counts fragments sent by POST as it does those sent by PUT', async () => {
    const bytes = sampleBytes(UNIT * 2)
    const session = await openUpload(google, auth, { name: 'posted' }, { query: '&fields=size' })
    await google.fault({ fragment: 2 }, { type: 'partial', bytes: 7 })
    const post = (at: number): Promise<Response> =>
      call(google, auth, 'POST', session, {
        body: bytes.subarray(at * UNIT, (at + 1) * UNIT),
        headers: { 'content-range': `bytes ${at * UNIT}-${(at + 1) * UNIT - 1}/${bytes.length}` },
      })
    expect((await post(0)).headers.get('range')).toBe(`bytes=0-${UNIT - 1}`)
    expect((await post(1)).headers.get('range')).toBe(`bytes=0-${UNIT + 6}`)
    expect(await json(await post(1))).toEqual({ size: String(bytes.length) })
  })

  it('F.1 reset in the middle of a simple upload leaves no file', async () => {
    await google.fault({ path: '^/upload' }, { type: 'reset', afterBytes: 5 })
    await expect(upload(sampleBytes(100))).rejects.toThrow(/fetch failed|terminated/)
    expect(await stored()).toEqual([])
  })

  it('F.1 commit-then-reset does the work and says nothing', async () => {
    const bytes = sampleBytes(1000)
    const session = await openUpload(
      google,
      auth,
      { name: 'silent' },
      { query: '&fields=name,sha256Checksum' },
    )
    await google.fault({ method: 'PUT', path: 'upload_id' }, { type: 'commit-then-reset' })
    await expect(put(session, undefined, bytes)).rejects.toThrow(/fetch failed|terminated/)
    expect(await json(await put(session, 'bytes */1000'))).toEqual({
      name: 'silent',
      sha256Checksum: sha256(bytes),
    })
    const id = (await driveClient(google, auth).drive.files.generateIds({ count: 1 })).data.ids?.[0]
    const create = (): Promise<Response> =>
      call(google, auth, 'POST', '/drive/v3/files', { body: JSON.stringify({ id }) })
    await google.fault({ method: 'POST', path: '^/drive' }, { type: 'commit-then-reset' })
    await expect(create()).rejects.toThrow(/fetch failed|terminated/)
    expect((await driveFailure(await create())).reason).toBe('fileIdInUse')
  })

  it('F.1 commit-then-reset on the token endpoint spends the code', async () => {
    const url = auth.generateAuthUrl({ scope: DRIVE_FILE })
    const code = (await consent(url, { decision: 'approve', account: 'ada@example.com' })).get('code') ?? ''
    const form = {
      client_id: CLIENT.clientId,
      client_secret: CLIENT.clientSecret,
      grant_type: 'authorization_code',
      redirect_uri: REDIRECT,
      code,
    }
    const exchange = (): Promise<Response> =>
      fetch(`${google.origin}/token`, { method: 'POST', body: new URLSearchParams(form) })
    await google.fault({ path: '^/token$' }, { type: 'commit-then-reset' })
    await expect(exchange()).rejects.toThrow(/fetch failed|terminated/)
    expect(await json(await exchange())).toMatchObject({ error: 'invalid_grant' })
  })

  it('F.1 partial keeps only that many bytes of a fragment and says so', async () => {
    const bytes = sampleBytes(UNIT * 3)
    const session = await openUpload(google, auth, { name: 'partial' }, { query: '&fields=sha256Checksum' })
    await google.fault({ fragment: 1 }, { type: 'partial', bytes: UNIT })
    await google.fault({ fragment: 2 }, { type: 'partial', bytes: 0 })
    const first = await put(session, `bytes 0-${bytes.length - 1}/${bytes.length}`, bytes)
    expect([first.status, first.headers.get('range')]).toEqual([308, `bytes=0-${UNIT - 1}`])
    const second = await put(
      session,
      `bytes ${UNIT}-${bytes.length - 1}/${bytes.length}`,
      bytes.subarray(UNIT),
    )
    expect([second.status, second.headers.get('range')]).toEqual([308, `bytes=0-${UNIT - 1}`])
    const third = await put(
      session,
      `bytes ${UNIT}-${bytes.length - 1}/${bytes.length}`,
      bytes.subarray(UNIT),
    )
    expect(await json(third)).toEqual({ sha256Checksum: sha256(bytes) })
  })

  it('F.1 partial with nothing kept answers 308 without Range', async () => {
    const session = await openUpload(google, auth, { name: 'none' })
    await google.fault({ method: 'PUT' }, { type: 'partial', bytes: 0 })
    const answer = await put(session, `bytes 0-${UNIT - 1}/${UNIT}`, sampleBytes(UNIT))
    expect([answer.status, answer.headers.get('range')]).toEqual([308, null])
  })

  it('F.1 truncate cuts a download and a JSON answer short', async () => {
    const { id } = await upload(sampleBytes(100_000))
    await google.fault({ path: 'alt=media' }, { type: 'truncate', afterBytes: 1000 })
    const answer = await call(google, auth, 'GET', `/drive/v3/files/${String(id)}?alt=media`)
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '100000'])
    await expect(answer.arrayBuffer()).rejects.toThrow(/fetch failed|terminated/)
    await google.fault({ path: '^/token' }, { type: 'truncate', afterBytes: 5 })
    await expect(refresh().then((cut) => cut.text())).rejects.toThrow(/fetch failed|terminated/)
    expect(
      z
        .array(z.looseObject({ responseBytes: z.number() }))
        .parse(await google.sim('GET', 'requests'))
        .at(-2),
    ).toMatchObject({
      responseBytes: 1000,
    })
  })

  it('F.1 corrupt flips one bit of what is stored: simple, multipart and session', async () => {
    const bytes = sampleBytes(5000)
    const { drive, here } = driveClient(google, auth)
    const session = await openUpload(google, auth, { name: 's' })
    await google.fault({ path: '^/upload' }, { type: 'corrupt' }, 3)
    await upload(bytes)
    await drive.files.create(
      { requestBody: { name: 'multi' }, media: { body: Buffer.from(bytes).toString('latin1') } },
      here,
    )
    await put(session, undefined, bytes)
    const files = await stored()
    expect(files).toHaveLength(3)
    for (const { id } of z.array(z.looseObject({ id: z.string() })).parse(await google.sim('GET', 'files'))) {
      const content = new Uint8Array(
        await (await call(google, auth, 'GET', `/drive/v3/files/${id}?alt=media`)).arrayBuffer(),
      )
      const sent =
        content.length === 5000 ? bytes : new Uint8Array(Buffer.from(Buffer.from(bytes).toString('latin1')))
      const differing = [...content].map((byte, i) => byte ^ (sent[i] ?? 0)).filter((bits) => bits !== 0)
      expect(differing.map((bits) => Math.log2(bits) % 1)).toEqual([0])
    }
  })

  it('F.1 rewrite adds to what is stored: simple, multipart and session', async () => {
    const bytes = sampleBytes(5000)
    const { drive, here } = driveClient(google, auth)
    const session = await openUpload(google, auth, { name: 's.docx' })
    await google.fault({ path: '^/upload' }, { type: 'rewrite', add: 100 })
    await upload(bytes)
    await google.fault({ path: '^/upload' }, { type: 'rewrite', add: 100, extensions: ['.docx'] }, 3)
    await put(session, undefined, bytes)
    for (const name of ['a.DOCX', 'a.txt']) {
      const media = { mimeType: 'text/plain', body: 'x'.repeat(5000) }
      await drive.files.create({ requestBody: { name }, media }, here)
    }
    const sizes = z
      .array(z.looseObject({ name: z.string(), size: z.number() }))
      .parse(await google.sim('GET', 'files'))
      .map(({ name, size }) => [name, size])
    expect(Object.fromEntries(sizes)).toEqual({
      Untitled: 5100,
      's.docx': 5100,
      'a.DOCX': 5100,
      'a.txt': 5000,
    })
  })

  it('F.1 corrupt flips one bit of what is sent', async () => {
    const bytes = sampleBytes(5000)
    const { id } = await upload(bytes)
    await google.fault({ path: 'alt=media' }, { type: 'corrupt' })
    const get = async (): Promise<Uint8Array> =>
      new Uint8Array(
        await (await call(google, auth, 'GET', `/drive/v3/files/${String(id)}?alt=media`)).arrayBuffer(),
      )
    expect(sha256(await get())).not.toBe(sha256(bytes))
    expect(sha256(await get())).toBe(sha256(bytes))
  })

  it('F.1 delay waits and then answers as ever', async () => {
    await google.fault({}, { type: 'delay', ms: 60 })
    const started = performance.now()
    expect((await list()).status).toBe(200)
    expect(performance.now() - started).toBeGreaterThanOrEqual(55)
  })

  it('F.1 a session ends mid-way: status 404 and 410', async () => {
    const session = await openUpload(google, auth, { name: 'end' })
    await google.fault({ fragment: 1 }, { type: 'status', status: 410 })
    expect((await put(session, `bytes 0-${UNIT - 1}/*`, sampleBytes(UNIT))).status).toBe(410)
    await google.sim('DELETE', 'sessions')
    expect((await put(session, 'bytes */*')).status).toBe(404)
  })

  it('F.1 counts fragments for each session, and not its status queries', async () => {
    const one = await openUpload(google, auth, { name: '1' })
    const two = await openUpload(google, auth, { name: '2' })
    await google.fault({ fragment: 2 }, { type: 'status', status: 503 })
    expect([
      await send(one, 0),
      await range(one),
      await send(two, 0),
      await send(two, 1),
      await send(one, 1),
    ]).toEqual([308, `bytes=0-${UNIT - 1}`, 308, 503, 308])
  })
})

describe('the control API', () => {
  it('F.1 counts faults down, in the order they were posted; lists and clears them', async () => {
    await google.fault({ path: 'files' }, { type: 'status', status: 500 }, 2)
    await google.fault({ method: 'get' }, { type: 'status', status: 503 })
    expect([
      (await list()).status,
      (await list()).status,
      (await list()).status,
      (await list()).status,
    ]).toEqual([500, 500, 503, 200])
    await google.fault({ method: 'DELETE' }, { type: 'garbage' }, 5)
    expect(await google.sim('GET', 'faults')).toEqual([
      { match: { method: 'DELETE' }, times: 5, action: { type: 'garbage' } },
    ])
    await google.sim('DELETE', 'faults')
    expect(await google.sim('GET', 'faults')).toEqual([])
    await expect(
      google.sim('POST', 'faults', { match: { path: '(' }, action: { type: 'reset' } }),
    ).rejects.toThrow('400')
    await expect(google.sim('POST', 'faults', { match: {}, action: { type: 'nonsense' } })).rejects.toThrow(
      '400',
    )
  })

  it('F.1 logs each request with sizes and account, and never the control API', async () => {
    await google.sim('DELETE', 'requests')
    await upload(sampleBytes(1234))
    await fetch(`${google.origin}/oauth2/v3/certs`)
    await google.sim('GET', 'sessions')
    expect(await google.sim('GET', 'requests')).toEqual([
      {
        id: expect.any(Number),
        method: 'POST',
        path: '/upload/drive/v3/files?uploadType=media&fields=id,sha256Checksum',
        status: 200,
        requestBytes: 1234,
        responseBytes: expect.any(Number),
        account: 'ada@example.com',
        authorization: true,
        startedAt: '2026-11-01T10:00:00.000Z',
        endedAt: '2026-11-01T10:00:00.000Z',
      },
      expect.objectContaining({
        method: 'GET',
        path: '/oauth2/v3/certs',
        authorization: false,
        account: null,
        requestBytes: 0,
      }),
    ])
  })

  it('F.1 lists files with their path and sessions with what they received', async () => {
    const { drive } = driveClient(google, auth)
    const folder = await drive.files.create({
      requestBody: { name: 'dir', mimeType: 'application/vnd.google-apps.folder' },
    })
    const bytes = sampleBytes(UNIT)
    const session = await openUpload(
      google,
      auth,
      { name: 'f.bin', parents: [folder.data.id] },
      { headers: { 'x-upload-content-length': String(UNIT * 2) } },
    )
    await put(session, `bytes 0-${UNIT - 1}/${UNIT * 2}`, bytes)
    expect(await google.sim('GET', 'sessions?account=ada@example.com')).toEqual([
      {
        id: expect.any(String),
        name: 'f.bin',
        size: UNIT * 2,
        received: UNIT,
        expiresAt: '2026-11-08T10:00:00.000Z',
      },
    ])
    await put(session, `bytes ${UNIT}-${UNIT * 2 - 1}/${UNIT * 2}`, bytes)
    expect(await google.sim('GET', 'sessions')).toEqual([])
    expect(await google.sim('GET', 'files?account=ada@example.com')).toEqual([
      {
        account: 'ada@example.com',
        id: expect.any(String),
        name: 'f.bin',
        path: '/dir/f.bin',
        size: UNIT * 2,
        sha256: sha256(Buffer.concat([bytes, bytes])),
        trashed: false,
        createdAt: '2026-11-01T10:00:00.000Z',
      },
    ])
    expect(await google.sim('GET', 'files?account=bob@example.com')).toEqual([])
  })

  it('F.1 expires the access tokens of one account; refreshing heals it', async () => {
    const bob = await signIn(google, { email: 'bob@example.com' })
    await google.sim('POST', 'accounts/ada%40example.com/expire-tokens')
    expect([(await list()).status, (await call(google, bob, 'GET', '/drive/v3/files')).status]).toEqual([
      401, 200,
    ])
    await auth.refreshAccessToken()
    expect((await list()).status).toBe(200)
  })

  it('F.1 holds requests back by latency, and connections to a rate in both directions', async () => {
    await google.sim('POST', 'latency', { ms: 40 })
    const started = performance.now()
    await list()
    expect(performance.now() - started).toBeGreaterThanOrEqual(35)
    await google.sim('POST', 'latency', { ms: 0, bytesPerSecond: 1_000_000 })
    const sending = performance.now()
    const { id } = await upload(sampleBytes(100_000))
    const sent = performance.now()
    await (await call(google, auth, 'GET', `/drive/v3/files/${String(id)}?alt=media`)).arrayBuffer()
    expect(sent - sending).toBeGreaterThanOrEqual(90)
    expect(performance.now() - sent).toBeGreaterThanOrEqual(90)
  })

  it('F.1 moves the clock', async () => {
    await google.sim('POST', 'clock', { advanceMs: 3_600_000 })
    expect(await google.sim('GET', 'clock')).toEqual({ now: '2026-11-01T11:00:00.000Z' })
    expect((await list()).status).toBe(401)
  })

  it('F.1 repeats ids and tokens for the same seed', async () => {
    const [a, b, c] = [
      await startGoogle({ seed: 42 }),
      await startGoogle({ seed: 42 }),
      await startGoogle({ seed: 43 }),
    ]
    try {
      const first = await ids(a)
      expect(await ids(b)).toEqual(first)
      expect(await ids(c)).not.toEqual(first)
    } finally {
      await Promise.all([a.close(), b.close(), c.close()])
    }
  })
})
