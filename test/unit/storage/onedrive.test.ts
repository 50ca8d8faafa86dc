import { extname } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Driver } from '../../../lib/storage/driver.ts'
import { StorageBackend } from '../../../lib/storage/storage-backend.ts'
import { oneDriveDriver } from '../../../lib/providers/onedrive/driver.ts'
import { graphError } from '../../../lib/providers/onedrive/errors.ts'
import { fileNameOf, foldersOf } from '../../../lib/providers/onedrive/names.ts'
import { nameOf } from '../../../lib/storage/free-name.ts'
import { CHUNK_SIZE } from '../../../lib/providers/onedrive/sessions.ts'
import { objectKey, userId } from '../../../lib/ids.ts'
import { rewrites } from '../../../lib/providers/onedrive/rewriting.ts'
import { bytesOf, generated } from '../../support/content.ts'
import { instantClock } from '../../support/instant-clock.ts'
import type { Simulator, TestTokens } from '../../support/simulators.ts'
import { startSimulator } from '../../support/simulators.ts'
import { serve } from '../../support/serve.ts'
import { alice, connectionId, extension, failureOf, planFor, put, refusal, sessionsOf } from './support.ts'

let simulator: Simulator
let tokens: TestTokens
let account: string
let people = 0

beforeAll(async () => {
  simulator = await startSimulator('microsoft')
})
afterAll(() => simulator.close())
beforeEach(async () => {
  people += 1
  account = `one${String(people)}@contoso.example`
  tokens = await simulator.signIn(account)
})

function open({
  endpoint = simulator.origin,
  accountId,
}: { endpoint?: string; accountId?: string } = {}): Driver {
  return oneDriveDriver({
    accountId,
    connectionId: connectionId(),
    tokens,
    endpoint,
    clock: instantClock(),
    folder: 'Driveway',
  })
}

