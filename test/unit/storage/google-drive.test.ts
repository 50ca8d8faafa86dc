import * as z from 'zod/mini'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CloudConnectionError } from '../../../lib/errors.ts'
import type { ObjectKey } from '../../../lib/ids.ts'
import type { Driver } from '../../../lib/storage/driver.ts'
import { StorageBackend } from '../../../lib/storage/storage-backend.ts'
import { googleDriveDriver } from '../../../lib/providers/google-drive/driver.ts'
import { driveError } from '../../../lib/providers/google-drive/errors.ts'
import { reservedIds } from '../../../lib/providers/google-drive/reserved-ids.ts'
import { mimeTypeOf } from '../../../lib/providers/google-drive/sessions.ts'
import { bytesOf, generated } from '../../support/content.ts'
import { instantClock } from '../../support/instant-clock.ts'
import type { Simulator, TestTokens } from '../../support/simulators.ts'
import { startSimulator } from '../../support/simulators.ts'
import { connectionId, failureOf, planFor, put, refusal, sessionsOf } from './support.ts'

let simulator: Simulator
let tokens: TestTokens
let account: string
let stored: { id?: string; times: number }
let people = 0
const ids = reservedIds()

beforeAll(async () => {
  simulator = await startSimulator('google')
})
afterAll(() => simulator.close())
beforeEach(async () => {
  people += 1
  account = `drive${String(people)}@example.com`
  tokens = await simulator.signIn(account)
  stored = { times: 0 }
})

function open({ folder = true }: { folder?: boolean } = {}): Driver {
  const { id } = stored
  return googleDriveDriver({
    connectionId: connectionId(String(people)),
    reserved: ids,
    tokens,
    endpoint: simulator.origin,
    clock: instantClock(),
    ...(folder
      ? {
          folder: {
            name: "Ada's \\ files",
            ...(id === undefined ? {} : { id }),
            onCreated(created: string) {
              stored = { id: created, times: stored.times + 1 }
              return Promise.resolve()
            },
          },
        }
      : {}),
  })
}

