import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { OAuth2Client } from 'google-auth-library'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Google } from './support.ts'
import {
  call,
  CLIENT,
  clientFailure,
  DRIVE,
  DRIVE_FILE,
  driveClient,
  driveFailure,
  json,
  sampleBytes,
  signIn,
  startGoogle,
} from './support.ts'

const FOLDER = 'application/vnd.google-apps.folder'
let google: Google
let auth: OAuth2Client
let drive: ReturnType<typeof driveClient>['drive']
let here: object
beforeAll(async () => {
  google = await startGoogle()
  auth = await signIn(google)
  ;({ drive, here } = driveClient(google, auth))
})
afterAll(() => google.close())

async function store(name: string, body: string, more: object = {}): Promise<string> {
  const { data } = await drive.files.create(
    { requestBody: { name, ...more }, media: { mimeType: 'text/plain', body } },
    here,
  )
  return data.id ?? ''
}

const sendRelated = (extra: string, text: string, end = '\r\n'): Promise<Response> =>
  call(google, auth, 'POST', '/upload/drive/v3/files?uploadType=multipart&fields=size,md5Checksum', {
    headers: { 'content-type': 'multipart/related; boundary="Boundary"' },
    body: [
      '--Boundary',
      'Content-Type: application/json; charset=UTF-8',
      '',
      '{"name":"d"}',
      '--Boundary',
      `Content-Type: text/plain${extra === '' ? '' : end + extra}`,
      '',
      text,
      '--Boundary--',
    ].join(end),
  })

describe('B.1 the file resource', () => {
  it('B.1 answers kind, id, name and mimeType alone without fields', async () => {
    const { data } = await drive.files.get({ fileId: await store('b1.txt', 'one') })
    expect(Object.keys(data).sort()).toEqual(['id', 'kind', 'mimeType', 'name'])
  })

  it('B.1 gives 64-bit numbers as strings, hashes in hex, times in milliseconds', async () => {
    const { data } = await drive.files.get({ fileId: await store('b1.txt', 'abc'), fields: '*' })
    expect(data).toMatchObject({
      kind: 'drive#file',
      size: '3',
      quotaBytesUsed: '3',
      version: '1',
      md5Checksum: createHash('md5').update('abc').digest('hex'),
      sha1Checksum: createHash('sha1').update('abc').digest('hex'),
      sha256Checksum: createHash('sha256').update('abc').digest('hex'),
      createdTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      headRevisionId: expect.any(String),
      trashed: false,
      isAppAuthorized: true,
      ownedByMe: true,
      capabilities: { canDownload: true, canTrash: true, canDelete: true },
    })
  })

  it.each([
    ['id,name', ['id', 'name']],
    ['id, size', ['id', 'size']],
    ['owners(emailAddress)', ['owners']],
    ['owners/emailAddress,id', ['id', 'owners']],
    ['capabilities/canDownload', ['capabilities']],
  ])('B.1 honours fields=%s', async (fields, keys) => {
    const { data } = await drive.files.get({ fileId: await store('mask.txt', 'x'), fields })
    expect(Object.keys(data).sort()).toEqual(keys)
    expect(data.owners ?? [{ emailAddress: 'ada@example.com' }]).toEqual([
      { emailAddress: 'ada@example.com' },
    ])
  })

  it.each(['nothing', 'id,nope', 'id(', 'owners(x)', 'id,'])(
    'B.1 refuses fields=%s with invalidParameter',
    async (fields) => {
      const answer = await call(
        google,
        auth,
        'GET',
        `/drive/v3/files/${await store('m', 'x')}?fields=${encodeURIComponent(fields)}`,
      )
      expect(await driveFailure(answer)).toMatchObject({
        status: 400,
        reason: 'invalidParameter',
        location: 'fields',
        message: expect.stringContaining('Invalid field selection'),
      })
    },
  )
})