async function graph(method: string, path: string, body: unknown): Promise<void> {
  const response = await fetch(`${simulator.origin}/v1.0/me/drive/${path}`, {
    method,
    headers: { authorization: await tokens.bearer(), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${String(response.status)}`)
}

const begin = async (driver: Driver, id: string) =>
  await sessionsOf(driver).begin(planFor({ kind: 'new', file: `${id}.txt` }, CHUNK_SIZE * 2))

async function callsOf(work: () => Promise<unknown>): Promise<string[]> {
  await simulator.clearRequests()
  await work()
  return (await simulator.requests()).map(({ method, path }) => {
    const plain = path.replace(/\?.*/, '').replace(/items\/[^/]+/, 'items/{id}')
    return `${method} ${plain.replace(/drives\/[^/]+/, 'drives/{id}').replace(/root:\/[^:]+/, 'root:/{path}')}`
  })
}

describe('the fragment', () => {
  it('is ten mebibytes, a multiple of what OneDrive asks for', () => {
    expect(CHUNK_SIZE).toBe(10 * 1024 * 1024)
    expect(CHUNK_SIZE % (320 * 1024)).toBe(0)
  })
})

const fragment = 'PUT /_api/v2.0/drives/{id}/uploadSession'

describe('calls', () => {
  it('are the fewest that OneDrive allows', async () => {
    const driver = open()
    let key = (await put(driver, 'warm')).objectKey
    expect(
      await callsOf(async () => {
        key = (await put(driver, 'doc')).objectKey
      }),
    ).toEqual(['POST /v1.0/me/drive/root:/{path}:/createUploadSession', fragment])
    const target = { kind: 'replace', objectKey: key } as const
    // A personal account takes no session by the item's id alone.
    expect(await callsOf(() => put(driver, 'doc', { target }))).toEqual([
      'GET /v1.0/me/drive/items/{id}',
      'POST /v1.0/me/drive/items/{id}/doc.txt:/createUploadSession',
      fragment,
    ])
    const atWork = open({ accountId: 'b7f0c2a8-5c0e-4d52-9d2f-0f2f1f0c9f11.0001' })
    expect(await callsOf(() => put(atWork, 'doc', { target }))).toEqual([
      'POST /v1.0/me/drive/items/{id}/createUploadSession',
      fragment,
    ])
    expect(await callsOf(() => driver.stat(key))).toEqual(['GET /v1.0/me/drive/items/{id}'])
    expect(
      await callsOf(async () => bytesOf((await new StorageBackend(driver).getObject(key)).body)),
    ).toEqual(['GET /v1.0/me/drive/items/{id}', 'GET /_layouts/15/download.aspx'])
    expect(await callsOf(() => new StorageBackend(driver).deleteObject(key))).toEqual([
      'DELETE /v1.0/me/drive/items/{id}',
    ])
    const empty = await callsOf(() => put(driver, 'empty', { content: generated(0) }))
    expect(empty).toEqual(['PUT /v1.0/me/drive/root:/{path}:/content'])
    const content = generated(10 * 1024 * 1024 + 1)
    expect(await callsOf(() => put(driver, 'large', { content }))).toEqual([
      'POST /v1.0/me/drive/root:/{path}:/createUploadSession',
      fragment,
      fragment,
    ])
  })
})

describe('an item', () => {
  it('is found by its id after the user has renamed and moved it', async () => {
    const driver = open()
    const { objectKey } = await put(driver, 'doc')
    await graph('POST', 'root/children', { name: 'Elsewhere', folder: {} })
    const elsewhere = { path: '/drive/root:/Elsewhere' }
    await graph('PATCH', `items/${objectKey}`, { name: 'mine.txt', parentReference: elsewhere })
    expect(await new StorageBackend(driver).statObject(objectKey)).toBe(5)
    const target = { kind: 'replace', objectKey } as const
    const entry = await put(driver, 'doc', { content: generated(77), target })
    expect(entry.objectKey).toBe(objectKey)
    expect(await simulator.files(account)).toMatchObject([{ path: '/Elsewhere/mine.txt', size: 77 }])
  })

  it('is missing when it is to be replaced and is gone', async () => {
    const driver = open()
    const { objectKey } = await put(driver, 'doc')
    await new StorageBackend(driver).deleteObject(objectKey)
    const target = { kind: 'replace', objectKey } as const
    expect((await failureOf(put(driver, 'doc', { target }))).code).toBe('object_missing')
    expect((await failureOf(put(driver, 'doc', { target, content: generated(0) }))).code).toBe(
      'object_missing',
    )
  })

  it('can be read through its own address without a token', async () => {
    const { objectKey } = await put(open(), 'doc')
    const url = await open().directUrls?.read(objectKey)
    expect(String(url)).toBe('[redacted]')
    const answer = await fetch(url?.reveal() ?? '')
    expect(await answer.text()).toBe('hello')
  })
})

describe('a download', () => {
  it('asks once for another address when the first has run out', async () => {
    const { objectKey } = await put(open(), 'doc')
    await simulator.fault({ path: 'download.aspx' }, { type: 'status', status: 401 })
    expect((await bytesOf((await new StorageBackend(open()).getObject(objectKey)).body)).toString()).toBe(
      'hello',
    )
    await simulator.fault(
      { path: 'download.aspx' },
      { type: 'status', status: 403, reason: 'accessDenied' },
      2,
    )
    expect((await failureOf(new StorageBackend(open()).getObject(objectKey))).code).toBe('provider_error')
  })

  it('does not take a warning page for the file', async () => {
    const { objectKey } = await put(open(), 'doc')
    await simulator.fault({ path: 'download.aspx' }, { type: 'garbage', status: 200 })
    expect(await failureOf(new StorageBackend(open()).getObject(objectKey))).toMatchObject({
      code: 'provider_error',
      context: { providerStatus: 200 },
    })
  })
})

describe('a work account', () => {
  it('holds the name while a session is open: another upload takes the next name', async () => {
    const driver = open()
    const session = await begin(driver, 'doc')
    expect(await failureOf(begin(driver, 'doc'))).toMatchObject({
      name: 'PlaceTaken',
      code: 'provider_unavailable',
      retry: { retryable: true },
      context: { providerCode: 'nameAlreadyExists', retryAfterSeconds: 30 },
    })
    expect((await put(driver, 'doc')).name).toBe(nameOf({ file: 'doc.txt' }, 1))
    await sessionsOf(driver).cancel(session)
    expect((await put(driver, 'doc', { content: generated(77) })).name).toBe('doc.txt')
  })

  it('that holds every name of a document asks to come back', async () => {
    const driver = open()
    for (const n of [0, 1, 2]) await begin(driver, nameOf({ file: 'doc.txt' }, n).replace('.txt', ''))
    const error = await failureOf(put(driver, 'doc'))
    expect(error).toMatchObject({ name: 'PlaceTaken', retry: { retryable: true, afterSeconds: 30 } })
  })

  it('of a person holds no name, and yet nothing is written over that has taken it', async () => {
    account = `one${String(people)}@outlook.com`
    tokens = await simulator.signIn(account)
    const driver = open()
    const session = await begin(driver, 'doc')
    const bearer = { authorization: await tokens.bearer() }
    const url = `${simulator.origin}/v1.0/me/drive/root:/Driveway/alice/doc.txt:/content`
    await fetch(url, { method: 'PUT', headers: bearer, body: 'mine' })
    const length = CHUNK_SIZE
    const part = (offset: number) => ({ body: generated(length), offset, total: length * 2 })
    await sessionsOf(driver).send(session, part(0))
    expect(await failureOf(sessionsOf(driver).send(session, part(length)))).toMatchObject({
      name: 'PlaceTaken',
    })
    expect(await simulator.files(account)).toMatchObject([{ name: 'doc.txt', size: 4 }])
    expect(await simulator.sessions(account)).toEqual([])
  })
})

describe('folders', () => {
  it('are made when the service does not make them on the way', async () => {
    await simulator.fault({ path: '/createUploadSession' }, { type: 'status', status: 404 })
    const calls = await callsOf(() => put(open(), 'doc'))
    expect(calls.filter((call) => call.endsWith('children'))).toHaveLength(2)
    expect(await simulator.files(account)).toMatchObject([{ path: '/Driveway/alice/doc.txt' }])
    await simulator.fault({ path: '/createUploadSession' }, { type: 'status', status: 404 })
    await put(open(), 'doc-2')
    expect(await simulator.files(account)).toHaveLength(2)
  })
})

describe('a session', () => {
  it('that is not known yet is worth one more try, and then it is gone', async () => {
    const driver = open()
    const session = await begin(driver, 'doc')
    await simulator.fault({ path: '/uploadSession' }, { type: 'status', status: 404 }, 2)
    const error = await failureOf(sessionsOf(driver).ask(session, CHUNK_SIZE))
    expect(error).toMatchObject({ code: 'provider_unavailable', retry: { retryable: true, afterSeconds: 5 } })
    expect(await sessionsOf(driver).ask(session, CHUNK_SIZE)).toEqual({ state: 'gone' })
  })

  it('is asked where it stands when it has the bytes already', async () => {
    const driver = open()
    const session = await begin(driver, 'doc')
    const part = () => ({
      body: generated(CHUNK_SIZE),
      offset: 0,
      total: CHUNK_SIZE * 2,
    })
    await sessionsOf(driver).send(session, part())
    const again = await sessionsOf(driver).send(session, part())
    expect(again).toMatchObject({ state: 'open', offset: CHUNK_SIZE })
    await sessionsOf(driver).cancel(session)
  })

  it('of a work account is gone when the token in its URL has ended', async () => {
    const driver = open()
    const session = await begin(driver, 'doc')
    await simulator.fault(
      { path: '/uploadSession' },
      { type: 'status', status: 401, reason: 'expiredToken' },
      2,
    )
    await failureOf(sessionsOf(driver).ask(session, CHUNK_SIZE))
    expect(await sessionsOf(driver).ask(session, CHUNK_SIZE)).toEqual({ state: 'gone' })
    expect(tokens.renewals).toBe(0)
  })

  it('that expects nothing more and has made no file is given back', async () => {
    const calls: string[] = []
    const origin = await serve((req, res) => {
      calls.push(req.method ?? '')
      const host = req.headers.host ?? ''
      req.resume()
      req.on('end', () => {
        if (req.method === 'POST') res.end(JSON.stringify({ uploadUrl: `http://${host}/session` }))
        else if (req.method === 'DELETE') res.writeHead(204).end()
        else res.writeHead(202).end(JSON.stringify({ nextExpectedRanges: [] }))
      })
    })
    const driver = open({ endpoint: origin })
    const session = await begin(driver, 'doc')
    const part = { body: generated(5), offset: 0, total: 5 }
    expect(await sessionsOf(driver).send(session, part)).toEqual({ state: 'gone' })
    expect(calls).toEqual(['POST', 'PUT', 'DELETE'])
  })
})

