import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Dropbox } from 'dropbox'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { BLOCK, createHasher } from '../../dropbox/content-hash.ts'
import type { Simulated } from '../kernel/simulated.ts'
import { call, CLIENT, failure, HOUR, REDIRECT, sampleBytes, signIn, startSimulated } from './support.ts'

let simulated: Simulated
let dropbox: Dropbox
let token: string
beforeAll(async () => {
  simulated = await startSimulated({ seed: 7 })
  const signed = await signIn(simulated)
  dropbox = signed.dropbox
  token = signed.tokens.access_token
})
afterAll(() => simulated.close())

const bytes = sampleBytes(3 * BLOCK + 5)
const hashOf = (content: Buffer): string => {
  const hasher = createHasher()
  hasher.update(content)
  return hasher.digest().toString('hex')
}
const start = async (contents: Buffer = Buffer.alloc(0)): Promise<string> =>
  (await dropbox.filesUploadSessionStart({ contents })).result.session_id
const append = (id: string, offset: number, contents: Buffer, close = false) =>
  dropbox.filesUploadSessionAppendV2({ cursor: { session_id: id, offset }, contents, close })
const finish = (id: string, offset: number, contents: Buffer, path: string) =>
  dropbox.filesUploadSessionFinish({ cursor: { session_id: id, offset }, contents, commit: { path } })
const empty = Buffer.alloc(0)

describe('a sequential session', () => {
  it('takes pieces of any size in order, and shows nothing before it is finished', async () => {
    const id = await start(bytes.subarray(0, 10))
    await append(id, 10, bytes.subarray(10, 5_000_000))
    expect((await failure(dropbox.filesGetMetadata({ path: '/s1' }))).tags).toBe('path/not_found')
    const { result } = await finish(id, 5_000_000, bytes.subarray(5_000_000), '/s1')
    expect(result).toMatchObject({ size: bytes.length, content_hash: hashOf(bytes) })
  })

  it('says where it stands to whoever thinks otherwise', async () => {
    const id = await start(bytes.subarray(0, 100))
    const answer = await call(simulated, token, 'files/upload_session/append_v2', {
      arg: { cursor: { session_id: id, offset: 7 } },
      body: '',
      headers: { 'content-type': 'application/octet-stream' },
    })
    expect([answer.status, await answer.json()]).toEqual([
      409,
      {
        error_summary: 'incorrect_offset/...',
        error: { '.tag': 'incorrect_offset', correct_offset: 100 },
      },
    ])
    await append(id, 100, empty)
    const late = await call(simulated, token, 'files/upload_session/finish', {
      arg: { cursor: { session_id: id, offset: 7 }, commit: { path: '/s2' } },
      body: '',
      headers: { 'content-type': 'application/octet-stream' },
    })
    expect(await late.json()).toMatchObject({
      error: {
        '.tag': 'lookup_failed',
        lookup_failed: { '.tag': 'incorrect_offset', correct_offset: 100 },
      },
    })
  })

  it('is closed when it was closed, and once it was finished; then it is not found to be finished', async () => {
    const id = await start()
    await append(id, 0, bytes.subarray(0, 9), true)
    expect((await failure(append(id, 9, empty))).tags).toBe('closed')
    await finish(id, 9, empty, '/s3')
    expect((await failure(append(id, 9, empty))).tags).toBe('closed')
    expect((await failure(finish(id, 9, empty, '/s3'))).tags).toBe('lookup_failed/not_found')
  })

  it('keeps its data where it could not be saved, and can be saved elsewhere', async () => {
    await dropbox.filesUpload({ path: '/taken', contents: 'x' })
    const id = await start(bytes.subarray(0, 50))
    const conflict = failure(finish(id, 50, bytes.subarray(50, 60), '/taken'))
    expect(await conflict).toEqual({ status: 409, tags: 'path/conflict/file' })
    const { result } = await finish(id, 60, empty, '/free')
    expect(result.content_hash).toBe(hashOf(bytes.subarray(0, 60)))
  })

  it('is not found after seven days, by others, or when it never was', async () => {
    expect((await failure(append('pid_upload_session:none', 0, empty))).tags).toBe('not_found')
    const id = await start()
    const other = await signIn(simulated, { email: 'other@example.com' })
    const cursor = { session_id: id, offset: 0 }
    const foreign = failure(other.dropbox.filesUploadSessionAppendV2({ cursor, contents: '' }))
    expect((await foreign).tags).toBe('not_found')
    await simulated.sim('DELETE', 'sessions')
    expect((await failure(append(id, 0, empty))).tags).toBe('not_found')
    const second = await start()
    simulated.clock.advance(7 * 24 * HOUR)
    const again = await signIn(simulated)
    const late = failure(
      again.dropbox.filesUploadSessionAppendV2({ cursor: { session_id: second, offset: 0 }, contents: '' }),
    )
    expect((await late).tags).toBe('not_found')
    dropbox = again.dropbox
    token = again.tokens.access_token
  })

  it('takes at most 150 MiB in one request', async () => {
    const id = await start()
    const big = Buffer.alloc(150 * 1024 * 1024 + 1)
    expect((await failure(append(id, 0, big))).tags).toBe('payload_too_large')
  })
})

