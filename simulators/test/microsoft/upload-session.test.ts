import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createHasher } from '../../microsoft/drive/quick-xor-hash.ts'
import type { Signed } from './support.ts'
import {
  content,
  control,
  DAY,
  fault,
  fragment,
  HOUR,
  MINUTE,
  send,
  signIn,
  UNIT,
  useSimulator,
} from './support.ts'

const simulator = useSimulator()
const FOUR = content(UNIT * 3 + 1000)

async function create(user: Signed, path: string, json: unknown = {}, headers: Record<string, string> = {}) {
  return user.graph('POST', `/me/drive/root:/${path}:/createUploadSession`, { json, headers })
}

async function open(user: Signed, path: string, json: unknown = {}): Promise<string> {
  return (await create(user, path, json)).body.uploadUrl
}

/** All of `bytes`, in fragments of one unit; the last answer. */
async function upload(url: string, bytes: Uint8Array, from = 0) {
  let last = await fragment(url, bytes, from, Math.min(from + UNIT, bytes.length))
  for (let at = from + UNIT; at < bytes.length; at += UNIT) {
    last = await fragment(url, bytes, at, Math.min(at + UNIT, bytes.length))
  }
  return last
}

function quickXor(bytes: Buffer): string {
  const hasher = createHasher()
  hasher.update(bytes)
  return hasher.digest().toString('base64')
}

describe('creating a session', () => {
  it('D.4 the answer has an upload URL on another host, an expiry and the whole range', async () => {
    const user = await signIn(simulator, 'business')
    const { status, body } = await create(user, 'x.bin', {
      item: { '@microsoft.graph.conflictBehavior': 'replace', name: 'x.bin' },
    })
    expect(status).toBe(200)
    expect(body.nextExpectedRanges).toEqual(['0-'])
    expect(new URL(body.uploadUrl).hostname).not.toBe(new URL(simulator.origin).hostname)
    expect(Date.parse(body.expirationDateTime)).toBeGreaterThan(simulator.clock.now())
  })

  it('D.4 a name other than the one in the path is 400', async () => {
    const user = await signIn(simulator, 'personal')
    expect((await create(user, 'x.bin', { item: { name: 'y.bin' } })).status).toBe(400)
  })

  it('D.4 a fileSize beyond the quota is refused early with 507', async () => {
    const user = await signIn(simulator, 'personal')
    await control(simulator, 'POST', `accounts/${user.account}/quota`, { limitBytes: 1000 })
    expect((await create(user, 'x', { item: { fileSize: 1001 } })).status).toBe(507)
    expect((await create(user, 'x', { item: { fileSize: 1000 } })).status).toBe(200)
  })

  it('D.4 If-Match and If-None-Match answer 412', async () => {
    const user = await signIn(simulator, 'business')
    await user.graph('PUT', '/me/drive/root:/x:/content', { bytes: content(1) })
    expect((await create(user, 'x', {}, { 'if-match': '"{00},4"' })).status).toBe(412)
    expect((await create(user, 'x', {}, { 'if-none-match': '*' })).status).toBe(412)
    expect((await create(user, 'y', {}, { 'if-none-match': '*' })).status).toBe(200)
  })

  it('D.9 a personal account gets another URL for the same path', async () => {
    const user = await signIn(simulator, 'personal')
    const [first, second] = [await create(user, 'x'), await create(user, 'x')]
    expect(second.status).toBe(200)
    expect(second.body.uploadUrl).not.toBe(first.body.uploadUrl)
  })

  it('D.4 a work account holds the name: 409 for a second session and for a new file, until DELETE', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x.bin')
    const second = await create(user, 'X.BIN', { item: { '@microsoft.graph.conflictBehavior': 'replace' } })
    expect(second.status).toBe(409)
    expect(second.body.error).toMatchObject({ code: 'nameAlreadyExists' })
    const plain = await user.graph('PUT', '/me/drive/root:/x.bin:/content', { bytes: content(1) })
    expect(plain.status).toBe(409)
    expect((await send('DELETE', url)).status).toBe(204)
    expect((await create(user, 'x.bin')).status).toBe(200)
  })

  it('D.4 a work account’s name is free again after 15 idle minutes', async () => {
    const user = await signIn(simulator, 'business')
    await open(user, 'x')
    simulator.clock.advance(15 * MINUTE - 1000)
    expect((await create(user, 'x')).status).toBe(409)
    simulator.clock.advance(1000)
    expect((await create(user, 'x')).status).toBe(200)
  })
})