describe('B.2 creating files', () => {
  it('B.2 creates folders and empty files from metadata alone', async () => {
    const folder = await drive.files.create({
      requestBody: { name: 'dir', mimeType: FOLDER },
      fields: 'id,size,mimeType,parents',
    })
    expect(folder.data).toMatchObject({ mimeType: FOLDER, parents: [expect.stringMatching(/^0A.*PVA$/)] })
    expect(folder.data.size).toBeUndefined()
    const empty = await drive.files.create({
      requestBody: { name: 'empty', parents: [folder.data.id ?? ''] },
      fields: 'size,md5Checksum,parents',
    })
    expect(empty.data).toEqual({
      size: '0',
      md5Checksum: 'd41d8cd98f00b204e9800998ecf8427e',
      parents: [folder.data.id],
    })
  })

  it('B.2 stores a simple upload under its content type', async () => {
    const { data } = await drive.files.create(
      { media: { mimeType: 'image/png', body: 'simple' }, fields: 'name,mimeType,size' },
      here,
    )
    expect(data).toEqual({ name: 'Untitled', mimeType: 'image/png', size: '6' })
  })

  it('B.2 stores a multipart upload streamed by the official client', async () => {
    const bytes = sampleBytes(3_000_000)
    const { data } = await drive.files.create(
      {
        requestBody: { name: 'multi.bin', appProperties: { k: 'v' } },
        media: {
          mimeType: 'application/octet-stream',
          body: Readable.from([bytes.subarray(0, 1_000_001), bytes.subarray(1_000_001)]),
        },
        fields: 'id,name,size,sha256Checksum,appProperties',
      },
      here,
    )
    expect(data).toMatchObject({ name: 'multi.bin', size: '3000000', appProperties: { k: 'v' } })
    expect(data.sha256Checksum).toBe(createHash('sha256').update(bytes).digest('hex'))
  })

  it('B.2 keeps media that looks almost like the delimiter, and base64 parts', async () => {
    const media = 'a\r\n--X\r\n-\r\n--Bound\r\n'
    const expected = {
      size: String(media.length),
      md5Checksum: createHash('md5').update(media).digest('hex'),
    }
    expect(await json(await sendRelated('', media))).toEqual(expected)
    expect(
      await json(
        await sendRelated('Content-Transfer-Encoding: base64', Buffer.from(media).toString('base64')),
      ),
    ).toEqual(expected)
    // As Google's own Python client sends it: lines end with LF alone.
    expect(await json(await sendRelated('', media, '\n'))).toEqual(expected)
  })

  it('B.2 refuses a multipart body without its end', async () => {
    const answer = await call(google, auth, 'POST', '/upload/drive/v3/files?uploadType=multipart', {
      headers: { 'content-type': 'multipart/related; boundary=B' },
      body: '--B\r\nContent-Type: application/json\r\n\r\n{}\r\n--B\r\nContent-Type: text/plain\r\n\r\nthe end is missing',
    })
    expect(await driveFailure(answer)).toMatchObject({ status: 400, reason: 'badContent' })
  })

  it('B.2 replaces content by PATCH: same id, new hashes and revision, next version', async () => {
    const fileId = await store('replace.txt', 'old')
    const before = await drive.files.get({ fileId, fields: 'headRevisionId,version' })
    const after = await drive.files.update(
      { fileId, media: { mimeType: 'text/plain', body: 'newer' }, fields: 'id,size,headRevisionId,version' },
      here,
    )
    expect(after.data).toMatchObject({ id: fileId, size: '5', version: '2' })
    expect(after.data.headRevisionId).not.toBe(before.data.headRevisionId)
    const content = await drive.files.get({ fileId, alt: 'media' }, { responseType: 'text' })
    expect(content.data).toBe('newer')
  })

  it('B.2 answers 404 for an unknown parent', async () => {
    const failure = await clientFailure(
      drive.files.create({ requestBody: { name: 'x', parents: ['nowhere'] } }),
    )
    expect(failure).toEqual({ status: 404, reason: 'notFound' })
  })
})

