import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Google } from './support.ts'
import { call, driveClient, driveFailure, signIn, startGoogle } from './support.ts'

const FOLDER = 'application/vnd.google-apps.folder'
let google: Google
let drive: ReturnType<typeof driveClient>['drive']
let folder: string
let auth: Awaited<ReturnType<typeof signIn>>

beforeAll(async () => {
  google = await startGoogle()
  auth = await signIn(google)
  ;({ drive } = driveClient(google, auth))
  folder = (await drive.files.create({ requestBody: { name: 'Backups', mimeType: FOLDER } })).data.id ?? ''
  const files = [
    { name: 'alpha report.txt', mimeType: 'text/plain', parents: [folder], appProperties: { doc: '1' } },
    { name: 'beta.txt', mimeType: 'text/plain', appProperties: { doc: '2' }, properties: { p: 'v' } },
    { name: "it's \\ odd", mimeType: 'image/png', parents: [folder] },
    { name: 'file 10', mimeType: 'image/jpeg', starred: true },
    { name: 'file 9', mimeType: 'image/jpeg' },
  ]
  for (const requestBody of files) {
    google.clock.advance(1000)
    await drive.files.create({ requestBody })
  }
})
afterAll(() => google.close())

async function names(q: string, orderBy = 'name'): Promise<(string | null | undefined)[]> {
  const { data } = await drive.files.list({ q, orderBy })
  return (data.files ?? []).map(({ name }) => name)
}

it.each([
  ["'FOLDER' in parents", ['alpha report.txt', "it's \\ odd"]],
  [
    "'root' in parents and mimeType != 'application/vnd.google-apps.folder'",
    ['beta.txt', 'file 10', 'file 9'],
  ],
  ["name = 'beta.txt'", ['beta.txt']],
  ["name = 'beta.txt' and 'FOLDER' in parents", []],
  [String.raw`name = 'it\'s \\ odd'`, ["it's \\ odd"]],
  ["name contains 'rep'", ['alpha report.txt']],
  ["name contains 'port'", []],
  ["name != 'beta.txt' and mimeType = 'text/plain'", ['alpha report.txt']],
  ["mimeType contains 'image/'", ['file 10', 'file 9', "it's \\ odd"]],
  ["mimeType = 'application/vnd.google-apps.folder' and trashed = false", ['Backups']],
  ['trashed = true', []],
  ["appProperties has { key='doc' and value='2' }", ['beta.txt']],
  ["properties has {key='p' and value='v'}", ['beta.txt']],
  ["not name contains 'file' and not mimeType contains 'image'", ['alpha report.txt', 'Backups', 'beta.txt']],
  ["(name = 'beta.txt' or name = 'file 9') and trashed = false", ['beta.txt', 'file 9']],
  ["name = 'beta.txt' or name = 'file 9' and starred = true", ['beta.txt']],
  ['starred = true', ['file 10']],
  ["modifiedTime > '2026-11-01T10:00:03'", ['file 10', 'file 9']],
  ["createdTime <= '2026-11-01T10:00:01Z'", ['alpha report.txt', 'Backups']],
  ["'me' in owners and fullText contains 'beta'", ['beta.txt']],
  ['sharedWithMe', []],
])('B.7 finds by %s', async (q, expected) => {
  expect(await names(q.replace('FOLDER', folder))).toEqual(expected)
})

it.each([
  'name = beta',
  'name',
  "name ~ 'x'",
  "nope = 'x'",
  "'x' in nothing",
  "name = 'open",
  "(name = 'x'",
  "name = 'x' and",
  "trashed = 'maybe'",
])('B.7 refuses q=%s: invalid, location q', async (q) => {
  const answer = await call(google, auth, 'GET', `/drive/v3/files?q=${encodeURIComponent(q)}`)
  expect(await driveFailure(answer)).toMatchObject({
    status: 400,
    reason: 'invalid',
    message: 'Invalid Value',
    location: 'q',
  })
})

it('B.7 answers the list envelope, and only what its fields name', async () => {
  const { data } = await drive.files.list({ q: "name = 'beta.txt'" })
  expect(data).toEqual({
    kind: 'drive#fileList',
    incompleteSearch: false,
    files: [{ kind: 'drive#file', id: expect.any(String), name: 'beta.txt', mimeType: 'text/plain' }],
  })
  const masked = await drive.files.list({ q: "name = 'beta.txt'", fields: 'files(name,parents)' })
  expect(masked.data).toEqual({ files: [{ name: 'beta.txt', parents: [expect.any(String)] }] })
})

it('B.7 walks all pages with the official client, each file once, also when files come in between', async () => {
  const seen: string[] = []
  let pageToken: string | undefined
  do {
    const { data } = await drive.files.list({
      pageSize: 2,
      orderBy: 'name',
      fields: 'nextPageToken,files(name)',
      ...(pageToken ? { pageToken } : {}),
    })
    seen.push(...(data.files ?? []).map(({ name }) => name ?? ''))
    pageToken = data.nextPageToken ?? undefined
    if (seen.length === 2) await drive.files.create({ requestBody: { name: 'aaa came later' } })
  } while (pageToken)
  expect(seen).toEqual(['alpha report.txt', 'Backups', 'beta.txt', 'file 10', 'file 9', "it's \\ odd"])
})

it('B.7 orders by several keys, backwards and naturally', async () => {
  expect(await names("name contains 'file'", 'name_natural')).toEqual(['file 9', 'file 10'])
  expect(await names("name contains 'file' or name = 'beta.txt'", 'createdTime desc')).toEqual([
    'file 9',
    'file 10',
    'beta.txt',
  ])
  expect((await names("'root' in parents", 'folder,name desc'))[0]).toBe('Backups')
})

it.each([
  ['pageSize=0', 'pageSize'],
  ['pageSize=1001', 'pageSize'],
  ['pageToken=nonsense', 'pageToken'],
  ['orderBy=size', 'orderBy'],
  ['spaces=photos', 'spaces'],
])('B.7 refuses %s', async (query, location) => {
  expect(await driveFailure(await call(google, auth, 'GET', `/drive/v3/files?${query}`))).toMatchObject({
    status: 400,
    location,
  })
})

it('B.7 keeps two files of one name in one folder', async () => {
  await drive.files.create({ requestBody: { name: 'twin' } })
  await drive.files.create({ requestBody: { name: 'twin' } })
  expect(await names("name = 'twin'")).toEqual(['twin', 'twin'])
})

it('B.7 keeps application data apart: only in its own space, only with its scope', async () => {
  const scoped = driveClient(
    google,
    await signIn(google, { scope: 'https://www.googleapis.com/auth/drive.appdata' }),
  ).drive
  await scoped.files.create({ requestBody: { name: 'settings', parents: ['appDataFolder'] } })
  expect((await scoped.files.list({ spaces: 'appDataFolder' })).data.files).toMatchObject([
    { name: 'settings' },
  ])
  expect(await names("name = 'settings'")).toEqual([])
  expect((await call(google, auth, 'GET', '/drive/v3/files?spaces=appDataFolder')).status).toBe(403)
})