describe('names', () => {
  it('are the document’s own wherever OneDrive takes them', () => {
    expect(foldersOf('Driveway', alice)).toEqual(['Driveway', 'alice'])
    expect(foldersOf(undefined, alice)).toEqual(['alice'])
    for (const folder of ['My files.', 'CON', ' papers', 'x_vti_y', 'Letters/a:b'])
      for (const name of foldersOf(folder, alice)) expect(name).not.toMatch(/^con$|^ |\.$|_vti_|:/i)
    for (const file of ['Invoice-2026.03.pdf', 'console.pdf', 'doc (1a2b3c4d).txt'])
      expect(fileNameOf(file)).toBe(file)
  })

  it.each(['con.pdf', 'COM1', 'lpt9.x.txt', 'desktop.ini', 'a_vti_b.pdf', 'ends.'])(
    'are changed for %s, which it refuses',
    (file) => {
      const name = fileNameOf(file)
      expect(name).toMatch(/^[0-9a-f]{16} /)
      expect(name).not.toMatch(/_vti_|\.$/)
      expect(extname(name)).toBe(file === 'ends.' ? '' : extname(file))
    },
  )
})

/** Words that differ in case, in a reserved part, or in what a mark of ours looks like. */
const words = ['casey', 'con', 'x_vti_y', '_vti_vti_', '0f', 'a', 'a-1', 'doc', 'con.tar', 'doc.b']
const variants = words.flatMap((word) => [
  word,
  word.toUpperCase(),
  `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`,
  `${word.slice(0, -1)}${word.slice(-1).toUpperCase()}`,
])

