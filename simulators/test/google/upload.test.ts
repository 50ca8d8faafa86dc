import { createHash } from 'node:crypto'
import { request } from 'node:http'
import type { OAuth2Client } from 'google-auth-library'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Google } from './support.ts'
import {
  call,
  clientFailure,
  driveClient,
  driveFailure,
  json,
  openUpload,
  put,
  sampleBytes,
  signIn,
  startGoogle,
  UNIT,
} from './support.ts'

let google: Google
let auth: OAuth2Client
beforeAll(async () => {
  google = await startGoogle()
  auth = await signIn(google)
})
afterAll(() => google.close())

const MORE = '&fields=id,name,size,sha256Checksum,md5Checksum'
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const state = async (session: string): Promise<[number, string | null]> => {
  const answer = await put(session, 'bytes */*')
  return [answer.status, answer.headers.get('range')]
}

describe('B.3 opening a session', () => {
  it('B.3 answers an address with an opaque upload id, and no body', async () => {
    const answer = await call(google, auth, 'POST', `/upload/drive/v3/files?uploadType=resumable${MORE}`, {
      body: '{"name":"x"}',
      headers: {
        'content-type': 'application/json',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'www.googleapis.com',
      },
    })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-length')).toBe('0')
    expect(answer.headers.get('x-guploader-uploadid')).toBeTruthy()
    expect(answer.headers.get('location')).toMatch(
      /^https:\/\/www\.googleapis\.com\/upload\/drive\/v3\/files\?uploadType=resumable&.*upload_id=\w+/,
    )
  })

  it('B.3 finds an unknown parent, a used id and a lack of room when the session is opened', async () => {
    const { drive } = driveClient(google, auth)
    await expect(openUpload(google, auth, { parents: ['nowhere'] })).rejects.toThrow('404')
    const { data } = await drive.files.create({ requestBody: { name: 'taken' } })
    await expect(openUpload(google, auth, { id: data.id })).rejects.toThrow('fileIdInUse')
    const headers = { 'x-upload-content-length': String(2 ** 40) }
    await expect(openUpload(google, auth, {}, { headers })).rejects.toThrow('storageQuotaExceeded')
  })
})