describe('B.4 pre-generated ids', () => {
  it('B.4 generates as many ids as asked for, ten without asking', async () => {
    expect((await drive.files.generateIds({})).data.ids).toHaveLength(10)
    const { data } = await drive.files.generateIds({ count: 1000 })
    expect(new Set(data.ids).size).toBe(1000)
    expect(data).toMatchObject({ kind: 'drive#generatedIds', space: 'drive' })
    expect((await clientFailure(drive.files.generateIds({ count: 1001 }))).status).toBe(400)
  })

  it('B.4 answers a repeated create with 409 fileIdInUse, and one file exists', async () => {
    const id = (await drive.files.generateIds({ count: 1 })).data.ids?.[0] ?? ''
    const create = (): Promise<Response> =>
      call(google, auth, 'POST', '/drive/v3/files', {
        body: JSON.stringify({ id, name: 'once' }),
        headers: { 'content-type': 'application/json' },
      })
    expect(await json(await create())).toMatchObject({ id, name: 'once' })
    expect(await driveFailure(await create())).toMatchObject({
      status: 409,
      reason: 'fileIdInUse',
      location: 'file.id',
      message: 'A file already exists with the provided ID.',
    })
    expect((await drive.files.list({ q: "name='once'" })).data.files).toHaveLength(1)
  })

  it.each(['not-an-id', '1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'])(
    'B.4 refuses the id %s, which was never generated',
    async (id) => {
      const answer = await call(google, auth, 'POST', '/drive/v3/files', {
        body: JSON.stringify({ id }),
        headers: { 'content-type': 'application/json' },
      })
      expect(await driveFailure(answer)).toMatchObject({
        status: 400,
        reason: 'invalid',
        message: 'The provided file ID is not usable.',
      })
    },
  )

  it('B.4 takes a generated id for a folder, not for a Docs-editor file', async () => {
    const [one = '', two = ''] = (await drive.files.generateIds({ count: 2 })).data.ids ?? []
    expect((await drive.files.create({ requestBody: { id: one, mimeType: FOLDER } })).data.id).toBe(one)
    const doc = drive.files.create({
      requestBody: { id: two, mimeType: 'application/vnd.google-apps.document' },
    })
    expect(await clientFailure(doc)).toEqual({ status: 400, reason: 'invalid' })
  })
})

describe('B.5 drive.file visibility', () => {
  it('B.5 hides files of another project, in get and in list; the drive scope shows all', async () => {
    const other = { ...CLIENT, clientId: '3003-other' }
    await google.sim('POST', 'clients', other)
    const theirs = await signIn(google, { client: other })
    const fileId = await store('mine.txt', 'mine')
    expect(await clientFailure(driveClient(google, theirs).drive.files.get({ fileId }))).toEqual({
      status: 404,
      reason: 'notFound',
    })
    expect((await driveClient(google, theirs).drive.files.list()).data.files).toEqual([])
    const full = driveClient(google, await signIn(google, { client: other, scope: DRIVE })).drive
    expect((await full.files.get({ fileId, fields: 'isAppAuthorized' })).data).toEqual({
      isAppAuthorized: false,
    })
  })

  it('B.5 shares files between the client ids of one project, and brings them back after a new link', async () => {
    const sibling = { ...CLIENT, clientId: '1001-mobile' }
    await google.sim('POST', 'clients', sibling)
    const fileId = await store('shared.txt', 'x')
    await google.sim('POST', 'accounts/ada@example.com/revoke')
    const again = await signIn(google, { client: sibling })
    expect((await driveClient(google, again).drive.files.get({ fileId })).data.id).toBe(fileId)
  })

  it('B.5 hides other accounts, and the root folder itself, from drive.file', async () => {
    const bob = await signIn(google, { email: 'bob@example.com' })
    const fileId = await store('ada.txt', 'x')
    expect((await clientFailure(driveClient(google, bob).drive.files.get({ fileId }))).status).toBe(404)
    expect((await clientFailure(drive.files.get({ fileId: 'root' }))).status).toBe(404)
    const full = driveClient(google, await signIn(google, { scope: DRIVE })).drive
    expect((await full.files.get({ fileId: 'root' })).data).toMatchObject({
      name: 'My Drive',
      mimeType: FOLDER,
    })
  })
})

describe('B.6 properties', () => {
  it('B.6 keeps appProperties to the project, shows properties to all, and deletes with null', async () => {
    const fileId = await store('props', 'x', { appProperties: { a: '1', b: '2' }, properties: { p: 'q' } })
    const full = driveClient(
      google,
      await signIn(google, { client: { ...CLIENT, clientId: '3003-other' }, scope: DRIVE }),
    ).drive
    expect((await full.files.get({ fileId, fields: 'appProperties,properties' })).data).toEqual({
      properties: { p: 'q' },
    })
    const change: Record<string, string> = JSON.parse('{"a":null,"c":"3"}')
    const { data } = await drive.files.update({
      fileId,
      requestBody: { appProperties: change },
      fields: 'appProperties',
    })
    expect(data.appProperties).toEqual({ b: '2', c: '3' })
  })

  it('B.6 holds a property to 124 bytes and an app to 30 of them', async () => {
    const long = { appProperties: { key: 'x'.repeat(122) } }
    expect((await clientFailure(drive.files.create({ requestBody: long }))).status).toBe(400)
    const many = Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`k${i}`, 'v']))
    expect((await clientFailure(drive.files.create({ requestBody: { appProperties: many } }))).status).toBe(
      400,
    )
    expect(
      (await drive.files.create({ requestBody: { appProperties: { key: 'x'.repeat(121) } } })).status,
    ).toBe(200)
  })
})