describe('fragments', () => {
  it('D.4 202 tells what comes next, 201 ends a new file, with the right hashes', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'a/x.bin')
    const first = await fragment(url, FOUR, 0, UNIT)
    expect(first.status).toBe(202)
    expect(first.body.nextExpectedRanges).toEqual([`${UNIT}-`])
    const last = await upload(url, FOUR, UNIT)
    expect(last.status).toBe(201)
    expect(last.body).toMatchObject({
      name: 'x.bin',
      size: FOUR.length,
      file: { hashes: { quickXorHash: quickXor(FOUR) } },
    })
    const [file] = await control(simulator, 'GET', `files?account=${user.account}`)
    expect(file?.sha256).toBe(createHash('sha256').update(FOUR).digest('hex'))
  })

  it('D.4 replacing answers 200 and keeps the id', async () => {
    const user = await signIn(simulator, 'personal')
    const made = await upload(await open(user, 'x'), content(10))
    const replaced = await upload(await open(user, 'x'), content(20))
    expect(replaced.status).toBe(200)
    expect(replaced.body.id).toBe(made.body.id)
  })

  it('D.4 an item by its id is replaced too', async () => {
    const user = await signIn(simulator, 'business')
    const { body: made } = await user.graph('PUT', '/me/drive/root:/x:/content', { bytes: content(3) })
    const session = await user.graph('POST', `/me/drive/items/${made.id}/createUploadSession`, { json: {} })
    const replaced = await upload(session.body.uploadUrl, content(9))
    expect(replaced.body).toMatchObject({ id: made.id, size: 9 })
  })

  it('D.4 a personal account refuses a session for an id without a name, and takes folder and name', async () => {
    const user = await signIn(simulator, 'personal')
    const { body: made } = await user.graph('PUT', '/me/drive/root:/x:/content', { bytes: content(3) })
    const byId = await user.graph('POST', `/me/drive/items/${made.id}/createUploadSession`, { json: {} })
    expect(byId.status).toBe(400)
    expect(byId.body.error).toMatchObject({ message: 'File name not provided in url' })
    const inFolder = `/me/drive/items/${made.parentReference.id}:/x:/createUploadSession`
    const session = await user.graph('POST', inFolder, { json: {} })
    expect((await upload(session.body.uploadUrl, content(9))).body).toMatchObject({ id: made.id, size: 9 })
  })

  it.each(['personal', 'business'] as const)(
    'D.4 a session ends with the item that it writes into, and with its folder (%s)',
    async (kind) => {
      const user = await signIn(simulator, kind)
      await user.graph('PUT', '/me/drive/root:/a/x:/content', { bytes: content(0) })
      const url = await open(user, 'a/x')
      expect((await user.graph('DELETE', '/me/drive/root:/a/x')).status).toBe(204)
      expect((await fragment(url, FOUR, 0, UNIT)).status).toBe(404)
      const below = await open(user, 'a/y')
      expect((await user.graph('DELETE', '/me/drive/root:/a')).status).toBe(204)
      expect((await send('GET', below)).status).toBe(404)
      expect((await open(user, 'a/x')).startsWith('http')).toBe(true)
    },
  )

  it('D.4 a fragment that is not a multiple of 320 KiB is refused, the last may be any size', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    const odd = await fragment(url, FOUR, 0, UNIT - 1)
    expect(odd.status).toBe(400)
    expect(odd.body.error).toMatchObject({ code: 'invalidRequest' })
    expect((await upload(url, FOUR)).status).toBe(201)
  })

  it('D.4 a fragment of 60 MiB or more is refused', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    const size = 62_914_560
    const { status, body } = await send('PUT', url, {
      bytes: new Uint8Array(size),
      headers: { 'content-range': `bytes 0-${size - 1}/${size * 2}` },
    })
    expect(status).toBe(400)
    expect(body.error).toMatchObject({ innererror: { code: 'maxFragmentLengthExceeded' } })
  })

  it.each([
    ['missing', undefined],
    ['in another unit', 'items 0-9/10'],
    ['of unknown total', 'bytes 0-9/*'],
    ['backwards', 'bytes 9-0/10'],
    ['past the total', 'bytes 0-10/10'],
    ['of an empty file', 'bytes 0-0/0'],
  ])('D.4 a Content-Range that is %s is 400', async (_name, header) => {
    const user = await signIn(simulator, 'personal')
    const url = await open(user, 'x')
    const headers: Record<string, string> = header === undefined ? {} : { 'content-range': header }
    expect((await send('PUT', url, { bytes: content(10), headers })).status).toBe(400)
  })

  it('D.4 a range that does not match the Content-Length, or another total, is fragmentLengthMismatch', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    const inner = { innererror: { code: 'fragmentLengthMismatch' } }
    const short = await send('PUT', url, {
      bytes: FOUR.subarray(0, UNIT),
      headers: { 'content-range': `bytes 0-${UNIT * 2 - 1}/${FOUR.length}` },
    })
    expect(short.status).toBe(400)
    expect(short.body.error).toMatchObject(inner)
    await fragment(url, FOUR, 0, UNIT)
    const other = await send('PUT', url, {
      bytes: FOUR.subarray(UNIT, UNIT * 2),
      headers: { 'content-range': `bytes ${UNIT}-${UNIT * 2 - 1}/${FOUR.length + 1}` },
    })
    expect(other.status).toBe(400)
    expect(other.body.error).toMatchObject(inner)
  })

  it('D.4 stored bytes again are 416 fragmentOverlap, bytes too far on 416 fragmentOutOfOrder', async () => {
    const user = await signIn(simulator, 'personal')
    const url = await open(user, 'x')
    await fragment(url, FOUR, 0, UNIT)
    const again = await fragment(url, FOUR, 0, UNIT)
    expect(again.status).toBe(416)
    expect(again.body.error).toMatchObject({ code: 'invalidRange', innererror: { code: 'fragmentOverlap' } })
    const ahead = await fragment(url, FOUR, UNIT * 2, UNIT * 3)
    expect(ahead.status).toBe(416)
    expect(ahead.body.error).toMatchObject({ innererror: { code: 'fragmentOutOfOrder' } })
    expect((await send('GET', url)).body.nextExpectedRanges).toEqual([`${UNIT}-`])
  })

  it('D.4 a bearer sent along answers 401', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    const { status, body } = await send('PUT', url, {
      bytes: content(10),
      headers: { 'content-range': 'bytes 0-9/10', authorization: `Bearer ${user.tokens.access_token}` },
    })
    expect(status).toBe(401)
    expect(body.error).toMatchObject({ code: 'unauthenticated' })
    expect((await upload(url, content(10))).status).toBe(201)
  })

  it('D.4 a file larger than the space left answers 507 at its first fragment', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    await control(simulator, 'POST', `accounts/${user.account}/quota`, { limitBytes: UNIT })
    const { status, body } = await fragment(url, FOUR, 0, UNIT)
    expect(status).toBe(507)
    expect(body.error).toMatchObject({ code: 'quotaLimitReached' })
  })

  it('D.4 fileSystemInfo and description come out on the item', async () => {
    const user = await signIn(simulator, 'personal')
    const fileSystemInfo = {
      createdDateTime: '2019-01-02T03:04:05Z',
      lastModifiedDateTime: '2020-02-03T04:05:06Z',
    }
    const url = await open(user, 'x', { item: { fileSystemInfo, description: 'scan', fileSize: 10 } })
    expect((await upload(url, content(10))).body).toMatchObject({ fileSystemInfo, description: 'scan' })
  })
})