describe('B.3 sending bytes', () => {
  it('B.3 takes a whole file in one PUT without Content-Range, and answers with the fields asked for at the start', async () => {
    const bytes = sampleBytes(1_234_567)
    const session = await openUpload(
      google,
      auth,
      { name: 'whole.bin' },
      { query: MORE, headers: { 'x-upload-content-type': 'image/png' } },
    )
    const answer = await put(session, undefined, bytes)
    expect(answer.status).toBe(200)
    expect(await json(answer)).toEqual({
      id: expect.any(String),
      name: 'whole.bin',
      size: '1234567',
      sha256Checksum: sha256(bytes),
      md5Checksum: createHash('md5').update(bytes).digest('hex'),
    })
  })

  it('B.3 takes fragments with 308 Resume Incomplete and the Range that is safe', async () => {
    const bytes = sampleBytes(UNIT * 2 + 5)
    const session = await openUpload(google, auth, { name: 'parts.bin' }, { query: MORE })
    expect(await state(session)).toEqual([308, null])
    const first = await put(session, `bytes 0-${UNIT - 1}/${bytes.length}`, bytes.subarray(0, UNIT))
    expect([
      first.status,
      first.statusText,
      first.headers.get('range'),
      first.headers.get('content-length'),
    ]).toEqual([308, 'Resume Incomplete', `bytes=0-${UNIT - 1}`, '0'])
    expect(first.headers.get('location')).toBeNull()
    const second = await put(
      session,
      `bytes ${UNIT}-${UNIT * 2 - 1}/${bytes.length}`,
      bytes.subarray(UNIT, UNIT * 2),
    )
    expect(second.headers.get('range')).toBe(`bytes=0-${UNIT * 2 - 1}`)
    const last = await put(
      session,
      `bytes ${UNIT * 2}-${UNIT * 2 + 4}/${bytes.length}`,
      bytes.subarray(UNIT * 2),
    )
    expect(await json(last)).toMatchObject({ size: String(bytes.length), sha256Checksum: sha256(bytes) })
  })

  it('B.3 keeps whole 256 KiB of an odd fragment: 2,500,000 sent, 0-2359295 kept', async () => {
    const bytes = sampleBytes(3_000_000)
    const session = await openUpload(google, auth, { name: 'odd.bin' }, { query: MORE })
    const odd = await put(session, 'bytes 0-2499999/3000000', bytes.subarray(0, 2_500_000))
    expect(odd.headers.get('range')).toBe('bytes=0-2359295')
    const rest = await put(session, 'bytes 2359296-2999999/3000000', bytes.subarray(2_359_296))
    expect(await json(rest)).toMatchObject({ sha256Checksum: sha256(bytes) })
  })

  it("B.3 refuses a fragment under 256 KiB that is not the last, in the service's own words", async () => {
    const session = await openUpload(google, auth, { name: 'small.bin' })
    const answer = await put(session, 'bytes 0-99/1000', sampleBytes(100))
    expect(answer.status).toBe(400)
    expect(await answer.text()).toBe(
      "Invalid request.  The number of bytes uploaded is required to be equal or greater than 262144, except for the final request (it's recommended to be the exact multiple of 262144).  The received request contained 100 bytes, which does not meet this requirement.",
    )
    expect(await state(session)).toEqual([308, null])
  })

  it('B.3 answers a gap with 503 text/plain naming both offsets', async () => {
    const session = await openUpload(google, auth, { name: 'gap.bin' })
    const answer = await put(session, `bytes ${UNIT}-${UNIT * 2 - 1}/${UNIT * 3}`, sampleBytes(UNIT))
    expect([answer.status, answer.headers.get('content-type')]).toEqual([503, 'text/plain; charset=UTF-8'])
    expect(await answer.text()).toBe(
      `Invalid request.  According to the Content-Range header, the upload offset is ${UNIT} byte(s), which exceeds already uploaded size of 0 byte(s).`,
    )
  })

  it('B.3 skips an overlap and goes on', async () => {
    const bytes = sampleBytes(UNIT * 3)
    const session = await openUpload(google, auth, { name: 'overlap.bin' }, { query: MORE })
    await put(session, `bytes 0-${UNIT * 2 - 1}/${bytes.length}`, bytes.subarray(0, UNIT * 2))
    const again = await put(session, `bytes 0-${UNIT - 1}/${bytes.length}`, bytes.subarray(0, UNIT))
    expect(again.headers.get('range')).toBe(`bytes=0-${UNIT * 2 - 1}`)
    const rest = await put(session, `bytes ${UNIT}-${UNIT * 3 - 1}/${bytes.length}`, bytes.subarray(UNIT))
    expect(await json(rest)).toMatchObject({ sha256Checksum: sha256(bytes) })
  })

  it.each(['bytes 0--1/0', 'bytes 5-2/10', 'bytes 0-9/5', 'octets 0-1/2', 'bytes */x'])(
    'B.3 cannot parse Content-Range %s',
    async (range) => {
      const session = await openUpload(google, auth, { name: 'parse.bin' })
      const answer = await put(session, range)
      expect([answer.status, await answer.text()]).toEqual([400, 'Failed to parse Content-Range header.'])
    },
  )

  it('B.3 refuses a total other than announced or stated before', async () => {
    const announced = await openUpload(
      google,
      auth,
      { name: 'a' },
      { headers: { 'x-upload-content-length': String(UNIT * 2) } },
    )
    expect((await put(announced, `bytes 0-${UNIT - 1}/${UNIT * 3}`, sampleBytes(UNIT))).status).toBe(400)
    const stated = await openUpload(google, auth, { name: 'b' })
    await put(stated, `bytes 0-${UNIT - 1}/${UNIT * 2}`, sampleBytes(UNIT))
    expect((await put(stated, `bytes ${UNIT}-${UNIT * 2 - 1}/${UNIT * 3}`, sampleBytes(UNIT))).status).toBe(
      400,
    )
  })

  it('B.3 takes an unknown total and the empty finaliser when the stream ended on a boundary', async () => {
    const bytes = sampleBytes(UNIT * 2)
    const session = await openUpload(google, auth, { name: 'star.bin' }, { query: MORE })
    expect((await put(session, `bytes 0-${UNIT - 1}/*`, bytes.subarray(0, UNIT))).status).toBe(308)
    expect((await put(session, `bytes ${UNIT}-${UNIT * 2 - 1}/*`, bytes.subarray(UNIT))).status).toBe(308)
    const end = await put(session, `bytes */${UNIT * 2}`)
    expect(await json(end)).toMatchObject({ size: String(UNIT * 2), sha256Checksum: sha256(bytes) })
  })

  it('B.3 takes an unknown total whose last fragment states it', async () => {
    const bytes = sampleBytes(UNIT + 7)
    const session = await openUpload(google, auth, { name: 'late.bin' }, { query: MORE })
    await put(session, `bytes 0-${UNIT - 1}/*`, bytes.subarray(0, UNIT))
    const end = await put(session, `bytes ${UNIT}-${UNIT + 6}/${UNIT + 7}`, bytes.subarray(UNIT))
    expect(await json(end)).toMatchObject({ sha256Checksum: sha256(bytes) })
  })

  it.each([undefined, 'bytes */0'])(
    'B.3 makes an empty file of an empty PUT with Content-Range %s',
    async (range) => {
      const session = await openUpload(google, auth, { name: 'zero' }, { query: MORE })
      expect(await json(await put(session, range))).toMatchObject({
        size: '0',
        md5Checksum: 'd41d8cd98f00b204e9800998ecf8427e',
      })
    },
  )

  it('B.3 takes a chunked body whose end says how long it was', async () => {
    const bytes = sampleBytes(700_001)
    const session = await openUpload(google, auth, { name: 'chunked' }, { query: MORE })
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const sending = request(
        session,
        { method: 'PUT', headers: { 'transfer-encoding': 'chunked' } },
        (response) => {
          response.resume().once('end', () => resolve(response.statusCode))
        },
      )
      sending.once('error', reject)
      sending.write(bytes.subarray(0, 300_000))
      sending.end(bytes.subarray(300_000))
    })
    expect(status).toBe(200)
    expect(await json(await put(session, 'bytes */*'))).toMatchObject({
      size: '700001',
      sha256Checksum: sha256(bytes),
    })
  })

  it('B.3 replaces the content of a file through a session', async () => {
    const { drive } = driveClient(google, auth)
    const { data } = await drive.files.create({ requestBody: { name: 'before' } })
    const session = await openUpload(google, auth, { name: 'after' }, { file: data.id ?? '', query: MORE })
    expect(await json(await put(session, undefined, sampleBytes(10)))).toMatchObject({
      id: data.id,
      name: 'after',
      size: '10',
    })
  })
})