describe('B.8 download', () => {
  it("B.8 streams the bytes to the official client under the file's type", async () => {
    const bytes = sampleBytes(2_500_000)
    const created = await drive.files.create(
      { media: { mimeType: 'image/png', body: Readable.from([bytes]) } },
      here,
    )
    const fileId = created.data.id ?? ''
    const { data } = await drive.files.get({ fileId, alt: 'media' }, { responseType: 'stream' })
    expect((await buffer(data)).equals(bytes)).toBe(true)
    const { headers } = await call(google, auth, 'GET', `/drive/v3/files/${fileId}?alt=media`)
    expect([headers.get('content-type'), headers.get('content-length')]).toEqual(['image/png', '2500000'])
  })

  it.each([
    ['bytes=2-4', 206, 'bytes 2-4/10', '234'],
    ['bytes=7-', 206, 'bytes 7-9/10', '789'],
    ['bytes=-2', 206, 'bytes 8-9/10', '89'],
    ['bytes=5-99', 206, 'bytes 5-9/10', '56789'],
    ['lines=1-2', 200, null, '0123456789'],
  ])('B.8 answers Range %s', async (range, status, contentRange, body) => {
    const fileId = await store('range.txt', '0123456789')
    const answer = await call(google, auth, 'GET', `/drive/v3/files/${fileId}?alt=media`, {
      headers: { range },
    })
    expect([answer.status, answer.headers.get('content-range'), await answer.text()]).toEqual([
      status,
      contentRange,
      body,
    ])
  })

  it.each([
    ['past the end', '0123456789', 'bytes=10-', 'bytes */10'],
    ['of an empty file', '', 'bytes=0-0', 'bytes */0'],
  ])('B.8 answers a range %s with 416', async (_, content, range, contentRange) => {
    const fileId =
      content === ''
        ? ((await drive.files.create({ requestBody: { name: 'e' } })).data.id ?? '')
        : await store('r', content)
    const answer = await call(google, auth, 'GET', `/drive/v3/files/${fileId}?alt=media`, {
      headers: { range },
    })
    expect(answer.headers.get('content-range')).toBe(contentRange)
    expect(await driveFailure(answer)).toMatchObject({ status: 416, reason: 'requestedRangeNotSatisfiable' })
  })

  it('B.8 refuses to download a document and to export a binary file', async () => {
    const doc = await drive.files.create({
      requestBody: { name: 'doc', mimeType: 'application/vnd.google-apps.document' },
    })
    const fileId = doc.data.id ?? ''
    expect(await clientFailure(drive.files.get({ fileId, alt: 'media' }))).toEqual({
      status: 403,
      reason: 'fileNotDownloadable',
    })
    const binary = await store('b.txt', 'b')
    expect(await clientFailure(drive.files.export({ fileId: binary, mimeType: 'application/pdf' }))).toEqual({
      status: 403,
      reason: 'fileNotExportable',
    })
    expect((await drive.files.export({ fileId, mimeType: 'text/plain' })).status).toBe(200)
  })

  it('B.8 answers acknowledgeAbuse on an unflagged file with invalidAbuseAcknowledgment', async () => {
    const fileId = await store('fine', 'x')
    const failure = clientFailure(drive.files.get({ fileId, alt: 'media', acknowledgeAbuse: true }))
    expect(await failure).toEqual({ status: 403, reason: 'invalidAbuseAcknowledgment' })
  })
})

