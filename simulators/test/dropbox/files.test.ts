import { createHash } from 'node:crypto'
import type { Dropbox } from 'dropbox'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createHasher } from '../../dropbox/content-hash.ts'
import type { Simulated } from '../kernel/simulated.ts'
import { call, failure, HOUR, sampleBytes, signIn, startSimulated } from './support.ts'

let simulated: Simulated
let dropbox: Dropbox
let token: string
let people = 0
beforeAll(async () => {
  simulated = await startSimulated()
})
afterAll(() => simulated.close())
beforeEach(async () => {
  people += 1
  const signed = await signIn(simulated, { email: `person${people}@example.com` })
  dropbox = signed.dropbox
  token = signed.tokens.access_token
})

type Options = Omit<Parameters<Dropbox['filesUpload']>[0], 'path' | 'contents'>
const put = async (path: string, contents: string | Buffer, options: Options = {}) =>
  (await dropbox.filesUpload({ path, contents, ...options })).result
const names = async (path = ''): Promise<string[]> =>
  (await dropbox.filesListFolder({ path })).result.entries.map(({ name }) => name)
const hashOf = (bytes: Buffer): string => {
  const hasher = createHasher()
  hasher.update(bytes)
  return hasher.digest().toString('hex')
}
const update = (rev: string) => ({ '.tag': 'update', update: rev }) as const

describe('content hash', () => {
  it('is that of the documentation’s rule, by blocks of 4 MiB; of nothing it is that of nothing', () => {
    const bytes = sampleBytes(9_711_423)
    const block = 4 * 1024 * 1024
    const parts = [0, 1, 2].map((n) =>
      createHash('sha256')
        .update(bytes.subarray(n * block, (n + 1) * block))
        .digest(),
    )
    const expected = createHash('sha256').update(Buffer.concat(parts)).digest('hex')
    expect(hashOf(bytes)).toBe(expected)
    const hasher = createHasher()
    for (let at = 0; at < bytes.length; at += 1_000_003) hasher.update(bytes.subarray(at, at + 1_000_003))
    expect(hasher.digest().toString('hex')).toBe(expected)
    expect(hashOf(Buffer.alloc(0))).toBe(createHash('sha256').digest('hex'))
  })
})

