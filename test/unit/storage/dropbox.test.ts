import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { PlaceTaken } from '../../../lib/storage/free-name.ts'
import { userId } from '../../../lib/ids.ts'
import { contentHash, resumableContentHash } from '../../../lib/providers/dropbox/content-hash.ts'
import { dropboxDriver } from '../../../lib/providers/dropbox/driver.ts'
import { dropboxError } from '../../../lib/providers/dropbox/errors.ts'
import { fileNameOf, pathOf } from '../../../lib/providers/dropbox/names.ts'
import { contentOf, partOf } from '../../../lib/storage/bytes.ts'
import type { Driver, ObjectEntry } from '../../../lib/storage/driver.ts'
import { bytesAt, bytesOf, generated } from '../../support/content.ts'
import { instantClock } from '../../support/instant-clock.ts'
import type { Simulator, TestTokens } from '../../support/simulators.ts'
import { startSimulator } from '../../support/simulators.ts'
import { connectionId, failureOf, newTarget, planFor, put, refusal, sessionsOf } from './support.ts'

const chunk = 10 * 1024 * 1024
let simulator: Simulator
let tokens: TestTokens
let account: string
let people = 0
beforeAll(async () => {
  simulator = await startSimulator('dropbox')
})
afterAll(() => simulator.close())
beforeEach(async () => {
  people += 1
  account = `one${String(people)}@example.com`
  tokens = await simulator.signIn(account)
})

const open = (source: TestTokens = tokens): Driver =>
  dropboxDriver({
    connectionId: connectionId(),
    tokens: source,
    clock: instantClock(),
    endpoint: simulator.origin,
  })
/** As the user, or another program of theirs. */
async function asUser(route: string, argument: object, bearer = tokens.bearer()): Promise<void> {
  const response = await fetch(`${simulator.origin}/2/${route}`, {
    method: 'POST',
    headers: { authorization: await bearer, 'content-type': 'application/json' },
    body: JSON.stringify(argument),
  })
  if (!response.ok) throw new Error(`${route}: ${String(response.status)} ${await response.text()}`)
}
const held = async () => (await simulator.files(account)).filter(({ trashed }) => !trashed)
const replacing = ({ objectKey, etag }: ObjectEntry, ifMatch = etag) =>
  ({ kind: 'replace', objectKey, ...(ifMatch === undefined ? {} : { ifMatch }) }) as const

describe('the content hash', () => {
  const block = 4 * 1024 * 1024
  const bytes = bytesAt(0, 3 * block + 99)
  const expected = (content: Uint8Array): string => {
    const whole = createHash('sha256')
    for (let at = 0; at < content.length; at += block)
      whole.update(
        createHash('sha256')
          .update(content.subarray(at, at + block))
          .digest(),
      )
    return whole.digest('hex')
  }

  it.each([0, 1, block - 1, block, block + 1, 2 * block, bytes.length])('of %i bytes', async (size) => {
    const content = bytes.subarray(0, size)
    const [once, kept] = [contentHash(), await resumableContentHash()]
    for (let at = 0; at < size; at += 1_000_003) {
      once.update(content.subarray(at, at + 1_000_003))
      kept.update(content.subarray(at, at + 1_000_003))
    }
    expect([once.digest(), once.digest()]).toEqual([expected(content), expected(content)])
    expect([kept.digest(), kept.digest()]).toEqual([expected(content), expected(content)])
  })

  it('goes on from any place in another process', async () => {
    for (const at of [0, 5, block - 1, block, block + 7, 3 * block]) {
      const first = await resumableContentHash()
      first.update(bytes.subarray(0, at))
      const second = await resumableContentHash(first.save())
      second.update(bytes.subarray(at, at + 1000))
      const third = await resumableContentHash(second.save())
      expect([at, third.digest()]).toEqual([
        at,
        expected(bytes.subarray(0, Math.min(bytes.length, at + 1000))),
      ])
      third.update(bytes.subarray(at + 1000))
      expect([at, third.digest()]).toEqual([at, expected(bytes)])
      // Saving has changed nothing for who goes on here.
      first.update(bytes.subarray(at))
      expect([at, first.digest()]).toEqual([at, expected(bytes)])
    }
    await expect(resumableContentHash(new Uint8Array(7))).rejects.toThrow('Not the state of a content hash.')
  })
})

