import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Google } from './support.ts'
import { clientFailure, DRIVE, driveClient, signIn, startGoogle } from './support.ts'

const FOLDER = 'application/vnd.google-apps.folder'
let google: Google
let drive: ReturnType<typeof driveClient>['drive']

beforeAll(async () => {
  google = await startGoogle()
  ;({ drive } = driveClient(google, await signIn(google)))
})
afterAll(() => google.close())

const start = async (): Promise<string> =>
  (await drive.changes.getStartPageToken({})).data.startPageToken ?? ''
const make = async (requestBody: object): Promise<string> =>
  (await drive.files.create({ requestBody })).data.id ?? ''

/** Each change as `id state`, over all pages, and where the next list begins. */
async function changesSince(pageToken: string, more: object = {}) {
  const { data } = await drive.changes.list({
    pageToken,
    fields: 'nextPageToken,newStartPageToken,changes(removed,fileId,file(name,trashed))',
    ...more,
  })
  const told = (data.changes ?? []).map(({ fileId, removed, file }) => ({
    fileId,
    is: removed ? 'removed' : file?.trashed ? 'trashed' : file?.name,
  }))
  return { told, next: data.nextPageToken, end: data.newStartPageToken }
}

it('tells each file once, as it is now, the oldest change first', async () => {
  const before = await start()
  const [a, b, c] = [await make({ name: 'a' }), await make({ name: 'b' }), await make({ name: 'c' })]
  await drive.files.update({ fileId: a, requestBody: { name: 'a again' } })
  await drive.files.update({ fileId: b, requestBody: { trashed: true } })
  await drive.files.delete({ fileId: c })
  const { told, next, end = '' } = await changesSince(before)
  expect(told).toEqual([
    { fileId: a, is: 'a again' },
    { fileId: b, is: 'trashed' },
    { fileId: c, is: 'removed' },
  ])
  expect(next).toBeUndefined()
  expect((await changesSince(before, { includeRemoved: false })).told).toHaveLength(2)
  expect(await changesSince(end ?? '')).toEqual({ told: [], next: undefined, end })
  await drive.files.update({ fileId: b, requestBody: { trashed: false } })
  expect((await changesSince(end ?? '')).told).toEqual([{ fileId: b, is: 'b' }])
})

it('goes page by page', async () => {
  const before = await start()
  const ids = [await make({ name: '1' }), await make({ name: '2' }), await make({ name: '3' })]
  const first = await changesSince(before, { pageSize: 2 })
  expect(first.told.map(({ fileId }) => fileId)).toEqual(ids.slice(0, 2))
  expect(first.end).toBeUndefined()
  const second = await changesSince(first.next ?? '', { pageSize: 2 })
  expect(second.told.map(({ fileId }) => fileId)).toEqual(ids.slice(2))
  expect(second.end).toBe(await start())
})

it('of a folder in the trash tells the folder alone', async () => {
  const folder = await make({ name: 'folder', mimeType: FOLDER })
  const inside = await make({ name: 'inside', parents: [folder] })
  const before = await start()
  await drive.files.update({ fileId: folder, requestBody: { trashed: true } })
  expect((await changesSince(before)).told).toEqual([{ fileId: folder, is: 'trashed' }])
  expect((await drive.files.get({ fileId: inside, fields: 'trashed' })).data.trashed).toBe(true)
})

it('shows an app only what is its own', async () => {
  const before = await start()
  const whole = driveClient(google, await signIn(google, { client: otherApp, scope: [DRIVE] })).drive
  const theirs = (await whole.files.create({ requestBody: { name: 'theirs' } })).data.id ?? ''
  await whole.files.delete({ fileId: theirs })
  const mine = await make({ name: 'mine' })
  expect((await changesSince(before)).told).toEqual([{ fileId: mine, is: 'mine' }])
  const { data } = await whole.changes.list({ pageToken: before })
  expect(data.changes?.map(({ fileId }) => fileId)).toEqual([theirs, mine])
})

it.each([
  ['a token that was never given out', 'nonsense'],
  ['a token of the future', '999999'],
])('refuses %s', async (_, pageToken) => {
  const refused = await clientFailure(drive.changes.list({ pageToken }))
  expect(refused).toMatchObject({ status: 400, reason: 'invalid' })
})

it('knows a cursor no more that was ended by control', async () => {
  const before = await start()
  await google.sim('DELETE', 'cursors')
  expect(await clientFailure(drive.changes.list({ pageToken: before }))).toMatchObject({ status: 400 })
  expect((await changesSince(await start())).told).toEqual([])
})

const otherApp = {
  clientId: '2002-other.apps.googleusercontent.com',
  clientSecret: 'secret-2002',
  redirectUris: ['http://127.0.0.1:9/callback'],
}
beforeAll(() => google.sim('POST', 'clients', otherApp))