describe('a concurrent session', () => {
  it('takes whole blocks in any order, and what is left when it is closed', async () => {
    const begun = await dropbox.filesUploadSessionStart({ session_type: { '.tag': 'concurrent' } })
    const id = begun.result.session_id
    await append(id, 2 * BLOCK, bytes.subarray(2 * BLOCK), true)
    // Closed is the session once its last piece came; the others were on their way before that.
    expect((await failure(append(id, 0, bytes.subarray(0, BLOCK)))).tags).toBe('closed')
    const second = await dropbox.filesUploadSessionStart({ session_type: { '.tag': 'concurrent' } })
    const other = second.result.session_id
    expect((await failure(append(other, 5, bytes.subarray(0, BLOCK)))).tags).toBe(
      'concurrent_session_invalid_offset',
    )
    expect((await failure(append(other, 0, bytes.subarray(0, 5)))).tags).toBe(
      'concurrent_session_invalid_data_size',
    )
    await append(other, BLOCK, bytes.subarray(BLOCK, 2 * BLOCK))
    await append(other, 0, bytes.subarray(0, BLOCK))
    expect((await failure(finish(other, bytes.length, empty, '/s7'))).tags).toBe(
      'concurrent_session_not_closed',
    )
    await append(other, 2 * BLOCK, bytes.subarray(2 * BLOCK), true)
    expect((await failure(finish(other, 0, bytes.subarray(0, 1), '/s7'))).tags).toBe(
      'concurrent_session_data_not_allowed',
    )
    const { result } = await finish(other, bytes.length, empty, '/s7')
    expect(result.content_hash).toBe(hashOf(bytes))
    expect((await failure(finish(id, bytes.length, empty, '/s8'))).tags).toBe(
      'concurrent_session_missing_data',
    )
  })
})

describe('a batch of sessions', () => {
  it('is finished in one call, each by itself', async () => {
    await dropbox.filesUpload({ path: '/batch/taken', contents: 'x' })
    const closed = async (size: number) => {
      const { result } = await dropbox.filesUploadSessionStart({
        contents: bytes.subarray(0, size),
        close: true,
      })
      return result.session_id
    }
    const entry = (session_id: string, offset: number, path: string) => ({
      cursor: { session_id, offset },
      commit: { path },
    })
    const { result } = await dropbox.filesUploadSessionFinishBatchV2({
      entries: [
        entry(await closed(5), 5, '/batch/one'),
        entry(await closed(5), 5, '/batch/taken'),
        entry(await closed(5), 4, '/batch/three'),
        entry(await start(), 0, '/batch/four'),
      ],
    })
    expect(result.entries).toMatchObject([
      { '.tag': 'success', name: 'one', size: 5 },
      { '.tag': 'failure', failure: { '.tag': 'path', path: { '.tag': 'conflict' } } },
      { '.tag': 'failure', failure: { lookup_failed: { '.tag': 'incorrect_offset', correct_offset: 5 } } },
      { '.tag': 'failure', failure: { lookup_failed: { '.tag': 'not_closed' } } },
    ])
  })
})