describe('the end of a session', () => {
  it('D.4 status, then 404 for everything once it is finished', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    expect((await send('GET', url)).body.nextExpectedRanges).toEqual(['0-'])
    await upload(url, content(10))
    for (const method of ['GET', 'DELETE', 'POST']) {
      const { status, body } = await send(method, url)
      expect(status).toBe(404)
      expect(body.error).toMatchObject({ code: 'itemNotFound', message: 'The upload session was not found' })
    }
    expect((await upload(url, content(10))).status).toBe(404)
  })

  it('D.4 DELETE answers 204, then 404, and leaves nothing', async () => {
    const user = await signIn(simulator, 'personal')
    const url = await open(user, 'x')
    await fragment(url, FOUR, 0, UNIT)
    expect((await send('DELETE', url)).status).toBe(204)
    expect((await send('DELETE', url)).status).toBe(404)
    expect((await fragment(url, FOUR, UNIT, UNIT * 2)).status).toBe(404)
    expect((await user.graph('GET', '/me/drive/root:/x')).status).toBe(404)
  })

  it('D.4 a personal session lives seven days from its last fragment', async () => {
    const user = await signIn(simulator, 'personal')
    const url = await open(user, 'x')
    simulator.clock.advance(6 * DAY)
    expect((await fragment(url, FOUR, 0, UNIT)).status).toBe(202)
    simulator.clock.advance(6 * DAY)
    expect((await fragment(url, FOUR, UNIT, UNIT * 2)).status).toBe(202)
    simulator.clock.advance(7 * DAY)
    expect((await fragment(url, FOUR, UNIT * 2, UNIT * 3)).status).toBe(404)
  })

  it('D.4 a work session slides by 15 minutes and ends after 24 hours with 401 expiredToken', async () => {
    const user = await signIn(simulator, 'business')
    const total = UNIT * 200
    const bytes = content(total)
    const url = await open(user, 'x')
    let at = 0
    for (let minutes = 0; minutes < 24 * 60 - 14; minutes += 14) {
      expect((await fragment(url, bytes, at, at + UNIT)).status).toBe(202)
      at += UNIT
      simulator.clock.advance(14 * MINUTE)
    }
    simulator.clock.advance(14 * MINUTE)
    const late = await fragment(url, bytes, at, at + UNIT)
    expect(late.status).toBe(401)
    expect(late.body.error).toMatchObject({ code: 'unauthenticated', innererror: { code: 'expiredToken' } })
  })

  it('D.4 a work session that idled answers 404', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    simulator.clock.advance(HOUR)
    expect((await fragment(url, FOUR, 0, UNIT)).status).toBe(404)
  })

  it('F.2 the control API lists open sessions and expires them all', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    await fragment(url, FOUR, 0, UNIT)
    const listed = await control(simulator, 'GET', `sessions?account=${user.account}`)
    expect(listed).toMatchObject([{ name: 'x', size: FOUR.length, received: UNIT }])
    await control(simulator, 'DELETE', 'sessions')
    expect(await control(simulator, 'GET', `sessions?account=${user.account}`)).toEqual([])
    expect((await send('GET', url)).status).toBe(404)
    expect((await create(user, 'x')).status).toBe(200)
  })
})