describe('two places', () => {
  it('of two users are never one, whatever the case of their names', () => {
    const folder = (name: string): string => foldersOf(undefined, userId(name)).join('/')
    const marks = variants.map((name) => folder(name).replaceAll(' ', '-').replaceAll(/[().]/g, ''))
    const subs = new Set([...variants, ...marks])
    const folders = [...subs].map(folder)
    expect(new Set(folders.map((made) => made.toLowerCase())).size).toBe(subs.size)
    expect(folders.filter((made) => /^(con|aux)$|_vti_|\.$/i.test(made))).toEqual([])
  })

  it('of two documents are never one, unless they are written alike', () => {
    const ids = variants.filter((id) => !id.startsWith('_'))
    const namesOf = (file: string): string[] => [0, 1, 2].map((n) => fileNameOf(nameOf({ file }, n)))
    const derived = ids.flatMap((id) => namesOf(id).map((made) => made.replaceAll(/[ ()]/g, '-')))
    const seen = new Map<string, string>()
    const files = [...ids, ...derived].flatMap((id) => ['', '.b', '.B', '.tar'].map((ext) => `${id}${ext}`))
    for (const file of new Set(files)) {
      for (const made of namesOf(file)) {
        expect(seen.get(made) ?? file, `${file} is at ${made}`).toBe(file)
        seen.set(made, file)
      }
    }
  })
})

describe('Graph’s errors', () => {
  const said = (status: number, code: string, inner?: string) =>
    refusal(status, {
      error: { code, message: '', ...(inner === undefined ? {} : { innerError: { code: inner } }) },
    })
  it.each([
    [429, 'activityLimitReached', 'provider_throttled', true],
    [429, 'TooManyRequests', 'provider_throttled', true],
    [503, 'activityLimitReached', 'provider_throttled', true],
    [509, 'bandwidthLimitExceeded', 'provider_throttled', true],
    [503, 'serviceNotAvailable', 'provider_unavailable', true],
    [500, 'generalException', 'provider_unavailable', true],
    [500, 'UnknownError', 'provider_unavailable', true],
    [423, 'resourceLocked', 'provider_unavailable', true],
    [409, 'nameAlreadyExists', 'provider_unavailable', true],
    [412, 'resourceModified', 'provider_unavailable', true],
    [507, 'quotaLimitReached', 'provider_quota_exceeded', false],
    [404, 'itemNotFound', 'object_missing', false],
    [404, 'ResourceNotFound', 'provider_unavailable', true],
    [404, 'UnknownError', 'provider_unavailable', true],
    [400, 'BadRequest', 'provider_unavailable', true],
    [429, 'BadRequest', 'provider_throttled', true],
    [401, 'unauthenticated', 'provider_unavailable', true],
    [403, 'serviceReadOnly', 'provider_unavailable', true],
    [403, 'siteReadOnly', 'provider_unavailable', true],
    [403, 'accountSuspended', 'connection_requires_reauth', false],
    [403, 'accountUpgradeRequired', 'connection_requires_reauth', false],
    [403, 'provisioningNotAllowed', 'operator_attention', false],
    [403, 'accessDenied', 'provider_error', false],
    [403, 'malwareDetected', 'provider_error', false],
    [400, 'invalidRequest', 'provider_error', false],
    [501, 'notSupported', 'provider_error', false],
  ])('%i %s is %s', (status, code, ours, retryable) => {
    expect(graphError(connectionId(), said(status, code))).toMatchObject({
      code: ours,
      retry: { retryable },
      context: { providerStatus: status },
    })
  })

  it('the innermost known code decides, however it is spelled', () => {
    expect(graphError(connectionId(), said(400, 'invalidRequest', 'throttledRequest')).code).toBe(
      'provider_throttled',
    )
    const lower = {
      error: { code: 'x', innererror: { code: 'y', innererror: { code: 'quotaLimitReached' } } },
    }
    expect(graphError(connectionId(), refusal(400, lower)).code).toBe('provider_quota_exceeded')
  })

  it('a body that nests without end is looked at only so far', () => {
    let error: unknown = { code: 'quotaLimitReached' }
    for (let depth = 0; depth < 1000; depth += 1) error = { innerError: error }
    expect(graphError(connectionId(), refusal(400, { error })).code).toBe('provider_error')
  })

  it.each([
    [502, 'provider_unavailable'],
    [504, 'provider_unavailable'],
    [404, 'object_missing'],
    [401, 'provider_unavailable'],
    [403, 'provider_unavailable'],
    [400, 'provider_unavailable'],
    [507, 'provider_quota_exceeded'],
    [509, 'provider_throttled'],
  ])('a bare %i, or HTML with it, is %s', (status, code) => {
    expect(graphError(connectionId(), refusal(status, '<html>')).code).toBe(code)
    expect(graphError(connectionId(), refusal(status, '')).code).toBe(code)
  })

  it.each([
    [404, 'ResourceNotFound', 'User’s mysite not found.'],
    [400, 'BadRequest', 'Unable to retrieve user’s mysite URL.'],
    [404, 'UnknownError', '404 FILE NOT FOUND'],
  ])('a drive that is not there yet is no file that is gone: %i %s', (status, code, message) => {
    const error = graphError(connectionId(), refusal(status, { error: { code, message } }))
    expect(error).toMatchObject({
      code: 'provider_unavailable',
      detail: expect.stringContaining('no OneDrive yet'),
    })
  })

  it('a missing scope is a grant to be renewed', () => {
    expect(graphError(connectionId(), said(403, 'Authorization_RequestDenied'))).toMatchObject({
      code: 'connection_requires_reauth',
      reason: 'scope_missing',
    })
  })
})