describe('B.3 sending bytes by POST, as the official Go client does', () => {
  const post = (session: string, range: string, bytes: Uint8Array<ArrayBuffer>): Promise<Response> =>
    call(google, auth, 'POST', session, { body: bytes, headers: { 'content-range': range } })

  it('B.3 takes fragments, a status query and the last fragment of a new file', async () => {
    const bytes = sampleBytes(UNIT + 5)
    const session = await openUpload(google, auth, { name: 'posted.bin' }, { query: MORE })
    const first = await post(session, `bytes 0-${UNIT - 1}/${bytes.length}`, bytes.subarray(0, UNIT))
    expect([first.status, first.headers.get('range')]).toEqual([308, `bytes=0-${UNIT - 1}`])
    const asked = await post(session, `bytes */${bytes.length}`, new Uint8Array(0))
    expect([asked.status, asked.headers.get('range')]).toEqual([308, `bytes=0-${UNIT - 1}`])
    const last = await post(session, `bytes ${UNIT}-${UNIT + 4}/${bytes.length}`, bytes.subarray(UNIT))
    expect(await json(last)).toMatchObject({ name: 'posted.bin', sha256Checksum: sha256(bytes) })
  })

  it('B.3 replaces the content of a file', async () => {
    const { drive } = driveClient(google, auth)
    const { data } = await drive.files.create({ requestBody: { name: 'before' } })
    const session = await openUpload(google, auth, {}, { file: data.id ?? '', query: MORE })
    const answer = await post(session, 'bytes 0-9/10', sampleBytes(10))
    expect(await json(answer)).toMatchObject({ id: data.id, size: '10' })
  })

  it('B.3 answers 404 for an address that never was, and opens no session', async () => {
    const address = `${google.origin}/upload/drive/v3/files?uploadType=resumable&upload_id=never`
    const answer = await post(address, 'bytes 0-9/10', sampleBytes(10))
    expect([answer.status, answer.headers.get('location')]).toEqual([404, null])
  })
})

