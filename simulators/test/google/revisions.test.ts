import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { OAuth2Client } from 'google-auth-library'
import type { drive_v3 } from 'googleapis/build/src/apis/drive/v3.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Google } from './support.ts'
import { call, clientFailure, DRIVE, driveClient, openUpload, put, signIn, startGoogle } from './support.ts'

let google: Google
let auth: OAuth2Client
let drive: drive_v3.Drive
let here: object
beforeAll(async () => {
  google = await startGoogle()
  auth = await signIn(google, { scope: DRIVE })
  ;({ drive, here } = driveClient(google, auth))
})
afterAll(() => google.close())

const DAY = 86_400_000

async function stored(...contents: string[]): Promise<string> {
  const [first = '', ...later] = contents
  const { data } = await drive.files.create(
    { requestBody: { name: 'r.txt' }, media: { mimeType: 'text/plain', body: first } },
    here,
  )
  const fileId = data.id ?? ''
  for (const body of later) await replaced(fileId, body)
  return fileId
}

async function replaced(fileId: string, body: string, more: object = {}): Promise<void> {
  google.clock.advance(1000)
  await drive.files.update({ fileId, media: { mimeType: 'text/plain', body }, ...more }, here)
}

async function revisions(fileId: string): Promise<drive_v3.Schema$Revision[]> {
  const { data } = await drive.revisions.list({ fileId, fields: '*' })
  return data.revisions ?? []
}

async function contentOf(fileId: string, revisionId: string): Promise<unknown> {
  return (await drive.revisions.get({ fileId, revisionId, alt: 'media' }, { responseType: 'text' })).data
}

const idOf = (revision: drive_v3.Schema$Revision | undefined): string => revision?.id ?? ''