describe('conflicts and commits', () => {
  it.each(['personal' as const, 'business' as const])(
    'D.4 fail answers 409 on the last fragment of a %s account and keeps the bytes for a commit elsewhere',
    async (kind) => {
      const user = await signIn(simulator, kind)
      await user.graph('PUT', '/me/drive/root:/x:/content', { bytes: content(1) })
      const url = await open(user, 'x', { item: { '@microsoft.graph.conflictBehavior': 'fail' } })
      const last = await upload(url, FOUR)
      expect(last.status).toBe(409)
      expect(last.body.error).toMatchObject({ code: 'nameAlreadyExists' })
      expect((await send('GET', url)).body.nextExpectedRanges).toEqual([])
      const committed = await user.graph('PUT', '/me/drive/root:/y', {
        json: { '@microsoft.graph.sourceUrl': url },
      })
      expect(committed.status).toBe(201)
      expect(committed.body).toMatchObject({ name: 'y', size: FOUR.length })
      expect((await user.graph('GET', '/me/drive/root:/x')).body.size).toBe(1)
      expect((await send('GET', url)).status).toBe(404)
    },
  )

  it('D.4 rename finds a free name at the end', async () => {
    const user = await signIn(simulator, 'personal')
    await user.graph('PUT', '/me/drive/root:/x.txt:/content', { bytes: content(1) })
    const url = await open(user, 'x.txt', { item: { '@microsoft.graph.conflictBehavior': 'rename' } })
    expect((await upload(url, content(10))).body.name).toBe('x 1.txt')
  })

  it('D.4 If-Match is looked at again when the file is to appear', async () => {
    const user = await signIn(simulator, 'business')
    const { body } = await user.graph('PUT', '/me/drive/root:/x:/content', { bytes: content(1) })
    const session = await create(user, 'x', {}, { 'if-match': body.eTag })
    await user.graph('PATCH', `/me/drive/items/${body.id}`, { json: { description: 'changed' } })
    expect((await upload(session.body.uploadUrl, content(10))).status).toBe(412)
  })

  it('D.4 deferCommit: the last fragment answers 202, a work account commits with POST', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x', { deferCommit: true })
    expect((await send('POST', url)).status).toBe(400)
    const last = await upload(url, FOUR)
    expect(last.status).toBe(202)
    expect(last.body.nextExpectedRanges).toEqual([])
    expect((await user.graph('GET', '/me/drive/root:/x')).status).toBe(404)
    const committed = await send('POST', url)
    expect(committed.status).toBe(201)
    expect(committed.body).toMatchObject({ name: 'x', size: FOUR.length })
  })

  it('D.4 deferCommit: a personal account commits with a PUT that names the URL', async () => {
    const user = await signIn(simulator, 'personal')
    const url = await open(user, 'x', { deferCommit: true })
    await upload(url, FOUR)
    expect((await send('POST', url)).status).toBe(405)
    await user.graph('PUT', '/me/drive/root:/x:/content', { bytes: content(1) })
    const json = {
      name: 'x',
      '@microsoft.graph.conflictBehavior': 'rename',
      '@microsoft.graph.sourceUrl': url,
    }
    const committed = await user.graph('PUT', '/me/drive/root:/x', { json })
    expect(committed.body).toMatchObject({ name: 'x 1', size: FOUR.length })
  })
})