describe('names', () => {
  it.each([
    ['plain.txt', 'plain.txt'],
    ['a/b\\c.txt', 'a／b＼c.txt'],
    ['ends ', 'ends\u2420'],
    ['bell\u0007.txt', 'bell\uFFFD.txt'],
    ['u\u0308ber.txt', 'über.txt'],
    ['desktop.ini', '3ee65a8ba0a11f9b desktop.ini'],
  ])('%j is %j', (given, expected) => {
    const name = fileNameOf(given)
    expect(name.replace(/^[0-9a-f]{16} /, '')).toBe(expected.replace(/^[0-9a-f]{16} /, ''))
    expect(/^[0-9a-f]{16} /.test(name)).toBe(/^[0-9a-f]{16} /.test(expected))
  })

  it('are cut to what Dropbox takes, and lie in folders that differ by more than case', () => {
    expect(fileNameOf(`${'x'.repeat(300)}.pdf`)).toMatch(/^x{221}\.pdf$/)
    expect(pathOf('Acme/Docs', userId('casey'), 'a.txt')).toBe('/Acme/Docs/casey/a.txt')
    expect(pathOf(undefined, userId('Casey'), 'a.txt')).toBe('/Casey (10)/a.txt')
  })
})

describe('a lost answer', () => {
  it('to the finish of a session is gone, and the file is at its place', async () => {
    const driver = open()
    const uploads = sessionsOf(driver)
    const plan = planFor(await newTarget(driver, 'large.bin'), chunk + 5)
    const session = await uploads.begin(plan)
    const part = (offset: number, size: number) => ({
      body: partOf(generated(plan.size), { start: offset, end: offset + size - 1 }),
      offset,
      total: plan.size,
    })
    expect(await uploads.send(session, part(0, chunk))).toEqual({ state: 'open', offset: chunk })
    await simulator.fault({ path: '/upload_session/finish' }, { type: 'commit-then-reset' })
    const error = await failureOf(uploads.send(session, part(chunk, 5)))
    expect(error.retry).toMatchObject({ retryable: true, ambiguous: true })
    expect(await uploads.ask(session, plan.size)).toEqual({ state: 'gone' })
    expect(await uploads.send(session, part(chunk, 5))).toEqual({ state: 'gone' })
    expect(await driver.find(plan)).toMatchObject({ size: plan.size, name: 'large.bin' })
    expect(await held()).toHaveLength(1)
  })

  it('to a fragment is made up for by what the session says', async () => {
    const driver = open()
    const uploads = sessionsOf(driver)
    const plan = planFor(await newTarget(driver, 'large.bin'), 2 * chunk)
    const session = await uploads.begin(plan)
    const first = {
      body: partOf(generated(plan.size), { start: 0, end: chunk - 1 }),
      offset: 0,
      total: plan.size,
    }
    await simulator.fault({ path: '/append_v2' }, { type: 'commit-then-reset' })
    await failureOf(uploads.send(session, first))
    expect(await uploads.ask(session, plan.size)).toEqual({ state: 'open', offset: chunk })
    expect(await uploads.send(session, first)).toEqual({ state: 'open', offset: chunk })
  })

  it('to a replacement under a condition is no conflict when it comes again', async () => {
    const driver = open()
    const before = await put(driver, 'a')
    const content = contentOf(Buffer.from('new content'))
    const plan = planFor(replacing(before), content.size)
    await simulator.fault({ path: '^/2/files/upload$' }, { type: 'commit-then-reset' })
    const entry = await put(driver, 'a', { content, target: replacing(before) })
    expect(entry).toMatchObject({ objectKey: before.objectKey, size: 11 })
    // Whoever repeats it nevertheless is told that it is another version by now.
    expect(await failureOf(driver.write(plan, content))).toMatchObject({ code: 'precondition_failed' })
  })
})