describe('B.9 update, move, copy, delete and trash', () => {
  it('B.9 renames, and moves only with the old parent removed', async () => {
    const folder = (await drive.files.create({ requestBody: { name: 'to', mimeType: FOLDER } })).data.id ?? ''
    const fileId = await store('move.txt', 'x')
    expect((await drive.files.update({ fileId, requestBody: { name: 'moved.txt' } })).data.name).toBe(
      'moved.txt',
    )
    expect(await clientFailure(drive.files.update({ fileId, addParents: folder }))).toEqual({
      status: 403,
      reason: 'cannotAddParent',
    })
    const { data } = await drive.files.update({
      fileId,
      addParents: folder,
      removeParents: 'root',
      fields: 'parents,name',
    })
    expect(data).toEqual({ name: 'moved.txt', parents: [folder] })
    const direct = await clientFailure(drive.files.update({ fileId, requestBody: { parents: ['root'] } }))
    expect(direct).toEqual({ status: 403, reason: 'fieldNotWritable' })
  })

  it('B.9 sets modifiedTime, which otherwise moves with each change', async () => {
    const fileId = await store('time.txt', 'x')
    const set = await drive.files.update({
      fileId,
      requestBody: { modifiedTime: '2020-02-03T04:05:06.789Z' },
      fields: 'modifiedTime',
    })
    expect(set.data.modifiedTime).toBe('2020-02-03T04:05:06.789Z')
    google.clock.advance(1000)
    const moved = await drive.files.update({ fileId, requestBody: { name: 'n' }, fields: 'modifiedTime' })
    expect(Date.parse(moved.data.modifiedTime ?? '')).toBe(google.clock.now())
  })

  it('B.9 copies content under a new id; the copy outlives its source', async () => {
    const fileId = await store('source.txt', 'copied')
    const { data } = await drive.files.copy({
      fileId,
      requestBody: { name: 'copy.txt' },
      fields: 'id,name,md5Checksum',
    })
    expect(data.id).not.toBe(fileId)
    await drive.files.update({ fileId, media: { body: 'changed' } }, here)
    await drive.files.delete({ fileId })
    expect(
      (await drive.files.get({ fileId: data.id ?? '', alt: 'media' }, { responseType: 'text' })).data,
    ).toBe('copied')
  })

  it('B.9 deletes for good with 204, then 404; a folder takes what is in it along', async () => {
    const folder =
      (await drive.files.create({ requestBody: { name: 'del', mimeType: FOLDER } })).data.id ?? ''
    const fileId = await store('inside.txt', 'x', { parents: [folder] })
    const answer = await call(google, auth, 'DELETE', `/drive/v3/files/${folder}`)
    expect([answer.status, await answer.text()]).toEqual([204, ''])
    expect(await driveFailure(await call(google, auth, 'DELETE', `/drive/v3/files/${folder}`))).toMatchObject(
      {
        status: 404,
        reason: 'notFound',
        message: `File not found: ${folder}.`,
        location: 'fileId',
      },
    )
    expect((await clientFailure(drive.files.get({ fileId }))).status).toBe(404)
  })

  it('B.9 keeps what a file held before, under its revision', async () => {
    const fileId = await store('kept.txt', 'one')
    const fields = 'headRevisionId'
    const revisionId = (await drive.files.get({ fileId, fields })).data.headRevisionId ?? ''
    await drive.files.update({ fileId, media: { body: 'two' } }, here)
    const read = async (revision: string): Promise<unknown> =>
      (await drive.revisions.get({ fileId, revisionId: revision, alt: 'media' }, { responseType: 'text' }))
        .data
    expect(await read(revisionId)).toBe('one')
    const now = (await drive.files.get({ fileId, fields })).data.headRevisionId ?? ''
    expect([now === revisionId, await read(now)]).toEqual([false, 'two'])
    const unknown = drive.revisions.get({ fileId, revisionId: 'none', alt: 'media' })
    expect((await clientFailure(unknown)).status).toBe(404)
  })

  it('B.9 trashes and untrashes; what is inside a trashed folder counts as trashed', async () => {
    const folder =
      (await drive.files.create({ requestBody: { name: 'bin', mimeType: FOLDER } })).data.id ?? ''
    const fileId = await store('in.txt', 'x', { parents: [folder] })
    await drive.files.update({ fileId: folder, requestBody: { trashed: true } })
    const inside = await drive.files.get({ fileId, fields: 'trashed,explicitlyTrashed' })
    expect(inside.data).toEqual({ trashed: true, explicitlyTrashed: false })
    expect((await drive.files.list({ q: `'${folder}' in parents and trashed=false` })).data.files).toEqual([])
    await drive.files.update({ fileId: folder, requestBody: { trashed: false } })
    expect((await drive.files.get({ fileId, fields: 'trashed' })).data).toEqual({ trashed: false })
  })

  it('B.9 leaves the time of modification alone when a file goes into the trash and comes back', async () => {
    const fileId = await store('old.txt', 'x', { modifiedTime: '2020-01-02T03:04:05.000Z' })
    for (const trashed of [true, false]) {
      const { data } = await drive.files.update({
        fileId,
        requestBody: { trashed },
        fields: 'modifiedTime,trashed',
      })
      expect(data).toEqual({ modifiedTime: '2020-01-02T03:04:05.000Z', trashed })
    }
  })

  it('B.9 empties the trash', async () => {
    const fileId = await store('trash.txt', 'x')
    await drive.files.update({ fileId, requestBody: { trashed: true } })
    expect((await drive.files.emptyTrash()).status).toBe(204)
    expect((await clientFailure(drive.files.get({ fileId }))).status).toBe(404)
  })
})