describe('files that are rewritten', () => {
  const work = 'b7f0c2a8-5c0e-4d52-9d2f-0f2f1f0c9f11.0001'
  const personal = '9188040d-6c67-4c5b-b112-36a304b66dad.0001'

  it.each(['.docx', '.DOCX', '.pdf', '.html', '.htm', '.xlsm'])('are %s on a work account alone', (name) => {
    expect([work, personal].map((account) => rewrites(account, extension(name)))).toEqual([true, false])
  })

  it.each(['.txt', '.csv', '.jpg', ''])('are not %s', (name) => {
    expect(rewrites(work, extension(name))).toBe(false)
  })
})

describe('a file whose size is not its content’s', () => {
  const content = 'what is really there'
  let item = { id: 'photo', size: 10_000, cTag: '"c1"', file: {} }
  const openOdd = async (): Promise<StorageBackend> => {
    const origin = await serve((req, res) => {
      const host = req.headers.host ?? ''
      if (req.url?.startsWith('/bytes') !== true) {
        res.end(JSON.stringify({ ...item, '@microsoft.graph.downloadUrl': `http://${host}/bytes` }))
        return
      }
      const [, first = 0, last = content.length - 1] =
        /^bytes=(\d+)-(\d+)$/.exec(req.headers.range ?? '') ?? []
      const [start, end] = [Number(first), Math.min(Number(last), content.length - 1)]
      const isPart = req.headers.range !== undefined
      const total = `/${String(content.length)}`
      if (start >= content.length) res.writeHead(416, { 'content-range': `bytes *${total}` }).end()
      else {
        const part = content.slice(start, end + 1)
        const range = { 'content-range': `bytes ${String(start)}-${String(end)}${total}` }
        res
          .writeHead(isPart ? 206 : 200, { 'content-length': part.length, ...(isPart ? range : {}) })
          .end(part)
      }
    })
    return new StorageBackend(open({ endpoint: origin }))
  }
  const key = objectKey('photo')

  it('is read whole and in part, as the host of its bytes has it', async () => {
    const backend = await openOdd()
    const got = await backend.getObject(key)
    expect([got.size, (await bytesOf(got.body)).toString()]).toEqual([content.length, content])
    const last = await backend.getObject(key, { suffix: 5 })
    expect((await bytesOf(last.body)).toString()).toBe('there')
    const rest = await backend.getObject(key, { start: 8 })
    expect((await bytesOf(rest.body)).toString()).toBe(content.slice(8))
    const beyond = await failureOf(backend.getObject(key, { start: 9000 }))
    expect([beyond.code, beyond.context.size]).toEqual(['range_not_satisfiable', content.length])
  })

  it('is not mixed with another version that comes in between', async () => {
    const backend = await openOdd()
    const reading = backend.getObject(key)
    item = { ...item, size: content.length, cTag: '"c2"' }
    const got = await reading
    expect([got.size, (await bytesOf(got.body)).toString()]).toEqual([content.length, content])
  })
})