describe('B.3 asking and resuming', () => {
  it('B.3 needs no token for a session address, and works from another process with another token', async () => {
    const bytes = sampleBytes(UNIT * 2)
    const session = await openUpload(google, auth, { name: 'handover' }, { query: MORE })
    await put(session, `bytes 0-${UNIT - 1}/${bytes.length}`, bytes.subarray(0, UNIT))
    const other = await signIn(google)
    const answer = await put(session, `bytes ${UNIT}-${UNIT * 2 - 1}/${bytes.length}`, bytes.subarray(UNIT), {
      authorization: `Bearer ${other.credentials.access_token}`,
    })
    expect(await json(answer)).toMatchObject({ sha256Checksum: sha256(bytes) })
  })

  it('B.3 refuses a dead token that comes along with 401', async () => {
    const session = await openUpload(google, auth, { name: 'dead' })
    const answer = await put(session, 'bytes */*', undefined, { authorization: 'Bearer ya29.dead' })
    expect((await driveFailure(answer)).reason).toBe('authError')
  })

  it('B.3 a status query after completion returns the file again, every time', async () => {
    const session = await openUpload(google, auth, { name: 'done' }, { query: MORE })
    const done = await json(await put(session, undefined, sampleBytes(1000)))
    for (const range of ['bytes */1000', 'bytes */*', 'bytes */1000']) {
      expect(await json(await put(session, range))).toEqual(done)
    }
    const found = await driveClient(google, auth).drive.files.list({ q: "name = 'done'" })
    expect(found.data.files).toHaveLength(1)
  })

  it('B.3 forgets a session after a week: 404', async () => {
    const session = await openUpload(google, auth, { name: 'week' })
    google.clock.advance(7 * 86_400_000 - 1)
    expect(await state(session)).toEqual([308, null])
    google.clock.advance(1)
    expect(await driveFailure(await put(session, 'bytes */*'))).toMatchObject({
      status: 404,
      reason: 'notFound',
    })
    auth = await signIn(google)
  })

  it('B.3 answers 404 for an address that never was', async () => {
    expect(
      (await put(`${google.origin}/upload/drive/v3/files?uploadType=resumable&upload_id=no`, 'bytes */*'))
        .status,
    ).toBe(404)
  })

  it('B.3 replies 200 with an override header instead of 308 to stacks that ask for it', async () => {
    const session = await openUpload(google, auth, { name: 'no308' })
    const answer = await put(session, `bytes 0-${UNIT - 1}/${UNIT * 2}`, sampleBytes(UNIT), {
      'x-guploader-no-308': 'yes',
    })
    expect([
      answer.status,
      answer.headers.get('x-http-status-code-override'),
      answer.headers.get('range'),
    ]).toEqual([200, '308', `bytes=0-${UNIT - 1}`])
  })

  it('B.3 keeps what arrived when the connection breaks in the middle of a fragment', async () => {
    const bytes = sampleBytes(UNIT * 4)
    const session = await openUpload(google, auth, { name: 'broken' }, { query: MORE })
    await new Promise<void>((resolve) => {
      const sending = request(session, {
        method: 'PUT',
        headers: {
          'content-range': `bytes 0-${bytes.length - 1}/${bytes.length}`,
          'content-length': bytes.length,
        },
      })
      sending.on('error', () => resolve())
      sending.write(bytes.subarray(0, UNIT * 2 + 100), () => sending.destroy(new Error('gone')))
    })
    const have = await vi.waitFor(async () => {
      const [status, range] = await state(session)
      expect([status, range]).toEqual([308, `bytes=0-${UNIT * 2 - 1}`])
      return UNIT * 2
    })
    const rest = await put(session, `bytes ${have}-${bytes.length - 1}/${bytes.length}`, bytes.subarray(have))
    expect(await json(rest)).toMatchObject({ sha256Checksum: sha256(bytes) })
  })

  it('B.3 makes one file when several clients finish at once', async () => {
    const bytes = sampleBytes(UNIT * 8)
    const session = await openUpload(google, auth, { name: 'race' }, { query: MORE })
    await put(session, `bytes 0-${bytes.length - 1}/*`, bytes)
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => json(await put(session, `bytes */${bytes.length}`))),
    )
    expect(new Set(answers.map((answer) => answer['id'])).size).toBe(1)
    expect(answers[0]).toMatchObject({ sha256Checksum: sha256(bytes) })
  })
})

describe('B.4 a pre-generated id in a session', () => {
  it('B.4 answers 409 at completion when another session with the same id was faster', async () => {
    const { drive } = driveClient(google, auth)
    const id = (await drive.files.generateIds({ count: 1 })).data.ids?.[0]
    const one = await openUpload(google, auth, { id, name: 'one' })
    const two = await openUpload(google, auth, { id, name: 'two' })
    expect((await put(one, undefined, sampleBytes(10))).status).toBe(200)
    expect(await driveFailure(await put(two, undefined, sampleBytes(20)))).toMatchObject({
      status: 409,
      reason: 'fileIdInUse',
    })
    expect((await drive.files.get({ fileId: id ?? '', fields: 'name,size' })).data).toEqual({
      name: 'one',
      size: '10',
    })
    const bytes = await drive.files.get({ fileId: id ?? '', alt: 'media' }, { responseType: 'arraybuffer' })
    expect(bytes.data).toHaveProperty('byteLength', 10)
  })
})

describe('B.10 quota in a session', () => {
  it('B.10 refuses at completion what was not announced and does not fit', async () => {
    const small = await signIn(google, { email: 'small@example.com' })
    await google.sim('POST', 'accounts/small@example.com/quota', { limitBytes: 100 })
    const session = await openUpload(google, small, { name: 'large' })
    expect(await driveFailure(await put(session, undefined, sampleBytes(101)))).toMatchObject({
      status: 403,
      reason: 'storageQuotaExceeded',
    })
    const { drive, here } = driveClient(google, small)
    expect((await clientFailure(drive.files.create({ media: { body: 'x'.repeat(101) } }, here))).reason).toBe(
      'storageQuotaExceeded',
    )
  })
})