describe('faults', () => {
  const files = async () =>
    (await simulated.sim('GET', 'files?account=ada@example.com')) as { path: string }[]
  const has = async (path: string): Promise<boolean> => (await files()).some((file) => file.path === path)

  it('a lost answer leaves the work done, a reset leaves nothing', async () => {
    const id = await start()
    await simulated.fault({ path: 'finish', fragment: 1 }, { type: 'commit-then-reset' })
    await expect(finish(id, 0, bytes.subarray(0, 20), '/f1')).rejects.toThrow('fetch failed')
    expect(await has('/f1')).toBe(true)
    const other = await start()
    await simulated.fault({ path: 'append_v2' }, { type: 'reset', afterBytes: 1_000_000 })
    await expect(append(other, 0, bytes.subarray(0, BLOCK))).rejects.toThrow('fetch failed')
    await append(other, 0, bytes.subarray(0, BLOCK))
  })

  it('a part that was kept is said', async () => {
    const id = await start()
    await simulated.fault({ path: 'append_v2' }, { type: 'partial', bytes: 1000 })
    expect((await failure(append(id, 0, bytes.subarray(0, BLOCK)))).tags).toBe('incorrect_offset')
    await append(id, 1000, bytes.subarray(1000, BLOCK))
  })

  it('says its own words for a status: throttling with a pause, a lock, an outage, a dead token', async () => {
    const upload = () => dropbox.filesUpload({ path: '/f2', contents: 'x' })
    const match = { path: '^/2/files/upload$' }
    await simulated.fault(match, { type: 'status', status: 429 })
    expect(await failure(upload())).toEqual({ status: 429, tags: 'too_many_requests' })
    await simulated.fault(match, { type: 'status', status: 429, reason: 'too_many_write_operations' })
    expect((await failure(upload())).tags).toBe('too_many_write_operations')
    await simulated.fault(match, { type: 'status', status: 409, reason: 'path/too_many_write_operations' })
    expect((await failure(upload())).tags).toBe('path/too_many_write_operations')
    await simulated.fault(match, { type: 'status', status: 503 })
    expect((await failure(upload())).status).toBe(503)
    await simulated.fault(match, { type: 'status', status: 401 })
    expect((await failure(upload())).tags).toBe('expired_access_token')
    expect(await has('/f2')).toBe(false)
  })

  it('a flipped bit shows in the content hash', async () => {
    await simulated.fault({ path: '^/2/files/upload$' }, { type: 'corrupt' })
    const { result } = await dropbox.filesUpload({ path: '/f3', contents: bytes.subarray(0, 99) })
    expect(result.content_hash).not.toBe(hashOf(bytes.subarray(0, 99)))
  })
})

describe('a simulator that dies', () => {
  it('keeps files, tokens and open sessions across SIGKILL', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'dropbox-sim-'))
    let child: ChildProcess | undefined
    onTestFinished(async () => {
      child?.kill('SIGKILL')
      await rm(stateDir, { recursive: true, force: true })
    })
    const boot = async (): Promise<{ origin: string }> => {
      const { clientId, clientSecret } = CLIENT
      const own = { PORT: '0', STATE_DIR: stateDir, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret }
      child = fork(new URL('../../dropbox/main.ts', import.meta.url).pathname, {
        env: { ...process.env, ...own, REDIRECT_URIS: REDIRECT },
      })
      const [message] = (await once(child, 'message')) as [{ port: number }]
      return { origin: `http://127.0.0.1:${message.port}` }
    }
    const first = await boot()
    const { dropbox: before, tokens } = await signIn(first)
    await before.filesUpload({ path: '/kept', contents: 'kept' })
    const begun = await before.filesUploadSessionStart({ contents: bytes.subarray(0, BLOCK) })
    child?.kill('SIGKILL')
    await once(child ?? process, 'exit')
    const second = await boot()
    const cursor = { session_id: begun.result.session_id, offset: BLOCK }
    const done = await call(second, tokens.access_token, 'files/upload_session/finish', {
      arg: { cursor, commit: { path: '/whole' } },
      body: bytes.subarray(BLOCK),
      headers: { 'content-type': 'application/octet-stream' },
    })
    expect(await done.json()).toMatchObject({ content_hash: hashOf(bytes) })
    const kept = await call(second, tokens.access_token, 'files/download', { arg: { path: '/kept' } })
    expect(await kept.text()).toBe('kept')
  })
})