describe('B.10 about and quota', () => {
  it('B.10 answers user and quota as strings, and insists on fields', async () => {
    const eve = driveClient(google, await signIn(google, { email: 'eve@example.com', scope: DRIVE_FILE }))
    await eve.drive.files.create({ requestBody: { name: 'q' }, media: { body: '12345' } }, eve.here)
    const { data } = await eve.drive.about.get({ fields: 'user,storageQuota,maxUploadSize' })
    expect(data).toEqual({
      user: {
        kind: 'drive#user',
        displayName: 'Eve',
        me: true,
        permissionId: expect.stringMatching(/^\d+$/),
        emailAddress: 'eve@example.com',
      },
      storageQuota: { limit: '16106127360', usage: '5', usageInDrive: '5', usageInDriveTrash: '0' },
      maxUploadSize: '5242880000000',
    })
    expect(await clientFailure(eve.drive.about.get({}))).toEqual({ status: 400, reason: 'required' })
  })

  it('B.10 refuses what does not fit with storageQuotaExceeded, and counts the trash until it is purged', async () => {
    const full = driveClient(google, await signIn(google, { email: 'full@example.com' }))
    await google.sim('POST', 'accounts/full@example.com/quota', { limitBytes: 10 })
    const send = (body: string): Promise<{ data: { id?: string | null } }> =>
      full.drive.files.create({ requestBody: { name: 'f' }, media: { body } }, full.here)
    const { data } = await send('12345678')
    expect(await clientFailure(send('123'))).toEqual({ status: 403, reason: 'storageQuotaExceeded' })
    await full.drive.files.update({ fileId: data.id ?? '', requestBody: { trashed: true } })
    expect(
      (await full.drive.about.get({ fields: 'storageQuota(usageInDriveTrash)' })).data.storageQuota,
    ).toEqual({ usageInDriveTrash: '8' })
    expect((await clientFailure(send('123'))).status).toBe(403)
    await full.drive.files.delete({ fileId: data.id ?? '' })
    expect((await send('123')).data.id).toBeTruthy()
  })
})

describe('B.11 the error envelope', () => {
  it('B.11 answers a missing token with required, an unknown one with authError', async () => {
    const without = await call(google, undefined, 'GET', '/drive/v3/files')
    expect(without.headers.get('www-authenticate')).toContain('Bearer')
    expect(await driveFailure(without)).toMatchObject({
      status: 401,
      reason: 'required',
      location: 'Authorization',
    })
    const unknown = await call(google, undefined, 'GET', '/drive/v3/files', {
      headers: { authorization: 'Bearer ya29.no' },
    })
    expect(await json(unknown)).toMatchObject({
      error: {
        code: 401,
        status: 'UNAUTHENTICATED',
        errors: [{ message: 'Invalid Credentials', reason: 'authError', locationType: 'header' }],
      },
    })
  })
})

describe('B.13 shared drives', () => {
  it('B.13 has none, and takes the parameters about them', async () => {
    expect((await drive.drives.list({})).data.drives).toEqual([])
    const listed = await drive.files.list({
      supportsAllDrives: true,
      includeItemsFromAllDrives: true,
      corpora: 'user',
    })
    expect(listed.status).toBe(200)
  })
})