describe('a session at its end of which no file was made', () => {
  const sent = async (name: string) => {
    const driver = open()
    const uploads = sessionsOf(driver)
    const plan = planFor(await newTarget(driver, name), 100)
    const session = await uploads.begin(plan)
    const send = () => uploads.send(session, { body: generated(100), offset: 0, total: 100 })
    return { driver, uploads, session, send }
  }

  it('is finished once there is room', async () => {
    const { uploads, session, send } = await sent('full.txt')
    await simulator.setQuota(account, 10)
    expect(await failureOf(send())).toMatchObject({
      code: 'provider_quota_exceeded',
      retry: { retryable: false },
    })
    expect(await failureOf(uploads.ask(session, 100))).toMatchObject({ code: 'provider_quota_exceeded' })
    await simulator.setQuota(account, 1000)
    expect(await uploads.ask(session, 100)).toMatchObject({ state: 'done', entry: { size: 100 } })
    expect((await held()).map(({ size }) => size)).toEqual([100])
  })

  it('is taken by whoever came to its name meanwhile', async () => {
    const { driver, uploads, session, send } = await sent('late.txt')
    await put(driver, 'late')
    expect(await failureOf(send())).toBeInstanceOf(PlaceTaken)
    expect(await failureOf(uploads.ask(session, 100))).toBeInstanceOf(PlaceTaken)
    expect((await held()).map(({ size }) => size)).toEqual([5])
  })

  it('waits out a lock of the account', async () => {
    const { uploads, session, send } = await sent('locked.txt')
    const match = { path: '/upload_session/finish' }
    await simulator.fault(match, { type: 'status', status: 409, reason: 'too_many_write_operations' })
    expect(await failureOf(send())).toMatchObject({ code: 'provider_throttled', retry: { retryable: true } })
    expect(await uploads.ask(session, 100)).toEqual({ state: 'open', offset: 0 })
    expect(await send()).toMatchObject({ state: 'done' })
  })
})

describe('what stands', () => {
  it('is never a file of the same bytes that its user has put there', async () => {
    const driver = open()
    await put(driver, 'theirs')
    const content = contentOf(Buffer.from('hello'))
    const plan = planFor({ kind: 'new', file: 'theirs.txt' }, content.size)
    expect(await failureOf(driver.write(plan, content))).toBeInstanceOf(PlaceTaken)
  })

  it('is not written over when its user has edited, moved to the bin, or made a folder of it', async () => {
    const driver = open()
    const entry = await put(driver, 'edited')
    await put(driver, 'edited', { content: contentOf(Buffer.from('by its user')), target: replacing(entry) })
    const content = contentOf(Buffer.from('late'))
    const late = planFor(replacing(entry), content.size)
    expect(await failureOf(driver.write(late, content))).toMatchObject({ code: 'precondition_failed' })
    expect(await failureOf(sessionsOf(driver).begin(late))).toMatchObject({ code: 'precondition_failed' })
    await asUser('files/delete_v2', { path: entry.objectKey })
    const { objectKey } = entry
    const gone = planFor({ kind: 'replace', objectKey }, content.size)
    expect(await failureOf(driver.write(gone, content))).toMatchObject({ code: 'object_missing' })
    expect(await failureOf(sessionsOf(driver).begin(gone))).toMatchObject({ code: 'object_missing' })
    expect(await held()).toEqual([])
    await asUser('files/create_folder_v2', { path: '/alice/folder.txt' })
    const folder = planFor({ kind: 'new', file: 'folder.txt' }, content.size)
    expect(await failureOf(driver.write(folder, content))).toBeInstanceOf(PlaceTaken)
    expect(await driver.find(folder)).toBeUndefined()
  })

  it('is edited in the very moment between the question and the write', async () => {
    const driver = open()
    const entry = await put(driver, 'raced')
    const uploads = sessionsOf(driver)
    const plan = planFor(replacing(entry), 100)
    const session = await uploads.begin(plan)
    await put(driver, 'raced', { content: contentOf(Buffer.from('meanwhile')), target: replacing(entry) })
    const part = { body: generated(100), offset: 0, total: 100 }
    expect(await failureOf(uploads.send(session, part))).toMatchObject({ code: 'precondition_failed' })
    expect((await bytesOf((await driver.read(entry.objectKey, undefined)).body)).toString()).toBe('meanwhile')
  })

  it('keeps its key under a name that differs in case alone, and wherever its user moves it', async () => {
    const driver = open()
    const { objectKey: key } = await put(driver, 'note')
    await driver.renaming?.rename(key, 'NOTE.txt')
    expect((await held()).map(({ name }) => name)).toEqual(['NOTE.txt'])
    await asUser('files/move_v2', { from_path: key, to_path: '/elsewhere/own name.txt' })
    expect(await driver.stat(key)).toMatchObject({ name: 'own name.txt', size: 5 })
    await driver.renaming?.rename(key, 'again.txt')
    expect((await held()).map(({ path }) => path)).toEqual(['/elsewhere/again.txt'])
  })

  it('is read by one request, also a part of it', async () => {
    const driver = open()
    const { objectKey: key } = await put(driver, 'read', { content: generated(5000) })
    await simulator.clearRequests()
    const { entry, sent, body } = await driver.read(key, { suffix: 10 })
    expect([entry.size, sent, (await bytesOf(body)).length]).toEqual([5000, { start: 4990, end: 4999 }, 10])
    expect(await simulator.requests(account)).toHaveLength(1)
  })

  it.each(['email_not_verified', 'not_allowed'])(
    'has no address of its own when Dropbox says %s',
    async (tag) => {
      const driver = open()
      const { objectKey: key } = await put(driver, 'linked')
      await simulator.fault({ path: 'get_temporary_link' }, { type: 'status', status: 409, reason: tag })
      expect(await driver.directUrls?.read(key)).toBeUndefined()
      const url = (await driver.directUrls?.read(key))?.reveal() ?? ''
      expect(await (await fetch(url)).text()).toBe('hello')
      await asUser('files/delete_v2', { path: key })
      expect(await failureOf(driver.directUrls?.read(key) ?? expect.unreachable())).toMatchObject({
        code: 'object_missing',
      })
    },
  )

  it('shares the space of its team', async () => {
    const email = `member${String(people)}@team.example.com`
    const driver = open(await simulator.signIn(email))
    await simulator.setQuota(email, 1000)
    await put(driver, 'a')
    expect(await driver.space?.usage()).toEqual({ used: 5, limit: 1000 })
  })
})