describe('upload', () => {
  it('makes a file and the folders above it, and describes it', async () => {
    const bytes = sampleBytes(5_000_000)
    const file = await put('/Notes/Über/Plan.txt', bytes)
    expect(file).toMatchObject({
      name: 'Plan.txt',
      path_lower: '/notes/über/plan.txt',
      path_display: '/Notes/Über/Plan.txt',
      size: bytes.length,
      content_hash: hashOf(bytes),
    })
    expect(file.id).toMatch(/^id:/)
    expect(file.rev).toMatch(/^[0-9a-f]{9,}$/)
    const byId = (await dropbox.filesGetMetadata({ path: file.id })).result
    expect(byId).toMatchObject({ '.tag': 'file', id: file.id, rev: file.rev })
    expect((await dropbox.filesGetMetadata({ path: '/NOTES/über/PLAN.TXT' })).result).toEqual(byId)
    expect((await dropbox.filesGetMetadata({ path: '/notes' })).result).toMatchObject({ '.tag': 'folder' })
  })

  it('add: leaves what is there; the same content is no conflict unless that is asked', async () => {
    const first = await put('/a.txt', 'one')
    expect(await put('/A.txt', 'one')).toEqual(first)
    const conflict = { status: 409, tags: 'path/conflict/file' }
    expect(await failure(put('/a.txt', 'one', { strict_conflict: true }))).toEqual(conflict)
    expect(await failure(put('/a.txt', 'two'))).toEqual(conflict)
    expect((await put('/a.txt', 'two', { autorename: true })).name).toBe('a (2).txt')
    expect(await names()).toEqual(['a (2).txt', 'a.txt'])
  })

  it('overwrite: keeps the id under a new revision; the old content can be had for 30 days', async () => {
    const first = await put('/a.txt', 'one')
    const second = await put(first.id, 'two', { mode: { '.tag': 'overwrite' } })
    expect(second).toMatchObject({ id: first.id, name: 'a.txt' })
    expect(second.rev).not.toBe(first.rev)
    const { entries } = (await dropbox.filesListRevisions({ path: first.id, mode: { '.tag': 'id' } })).result
    expect(entries.map(({ rev }) => rev)).toEqual([second.rev, first.rev])
    const restored = (await dropbox.filesRestore({ path: '/a.txt', rev: first.rev })).result
    expect(restored).toMatchObject({ id: first.id, size: 3, content_hash: first.content_hash })
    simulated.clock.advance(31 * 24 * HOUR)
    const { tokens } = await signIn(simulated, { email: `person${people}@example.com` })
    const late = await call(simulated, tokens.access_token, 'files/restore', {
      body: JSON.stringify({ path: '/a.txt', rev: second.rev }),
      headers: { 'content-type': 'application/json' },
    })
    expect(await late.json()).toMatchObject({ error: { '.tag': 'invalid_revision' } })
  })

  it('update: writes over the revision that it names, and no other', async () => {
    const first = await put('/a.txt', 'one')
    const second = await put('/a.txt', 'two', { mode: update(first.rev) })
    const late = { mode: update(first.rev) }
    expect((await failure(put('/a.txt', 'three', late))).tags).toBe('path/conflict/file')
    expect((await put('/a.txt', 'two', late)).rev).toBe(second.rev)
    const strict = { ...late, strict_conflict: true }
    expect((await failure(put('/a.txt', 'two', strict))).tags).toBe('path/conflict/file')
    expect((await put('/a.txt', 'three', { ...late, autorename: true })).name).toBe('a (conflicted copy).txt')
    await dropbox.filesDeleteV2({ path: '/a.txt' })
    expect((await failure(put('/a.txt', 'four', strict))).tags).toBe('path/conflict/file')
    expect((await put('/a.txt', 'four', late)).size).toBe(4)
  })

  it('a file in the way of a folder, and a folder in the way of a file, are conflicts', async () => {
    await put('/a', 'one')
    expect((await failure(put('/a/b', 'two'))).tags).toBe('path/conflict/file_ancestor')
    await dropbox.filesCreateFolderV2({ path: '/f' })
    const overwrite = { mode: { '.tag': 'overwrite' } } as const
    expect((await failure(put('/f', 'two', overwrite))).tags).toBe('path/conflict/folder')
    expect((await failure(dropbox.filesCreateFolderV2({ path: '/F' }))).tags).toBe('path/conflict/folder')
  })

  it.each([
    ['/a/', 'path/malformed_path'],
    ['/a\\b', 'path/malformed_path'],
    [`/${'x'.repeat(256)}`, 'path/malformed_path'],
    ['/blank ', 'path/malformed_path'],
    ['/desktop.ini', 'path/disallowed_name'],
    ['id:nobody', 'path/malformed_path'],
  ])('refuses %s', async (path, tags) => {
    expect(await failure(put(path, 'x'))).toEqual({ status: 409, tags })
  })

  it('says when the account is full, and keeps the data in a session that can be finished', async () => {
    await simulated.sim('POST', `accounts/person${people}@example.com/quota`, { limitBytes: 10 })
    const response = await call(simulated, token, 'files/upload', {
      arg: { path: '/big' },
      body: sampleBytes(11),
      headers: { 'content-type': 'application/octet-stream' },
    })
    expect(response.status).toBe(409)
    const body = (await response.json()) as { error: { upload_session_id: string } }
    expect(body).toMatchObject({
      error_summary: 'path/insufficient_space/...',
      error: { '.tag': 'path', reason: { '.tag': 'insufficient_space' } },
    })
    await simulated.sim('POST', `accounts/person${people}@example.com/quota`, { limitBytes: 11 })
    const cursor = { session_id: body.error.upload_session_id, offset: 11 }
    const made = await dropbox.filesUploadSessionFinish({ cursor, commit: { path: '/big' }, contents: '' })
    expect(made.result.content_hash).toBe(hashOf(sampleBytes(11)))
    const { used, allocation } = (await dropbox.usersGetSpaceUsage()).result
    expect([used, allocation]).toEqual([11, { '.tag': 'individual', allocated: 11 }])
  })

  it('compares a content hash that comes along', async () => {
    const wrong = failure(put('/a', 'x', { content_hash: 'f'.repeat(64) }))
    expect((await wrong).tags).toBe('content_hash_mismatch')
    await put('/a', 'x', { content_hash: hashOf(Buffer.from('x')) })
  })

  it('refuses what is no call, in plain text', async () => {
    const octets = { 'content-type': 'application/octet-stream' }
    const argument = { ...octets, 'dropbox-api-arg': '{"path":"/x"' }
    const cases = [
      call(simulated, token, 'files/upload', { body: 'x', headers: octets }),
      call(simulated, token, 'files/upload', { body: 'x', headers: argument }),
      call(simulated, token, 'files/upload', { arg: { path: 'x' }, body: 'x', headers: octets }),
      call(simulated, token, 'files/upload', { arg: { path: '/x', new: 1 }, body: 'x', headers: octets }),
      call(simulated, token, 'files/upload', { arg: { path: '/x' }, body: 'x' }),
      call(simulated, token, 'files/get_metadata', { body: '{"path":"/x"}', headers: octets }),
    ]
    for (const each of cases) {
      const response = await each
      expect(response.status).toBe(400)
      expect(await response.text()).toMatch(/^Error in call to API function "files\//)
    }
  })
})

describe('download', () => {
  it('brings the metadata in a header of ASCII, and ranges', async () => {
    const bytes = sampleBytes(2_000_000)
    const file = await put('/日本.bin', bytes)
    const { result } = await dropbox.filesDownload({ path: file.id })
    expect(result).toMatchObject({ name: '日本.bin', rev: file.rev })
    expect((result as unknown as { fileBinary: Buffer }).fileBinary.equals(bytes)).toBe(true)
    const part = async (range: string) =>
      await call(simulated, token, 'files/download', { arg: { path: file.id }, headers: { range } })
    const middle = await part('bytes=1000-1999')
    expect([middle.status, middle.headers.get('content-range')]).toEqual([206, 'bytes 1000-1999/2000000'])
    expect(Buffer.from(await middle.arrayBuffer()).equals(bytes.subarray(1000, 2000))).toBe(true)
    expect(Buffer.from(await (await part('bytes=-5')).arrayBuffer()).equals(bytes.subarray(-5))).toBe(true)
    expect((await part('bytes=2000000-')).status).toBe(416)
    const folder = failure(dropbox.filesDownload({ path: '/nothing' }))
    expect((await folder).tags).toBe('path/not_found')
  })

  it('gives an address that needs no token, for four hours', async () => {
    await put('/a.txt', 'hello')
    const { link } = (await dropbox.filesGetTemporaryLink({ path: '/a.txt' })).result
    expect(await (await fetch(link)).text()).toBe('hello')
    expect((await fetch(link.replace(/[^/]*\/file$/, 'forged/file'))).status).toBe(403)
    simulated.clock.advance(4 * HOUR)
    expect((await fetch(link)).status).toBe(410)
  })
})

describe('changes', () => {
  it('moves files and folders with their ids, and nothing over anything', async () => {
    const file = await put('/a/x.txt', 'one')
    await put('/y.txt', 'two')
    const moved = await dropbox.filesMoveV2({ from_path: file.id, to_path: '/b/z.txt' })
    expect(moved.result.metadata).toMatchObject({ id: file.id, path_display: '/b/z.txt' })
    const taken = failure(dropbox.filesMoveV2({ from_path: file.id, to_path: '/Y.txt' }))
    expect((await taken).tags).toBe('to/conflict/file')
    await dropbox.filesMoveV2({ from_path: '/b', to_path: '/c' })
    expect((await dropbox.filesGetMetadata({ path: file.id })).result).toHaveProperty(
      'path_lower',
      '/c/z.txt',
    )
    const inside = failure(dropbox.filesMoveV2({ from_path: '/c', to_path: '/c/d' }))
    expect((await inside).tags).toBe('cant_move_folder_into_itself')
    const gone = failure(dropbox.filesMoveV2({ from_path: '/b', to_path: '/e' }))
    expect((await gone).tags).toBe('from_lookup/not_found')
  })

  it('copies a folder with everything in it, to ids of their own', async () => {
    const file = await put('/a/x.txt', 'one')
    await dropbox.filesCopyV2({ from_path: '/a', to_path: '/b' })
    const copy = (await dropbox.filesGetMetadata({ path: '/b/x.txt' })).result
    expect(copy).toMatchObject({ '.tag': 'file', size: 3 })
    expect(copy).not.toHaveProperty('id', file.id)
  })

  it('deletes with everything below; what is deleted is found no more, and takes no space', async () => {
    const file = await put('/a/x.txt', 'one')
    const { metadata } = (await dropbox.filesDeleteV2({ path: '/A' })).result
    expect(metadata).toMatchObject({ '.tag': 'folder', name: 'a' })
    const gone = { status: 409, tags: 'path/not_found' }
    expect(await failure(dropbox.filesGetMetadata({ path: file.id }))).toEqual(gone)
    expect((await failure(dropbox.filesDeleteV2({ path: file.id }))).tags).toBe('path_lookup/not_found')
    expect((await dropbox.usersGetSpaceUsage()).result.used).toBe(0)
    const shown = await dropbox.filesGetMetadata({ path: '/a/x.txt', include_deleted: true })
    expect(shown.result).toMatchObject({ '.tag': 'deleted', name: 'x.txt' })
    const { entries, is_deleted: deleted } = (await dropbox.filesListRevisions({ path: '/a/x.txt' })).result
    expect([deleted, entries.length]).toEqual([true, 1])
    const back = await dropbox.filesRestore({ path: '/a/x.txt', rev: file.rev })
    expect(back.result.id).toBe(file.id)
  })

  it('deletes for good for an app of a team alone', async () => {
    const scopes = ['files.permanent_delete', 'files.content.write', 'files.metadata.read']
    const mine = await signIn(simulated, { email: `person${people}@example.com`, scopes })
    await put('/a.txt', 'one')
    expect((await failure(mine.dropbox.filesPermanentlyDelete({ path: '/a.txt' }))).status).toBe(400)
    expect((await failure(dropbox.filesPermanentlyDelete({ path: '/a.txt' }))).tags).toBe('missing_scope')
    const team = await signIn(simulated, { email: `person${people}@team.example.com`, scopes })
    await team.dropbox.filesUpload({ path: '/a.txt', contents: 'one' })
    await team.dropbox.filesPermanentlyDelete({ path: '/a.txt' })
    const { entries } = (await team.dropbox.filesListRevisions({ path: '/a.txt' })).result
    expect(entries).toEqual([])
  })
})

describe('list_folder', () => {
  it('goes page by page, and then tells what has changed', async () => {
    for (const name of ['c', 'a', 'B', 'd/e']) await put(`/${name}`, name)
    const first = (await dropbox.filesListFolder({ path: '', limit: 3 })).result
    expect([first.entries.map(({ name }) => name), first.has_more]).toEqual([['a', 'B', 'c'], true])
    const second = (await dropbox.filesListFolderContinue({ cursor: first.cursor })).result
    expect([second.entries.map(({ name }) => name), second.has_more]).toEqual([['d'], false])
    const { cursor } = (await dropbox.filesListFolder({ path: '', recursive: true })).result
    await put('/a', 'other', { mode: { '.tag': 'overwrite' } })
    await dropbox.filesDeleteV2({ path: '/c' })
    await dropbox.filesMoveV2({ from_path: '/B', to_path: '/d/b' })
    const changed = (await dropbox.filesListFolderContinue({ cursor })).result
    expect(changed.entries.map((entry) => `${entry['.tag']} ${entry.path_lower ?? ''}`)).toEqual([
      'file /a',
      'deleted /c',
      'deleted /b',
      'file /d/b',
    ])
    const nothing = (await dropbox.filesListFolderContinue({ cursor: changed.cursor })).result
    expect(nothing.entries).toEqual([])
  })

  it('of a folder that is gone or was moved tells the folder alone at its old place', async () => {
    const { dropbox } = await signIn(simulated, { email: 'folders@example.com' })
    await dropbox.filesUpload({ path: '/away/in.txt', contents: 'x' })
    await dropbox.filesUpload({ path: '/old/in.txt', contents: 'x' })
    const latest = await dropbox.filesListFolderGetLatestCursor({ path: '', recursive: true })
    await dropbox.filesDeleteV2({ path: '/away' })
    await dropbox.filesMoveV2({ from_path: '/old', to_path: '/new' })
    const { entries } = (await dropbox.filesListFolderContinue({ cursor: latest.result.cursor })).result
    expect(entries.map((entry) => `${entry['.tag']} ${entry.path_lower}`).sort()).toEqual([
      'deleted /away',
      'deleted /old',
      'file /new/in.txt',
      'folder /new',
    ])
  })

  it('has to be begun anew when a cursor is good no more', async () => {
    const { dropbox } = await signIn(simulated, { email: 'reset@example.com' })
    const { cursor } = (await dropbox.filesListFolderGetLatestCursor({ path: '' })).result
    await simulated.sim('DELETE', 'cursors')
    expect(await failure(dropbox.filesListFolderContinue({ cursor }))).toEqual({ status: 409, tags: 'reset' })
    const again = (await dropbox.filesListFolderGetLatestCursor({ path: '' })).result
    expect((await dropbox.filesListFolderContinue({ cursor: again.cursor })).result.entries).toEqual([])
  })

  it('knows what is no folder and what is not there, and takes no cursor of others', async () => {
    await put('/a', 'x')
    expect((await failure(dropbox.filesListFolder({ path: '/a' }))).tags).toBe('path/not_folder')
    expect((await failure(dropbox.filesListFolder({ path: '/b' }))).tags).toBe('path/not_found')
    expect((await failure(dropbox.filesListFolder({ path: '/' }))).status).toBe(400)
    const { cursor } = (await dropbox.filesListFolder({ path: '' })).result
    const other = await signIn(simulated, { email: 'other@example.com' })
    expect((await failure(other.dropbox.filesListFolderContinue({ cursor }))).status).toBe(400)
  })

  it('an app sees its own folder and no other app’s', async () => {
    await put('/mine', 'x')
    const client = { clientId: 'another12345678', clientSecret: 's', redirectUris: ['http://127.0.0.1:9/x'] }
    await simulated.sim('POST', 'clients', client)
    const query = { client_id: client.clientId, redirect_uri: 'http://127.0.0.1:9/x', response_type: 'code' }
    const url = `${simulated.origin}/oauth2/authorize?${new URLSearchParams(query).toString()}`
    const form = new URLSearchParams({ decision: 'approve', account: `person${people}@example.com` })
    const answer = await fetch(url, { method: 'POST', body: form, redirect: 'manual' })
    const code = new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? ''
    const tokens = await fetch(`${simulated.origin}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ ...query, client_secret: 's', grant_type: 'authorization_code', code }),
    })
    const { access_token: bearer } = (await tokens.json()) as { access_token: string }
    const listed = await call(simulated, bearer, 'files/list_folder', {
      body: '{"path":""}',
      headers: { 'content-type': 'application/json' },
    })
    expect(await listed.json()).toMatchObject({ entries: [], has_more: false })
  })
})