describe('faults', () => {
  it('D.4 a part of a fragment may be kept, and the upload goes on from that odd place', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    await fault(simulator, { fragment: 2, path: 'uploadSession' }, { type: 'partial', bytes: 1234 })
    await fragment(url, FOUR, 0, UNIT)
    const short = await fragment(url, FOUR, UNIT, UNIT * 2)
    expect(short.status).toBe(202)
    expect(short.body.nextExpectedRanges).toEqual([`${UNIT + 1234}-`])
    const last = await upload(url, FOUR, UNIT + 1234)
    expect(last.status).toBe(201)
    expect(last.body.file.hashes.quickXorHash).toBe(quickXor(FOUR))
  })

  it('D.4 the bytes of an interrupted fragment are ignored', async () => {
    const user = await signIn(simulator, 'personal')
    const url = await open(user, 'x')
    await fragment(url, FOUR, 0, UNIT)
    await fault(simulator, { fragment: 2 }, { type: 'reset', afterBytes: 100_000 })
    await expect(fragment(url, FOUR, UNIT, UNIT * 2)).rejects.toThrow('fetch failed')
    expect((await send('GET', url)).body.nextExpectedRanges).toEqual([`${UNIT}-`])
    const last = await upload(url, FOUR, UNIT)
    expect(last.body.file.hashes.quickXorHash).toBe(quickXor(FOUR))
  })

  it('D.4 a commit whose answer was lost is there when looked up by path', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    await fault(simulator, { fragment: 4 }, { type: 'commit-then-reset' })
    await expect(upload(url, FOUR)).rejects.toThrow('fetch failed')
    expect((await send('GET', url)).status).toBe(404)
    const found = await user.graph('GET', '/me/drive/root:/x')
    expect(found.body).toMatchObject({
      size: FOUR.length,
      file: { hashes: { quickXorHash: quickXor(FOUR) } },
    })
  })

  it('D.10 a bit flipped on the way in shows in the hash', async () => {
    const user = await signIn(simulator, 'personal')
    const url = await open(user, 'x')
    await fault(simulator, { method: 'PUT', path: 'uploadSession' }, { type: 'corrupt' })
    const last = await upload(url, FOUR)
    expect(last.status).toBe(201)
    expect(last.body.file.hashes.quickXorHash).not.toBe(quickXor(FOUR))
  })

  it('D.11 what is rewritten on arrival has more bytes and another hash: by session and by one request', async () => {
    const user = await signIn(simulator, 'business')
    const rewrite = { type: 'rewrite', add: 812, extensions: ['.docx', '.pdf'] }
    for (const name of ['a.docx', 'b.PDF', 'c.txt']) {
      await fault(simulator, { method: 'PUT', path: 'uploadSession' }, rewrite)
      const last = await upload(await open(user, name), FOUR)
      await fault(simulator, { method: 'PUT', path: '/content' }, rewrite)
      const whole = await user.graph('PUT', `/me/drive/root:/whole-${name}:/content`, { bytes: FOUR })
      for (const { body } of [last, whole]) {
        const answer = await fetch(body['@microsoft.graph.downloadUrl'])
        const stored = Buffer.from(await answer.arrayBuffer())
        const added = name === 'c.txt' ? 0 : 812
        expect([body.size, stored.length]).toEqual([FOUR.length + added, FOUR.length + added])
        expect(body.file.hashes.quickXorHash).toBe(quickXor(stored))
        expect(stored.subarray(0, FOUR.length).equals(FOUR)).toBe(true)
      }
    }
  })

  it('D.4 injected statuses on the upload URL have the storage’s own bodies', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    await fault(
      simulator,
      { fragment: 1 },
      { type: 'status', status: 416, reason: 'fragmentRowCountCheckFailed' },
    )
    const failed = await fragment(url, FOUR, 0, UNIT)
    expect(failed.status).toBe(416)
    expect(failed.body.error).toMatchObject({
      code: 'invalidRange',
      innererror: { code: 'fragmentRowCountCheckFailed' },
    })
    await fault(simulator, { path: 'uploadSession' }, { type: 'garbage' })
    const garbage = await send('GET', url)
    expect(garbage.status).toBe(502)
    expect(garbage.text).toContain('<html')
  })

  it('D.5 a truncated download ends early, a corrupt one has the length and not the bytes', async () => {
    const user = await signIn(simulator, 'personal')
    const last = await upload(await open(user, 'x'), FOUR)
    const url = last.body['@microsoft.graph.downloadUrl']
    await fault(simulator, { path: 'download' }, { type: 'truncate', afterBytes: 5000 })
    const cut = await fetch(url)
    await expect(cut.arrayBuffer()).rejects.toThrow('terminated')
    await fault(simulator, { path: 'download' }, { type: 'corrupt' })
    const flipped = Buffer.from(await (await fetch(url)).arrayBuffer())
    expect(flipped.length).toBe(FOUR.length)
    expect(flipped.equals(FOUR)).toBe(false)
    const sound = Buffer.from(await (await fetch(url)).arrayBuffer())
    expect(sound.equals(FOUR)).toBe(true)
  })

  it('D.4 a second writer at the same time is 416 fragmentRowCountCheckFailed', async () => {
    const user = await signIn(simulator, 'business')
    const url = await open(user, 'x')
    await control(simulator, 'POST', 'latency', { ms: 0, bytesPerSecond: 1_000_000 })
    const answers = await Promise.all([fragment(url, FOUR, 0, UNIT), fragment(url, FOUR, 0, UNIT)])
    await control(simulator, 'POST', 'latency', { ms: 0 })
    expect(answers.map((each) => each.status).toSorted((a, b) => a - b)).toEqual([202, 416])
    const refused = answers.find((each) => each.status === 416)
    expect(refused?.body.error).toMatchObject({ innererror: { code: 'fragmentRowCountCheckFailed' } })
  })
})