describe('an error of Dropbox', () => {
  const said = (status: number, summary: string) => refusal(status, { error_summary: `${summary}/...` })
  const error = (status: number, summary: string) => dropboxError(connectionId(), said(status, summary))

  it.each([
    [409, 'path/not_found', 'object_missing'],
    [409, 'path_lookup/not_found', 'object_missing'],
    [409, 'path/insufficient_space', 'provider_quota_exceeded'],
    [409, 'insufficient_quota', 'provider_quota_exceeded'],
    [409, 'path/disallowed_name', 'provider_error'],
    [409, 'path/restricted_content', 'provider_error'],
    [409, 'path/something_new', 'provider_error'],
    [409, 'path/access_restricted', 'operator_attention'],
    [403, 'team_access_denied', 'operator_attention'],
    [403, 'invalid_account_type/feature', 'operator_attention'],
    [401, 'route_access_denied', 'operator_attention'],
  ])('%i %s is final: %s', (status, summary, code) => {
    expect(error(status, summary)).toMatchObject({ code, retry: { retryable: false } })
  })

  it.each([
    [409, 'path/too_many_write_operations', 'provider_throttled'],
    [429, 'too_many_write_operations', 'provider_throttled'],
    [429, 'too_many_requests', 'provider_throttled'],
    [409, 'path/locked', 'provider_unavailable'],
    [409, 'internal_error', 'provider_unavailable'],
    [401, 'expired_access_token', 'provider_unavailable'],
    [401, 'invalid_access_token', 'provider_unavailable'],
  ])('%i %s passes: %s', (status, summary, code) => {
    expect(error(status, summary)).toMatchObject({ code, retry: { retryable: true } })
  })

  it.each([
    ['missing_scope', 'scope_missing'],
    ['user_suspended', 'account_disabled'],
  ])('401 %s is its user’s: %s', (summary, reason) => {
    expect(error(401, summary)).toMatchObject({ code: 'connection_requires_reauth', reason })
  })

  it('is an operator’s where the app may not make the call, and an organisation’s where it bars the app', () => {
    expect(error(401, 'route_access_denied').context.operatorFault).toBe(true)
    expect(error(403, 'team_access_denied').context.operatorFault).toBeUndefined()
  })

  it.each([
    [429, 'Too many requests', 'provider_throttled'],
    [400, 'Error in call to API function "files/upload": bad', 'provider_error'],
    [400, '<html>', 'provider_unavailable'],
    [403, '<html>', 'provider_unavailable'],
    [500, '', 'provider_unavailable'],
    [502, '<html>', 'provider_unavailable'],
  ])('%i %j without tags is %s', (status, text, code) => {
    expect(dropboxError(connectionId(), refusal(status, text)).code).toBe(code)
  })

  it('leaves open whether a write was done that a 5xx stands for, and not so of a read', () => {
    const write = refusal(500, '', { operation: 'files.upload' })
    const read = refusal(500, '', { operation: 'files.get' })
    expect(dropboxError(connectionId(), write).retry.ambiguous).toBe(true)
    expect(dropboxError(connectionId(), read).retry.ambiguous).toBe(false)
  })

  it('puts nothing of what it was sent into logs', () => {
    const leaking = refusal(409, { error_summary: 'path/My Secret File.txt/not_found/...' })
    expect(dropboxError(connectionId(), leaking).context.providerCode).toBe('path.not_found')
  })
})