async function drive(method: string, path: string, body?: unknown): Promise<void> {
  const response = await fetch(`${simulator.origin}/drive/v3/${path}`, {
    method,
    headers: { authorization: await tokens.bearer(), 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${String(response.status)}`)
}

async function reserved(driver: Driver) {
  const objectKey = await driver.places?.make()
  if (objectKey === undefined) throw new Error('no key')
  return { kind: 'new', file: 'doc.txt', objectKey } as const
}

async function callsOf(work: () => Promise<unknown>): Promise<string[]> {
  await simulator.clearRequests()
  await work()
  return (await simulator.requests()).map(
    ({ method, path }) => `${method} ${path.replace(/\?.*/, '').replaceAll(/[\w-]{25,}/g, '{id}')}`,
  )
}

/** The living folders of that name, as the user sees them. */
async function folders(): Promise<string[]> {
  const q = "mimeType='application/vnd.google-apps.folder' and trashed=false"
  const response = await fetch(`${simulator.origin}/drive/v3/files?q=${encodeURIComponent(q)}`, {
    headers: { authorization: await tokens.bearer() },
  })
  const { files } = listing.parse(await response.json())
  return files.filter(({ name }) => name === "Ada's \\ files").map(({ id }) => id)
}

const listing = z.object({ files: z.array(z.object({ id: z.string(), name: z.string() })) })

describe('the folder', () => {
  it('is made once for all that is put at the same time, and its id is handed out to be kept', async () => {
    const driver = open()
    await Promise.all(Array.from({ length: 6 }, (_, index) => put(driver, `doc-${String(index)}`)))
    expect(await folders()).toEqual([stored.id])
    expect(stored.times).toBe(1)
    expect((await simulator.files(account)).filter(({ path }) => path.endsWith('.txt'))).toHaveLength(6)
  })

  it('is found by a process that does not know it', async () => {
    await put(open(), 'first')
    const { id } = stored
    stored = { times: 0 }
    await put(open(), 'second')
    expect(stored).toEqual({ id, times: 1 })
  })

  it('is made anew when it was deleted for good', async () => {
    await put(open(), 'first')
    const before = stored.id ?? ''
    await drive('DELETE', `files/${before}`)
    const entry = await put(open(), 'second')
    expect(stored.id).not.toBe(before)
    expect(await new StorageBackend(open()).statObject(entry.objectKey)).toBe(5)
  })

  it.each([5, 6_000_000])(
    'is made anew when it is in the trash, and takes the file of %i bytes with it',
    async (size) => {
      await put(open(), 'first')
      const before = stored.id ?? ''
      await drive('PATCH', `files/${before}`, { trashed: true })
      const driver = open()
      const entry = await put(driver, 'second', { content: generated(size) })
      expect(stored.id).not.toBe(before)
      expect(await new StorageBackend(driver).statObject(entry.objectKey)).toBe(size)
      expect(await folders()).toEqual([stored.id])
    },
  )

  it('that is in the trash hides its files', async () => {
    const { objectKey } = await put(open(), 'first')
    await drive('PATCH', `files/${stored.id ?? ''}`, { trashed: true })
    expect((await failureOf(new StorageBackend(open()).statObject(objectKey))).code).toBe('object_missing')
  })

  it('is the root when none is set', async () => {
    await put(open({ folder: false }), 'first')
    expect(await simulator.files(account)).toMatchObject([{ path: '/first.txt' }])
  })
})

describe('calls', () => {
  it('are the fewest that Drive allows', async () => {
    const driver = open()
    await put(driver, 'warm')
    const target = await reserved(driver)
    expect(await callsOf(() => put(driver, 'doc', { target }))).toEqual(['POST /upload/drive/v3/files'])
    const key = target.objectKey
    const replace = { kind: 'replace', objectKey: key } as const
    expect(await callsOf(() => put(driver, 'doc', { target: replace }))).toEqual([
      'PATCH /upload/drive/v3/files/{id}',
    ])
    expect(await callsOf(() => driver.stat(key))).toEqual(['GET /drive/v3/files/{id}'])
    const read = async (): Promise<unknown> => bytesOf((await new StorageBackend(driver).getObject(key)).body)
    expect(await callsOf(read)).toEqual(['GET /drive/v3/files/{id}', 'GET /drive/v3/files/{id}'])
    expect(await callsOf(() => new StorageBackend(driver).deleteObject(key))).toEqual([
      'PATCH /drive/v3/files/{id}',
    ])
    expect(await callsOf(() => new StorageBackend(driver).healthCheck())).toEqual(['GET /drive/v3/files'])
  })

  it('reserve a thousand keys at once, each given out once, also to requests at the same time', async () => {
    const keys: ObjectKey[] = []
    const calls = await callsOf(async () => {
      const taken = await Promise.all(Array.from({ length: 20 }, () => reserved(open())))
      keys.push(...taken.map(({ objectKey }) => objectKey))
    })
    expect(new Set(keys).size).toBe(20)
    expect(calls).toEqual(['GET /drive/v3/files/generateIds'])
  })

  it('of somebody who gave up do not keep others from their keys', async () => {
    const gaveUp = failureOf(Promise.resolve(open().places?.make({ signal: AbortSignal.abort() })))
    const other = reserved(open())
    expect((await gaveUp).code).toBe('provider_unavailable')
    expect((await other).objectKey).toMatch(/^[\w-]{20,}$/)
  })

  it.each([
    [5_000_000, ['POST /upload/drive/v3/files']],
    [5_000_001, ['POST /upload/drive/v3/files', 'PUT /upload/drive/v3/files']],
  ])('send %i bytes as %o', async (size, expected) => {
    const driver = open({ folder: false })
    const target = await reserved(driver)
    expect(await callsOf(() => put(driver, 'doc', { content: generated(size), target }))).toEqual(expected)
  })
})

describe('the trash', () => {
  it('is where a deleted file goes, so that the user can take it back', async () => {
    const { objectKey } = await put(open(), 'doc')
    await new StorageBackend(open()).deleteObject(objectKey)
    const file = (await simulator.files(account)).find(({ id }) => id === objectKey)
    expect(file?.trashed).toBe(true)
  })

  it('gives a file back whose content is replaced', async () => {
    const { objectKey } = await put(open(), 'doc')
    await new StorageBackend(open()).deleteObject(objectKey)
    await put(open(), 'doc', { target: { kind: 'replace', objectKey }, content: generated(9) })
    expect(await new StorageBackend(open()).statObject(objectKey)).toBe(9)
  })

  it('a replaced file that is gone for good is missing, not made anew under another id', async () => {
    const { objectKey } = await put(open(), 'doc')
    await drive('DELETE', `files/${objectKey}`)
    const error = await failureOf(put(open(), 'doc', { target: { kind: 'replace', objectKey } }))
    expect(error.code).toBe('object_missing')
    const files = await simulator.files(account)
    expect(files.filter(({ path }) => path.endsWith('.txt'))).toEqual([])
  })
})

describe('a session for a key that is already in use', () => {
  it('replaces the content of what an earlier attempt made', async () => {
    const driver = open()
    const target = await reserved(driver)
    await put(driver, 'doc', { target })
    const size = 300_000
    const session = await sessionsOf(driver).begin(planFor(target, size))
    const body = generated(size)
    const end = await sessionsOf(driver).send(session, { body, offset: 0, total: size })
    expect(end).toMatchObject({ state: 'done', entry: { objectKey: target.objectKey, size } })
  })
})

describe('a content type of Google’s own', () => {
  it.each(['application/vnd.google-apps.document', 'Application/Vnd.Google-Apps.Folder'])(
    '%s is not sent: Drive would convert the file',
    (contentType) => {
      expect(mimeTypeOf({ contentType })).toBe('application/octet-stream')
    },
  )

  it('any other is sent as it is', () => {
    expect(mimeTypeOf({ contentType: 'application/pdf' })).toBe('application/pdf')
  })
})

describe('Drive’s errors', () => {
  const said = (status: number, reason: string) =>
    refusal(status, { error: { code: status, errors: [{ reason }] } })
  it.each([
    [403, 'rateLimitExceeded', 'provider_throttled', true],
    [403, 'userRateLimitExceeded', 'provider_throttled', true],
    [429, 'rateLimitExceeded', 'provider_throttled', true],
    [403, 'dailyLimitExceeded', 'operator_attention', false],
    [403, 'accessNotConfigured', 'operator_attention', false],
    [403, 'storageQuotaExceeded', 'provider_quota_exceeded', false],
    [403, 'teamDriveFileLimitExceeded', 'provider_quota_exceeded', false],
    [403, 'numChildrenInNonRootLimitExceeded', 'provider_quota_exceeded', false],
    [403, 'activeItemCreationLimitExceeded', 'provider_quota_exceeded', false],
    [401, 'authError', 'provider_unavailable', true],
    [403, 'insufficientFilePermissions', 'provider_error', false],
    [403, 'domainPolicy', 'operator_attention', false],
    [403, 'cannotDownloadAbusiveFile', 'provider_error', false],
    [404, 'notFound', 'object_missing', false],
    [500, 'backendError', 'provider_unavailable', true],
    [400, 'badRequest', 'provider_error', false],
  ])('%i %s is %s', (status, reason, code, retryable) => {
    const error = driveError(connectionId(), said(status, reason))
    expect(error).toMatchObject({
      code,
      retry: { retryable },
      context: { providerCode: reason, providerStatus: status },
    })
  })

  it.each([
    [429, 'provider_throttled'],
    [502, 'provider_unavailable'],
    [504, 'provider_unavailable'],
    [404, 'object_missing'],
    [418, 'provider_error'],
    [401, 'provider_unavailable'],
    [403, 'provider_unavailable'],
    [400, 'provider_unavailable'],
  ])('a bare %i, or HTML with it, is %s', (status, code) => {
    expect(driveError(connectionId(), refusal(status, '<html>')).code).toBe(code)
    expect(driveError(connectionId(), refusal(status, '')).code).toBe(code)
  })

  it('a token with too little scope is a grant to be renewed', () => {
    const error = driveError(connectionId(), said(403, 'insufficientPermissions'))
    expect(error).toBeInstanceOf(CloudConnectionError)
    expect(error).toMatchObject({ reason: 'scope_missing' })
  })

  it('what the operator has to mend is marked, and what one organisation has to is not', () => {
    expect(driveError(connectionId(), said(403, 'accessNotConfigured')).context.operatorFault).toBe(true)
    expect(driveError(connectionId(), said(403, 'domainPolicy')).context.operatorFault).toBeUndefined()
  })

  it.each([
    ['cannotDownloadAbusiveFile', /harmful/],
    ['abuse', /harmful/],
    ['storageQuotaExceeded', /full.*organisation/],
    ['numChildrenInNonRootLimitExceeded', /as many files as it may/],
    ['domainPolicy', /administrator/],
  ])('%s is told with its own words', (reason, words) => {
    expect(driveError(connectionId(), said(403, reason)).detail).toMatch(words)
  })

  it('a reason stands in the details alone, now and then', () => {
    const error = { code: 403, status: 'PERMISSION_DENIED', details: [{}, { reason: 'SERVICE_DISABLED' }] }
    expect(driveError(connectionId(), refusal(403, { error }))).toMatchObject({
      code: 'operator_attention',
      context: { providerCode: 'SERVICE_DISABLED' },
    })
  })

  it('a 5xx leaves open whether a write was done, and not whether a read was', () => {
    expect(driveError(connectionId(), refusal(503, '')).retry.ambiguous).toBe(true)
    expect(driveError(connectionId(), refusal(503, '', { method: 'GET' })).retry.ambiguous).toBe(false)
  })

  it('a reason that is no plain word goes nowhere', () => {
    const error = driveError(connectionId(), said(403, 'ya29.secret token'))
    expect(JSON.stringify(error.context)).not.toContain('secret')
  })
})