describe('B.11 revisions', () => {
  it('B.11 keeps what newer content has taken the place of, the newest last', async () => {
    const fileId = await stored('one', 'two', 'three')
    const all = await revisions(fileId)
    expect(all.map(({ size }) => size)).toEqual(['3', '3', '5'])
    expect(all[0]).toMatchObject({
      kind: 'drive#revision',
      mimeType: 'text/plain',
      keepForever: false,
      originalFilename: 'r.txt',
      md5Checksum: createHash('md5').update('one').digest('hex'),
    })
    const { data } = await drive.files.get({ fileId, fields: 'headRevisionId' })
    expect(idOf(all.at(-1))).toBe(data.headRevisionId)
    expect(new Set(all.map(({ modifiedTime }) => modifiedTime)).size).toBe(3)
    expect(await Promise.all(all.map((each) => contentOf(fileId, idOf(each))))).toEqual([
      'one',
      'two',
      'three',
    ])
  })

  it('B.11 gives only id, type and time without fields, and pages', async () => {
    const fileId = await stored('a', 'b', 'c')
    const seen: string[] = []
    let pageToken: string | undefined
    do {
      const more = pageToken === undefined ? {} : { pageToken }
      const { data } = await drive.revisions.list({ fileId, pageSize: 2, ...more })
      expect(Object.keys(data.revisions?.[0] ?? {}).toSorted()).toEqual([
        'id',
        'kind',
        'mimeType',
        'modifiedTime',
      ])
      seen.push(...(data.revisions ?? []).map(idOf))
      pageToken = data.nextPageToken ?? undefined
    } while (pageToken !== undefined)
    expect(seen).toEqual((await revisions(fileId)).map(idOf))
  })

  it('B.11 honours a range, and restores by an upload of the old bytes: Drive has no other way', async () => {
    const fileId = await stored('the first', 'the second')
    const [first] = await revisions(fileId)
    const path = `/drive/v3/files/${fileId}/revisions/${idOf(first)}?alt=media`
    const answer = await call(google, auth, 'GET', path, { headers: { range: 'bytes=4-' } })
    expect([answer.status, await answer.text()]).toEqual([206, 'first'])
    await replaced(fileId, String(await contentOf(fileId, idOf(first))))
    expect((await revisions(fileId)).map(({ md5Checksum }) => md5Checksum)).toEqual(
      ['the first', 'the second', 'the first'].map((text) => createHash('md5').update(text).digest('hex')),
    )
  })

  it('B.11 leaves revisions alone when only metadata changes, and makes one by a session', async () => {
    const fileId = await stored('a')
    await drive.files.update({ fileId, requestBody: { name: 'renamed.txt' } })
    expect(await revisions(fileId)).toHaveLength(1)
    const session = await openUpload(google, auth, {}, { file: fileId })
    await put(session, undefined, new TextEncoder().encode('by session'))
    expect((await revisions(fileId)).map(({ size }) => size)).toEqual(['1', '10'])
  })

  it('B.11 purges what is 30 days behind newer content, and never what is kept for ever', async () => {
    const fileId = await stored('kept', 'loose', 'new')
    const [kept] = await revisions(fileId)
    const { data } = await drive.revisions.update({
      fileId,
      revisionId: idOf(kept),
      requestBody: { keepForever: true },
      fields: 'keepForever',
    })
    expect(data).toEqual({ keepForever: true })
    google.clock.advance(31 * DAY)
    auth = await signIn(google, { scope: DRIVE })
    ;({ drive, here } = driveClient(google, auth))
    expect((await revisions(fileId)).map(({ size }) => size)).toEqual(['4', '3'])
    await replaced(fileId, 'newest', { keepRevisionForever: true })
    expect((await revisions(fileId)).map(({ keepForever }) => keepForever)).toEqual([true, false, true])
  })

  it('B.11 keeps a hundred past revisions at most, and their bytes with them', async () => {
    const blobs = async (): Promise<number> =>
      (await readdir(join(google.stateDir, 'blobs'))).filter((name) => name.startsWith('c')).length
    const before = await blobs()
    const fileId = await stored(...Array.from({ length: 105 }, (_, at) => `revision ${String(at)}`))
    expect(await revisions(fileId)).toHaveLength(101)
    expect((await blobs()) - before).toBe(101)
    await drive.files.delete({ fileId })
    expect(await blobs()).toBe(before)
  })

  it('B.11 counts the head and what is kept for ever against the quota', async () => {
    const used = async (): Promise<number> =>
      Number((await drive.about.get({ fields: 'storageQuota' })).data.storageQuota?.usage)
    const before = await used()
    const fileId = await stored('12345', '123')
    expect((await used()) - before).toBe(3)
    const [first] = await revisions(fileId)
    await drive.revisions.update({ fileId, revisionId: idOf(first), requestBody: { keepForever: true } })
    expect((await used()) - before).toBe(8)
    await drive.files.delete({ fileId })
    expect(await used()).toBe(before)
  })

  it('B.11 deletes a revision, shows the one before when it was the newest, and refuses the only one', async () => {
    const fileId = await stored('one', 'two', 'three')
    const [first, second, third] = await revisions(fileId)
    await drive.revisions.delete({ fileId, revisionId: idOf(first) })
    await drive.revisions.delete({ fileId, revisionId: idOf(third) })
    expect((await revisions(fileId)).map(idOf)).toEqual([idOf(second)])
    const { data } = await drive.files.get({ fileId, alt: 'media' }, { responseType: 'text' })
    expect(data).toBe('two')
    expect(await clientFailure(drive.revisions.delete({ fileId, revisionId: idOf(second) }))).toEqual({
      status: 403,
      reason: 'cannotDeleteOnlyRevision',
    })
  })

  it('B.11 answers 404 for a revision of another file, and 403 for folders', async () => {
    const fileId = await stored('one')
    const [other] = await revisions(await stored('two'))
    expect(await clientFailure(drive.revisions.get({ fileId, revisionId: idOf(other) }))).toEqual({
      status: 404,
      reason: 'notFound',
    })
    const folder = { name: 'f', mimeType: 'application/vnd.google-apps.folder' }
    const { data } = await drive.files.create({ requestBody: folder })
    expect((await clientFailure(drive.revisions.list({ fileId: data.id ?? '' }))).reason).toBe(
      'revisionsNotSupported',
    )
  })

  it('B.11 gives a copy a revision of its own', async () => {
    const fileId = await stored('one', 'two')
    const { data } = await drive.files.copy({ fileId })
    const [copied, ...more] = await revisions(data.id ?? '')
    expect(more).toEqual([])
    expect((await revisions(fileId)).map(idOf)).not.toContain(idOf(copied))
    expect(await contentOf(data.id ?? '', idOf(copied))).toBe('two')
  })
})
