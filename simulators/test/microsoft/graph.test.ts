import { describe, expect, it } from 'vitest'
import type { Signed } from './support.ts'
import { content, control, DAY, fault, HOUR, send, signIn, useSimulator } from './support.ts'

const simulator = useSimulator()

async function put(user: Signed, path: string, bytes: Uint8Array, headers: Record<string, string> = {}) {
  return user.graph('PUT', `/me/drive/root:/${path}:/content`, { bytes, headers })
}

async function folder(user: Signed, name: string, parent = 'root') {
  return user.graph('POST', `/me/drive/${parent}/children`, { json: { name, folder: {} } })
}

async function usedBytes(user: Signed): Promise<number> {
  return (await user.graph('GET', '/me/drive')).body.quota.used
}

describe('addressing', () => {
  it('D.1 one file answers to id, path, name below an id, children(), and the drive by its id', async () => {
    const user = await signIn(simulator, 'business')
    const made = await put(user, 'a/b%20c/x.txt', content(10))
    const { id, parentReference } = made.body
    const paths = [
      `/me/drive/items/${id}`,
      '/me/drive/root:/a/b%20c/x.txt',
      '/me/drive/root:/a/b%20c/x.txt:',
      `/me/drive/items/${parentReference.id}:/x.txt`,
      `/me/drive/items/${parentReference.id}:/x.txt:`,
      `/me/drive/items/${parentReference.id}/children('x.txt')`,
      `/drives/${parentReference.driveId}/items/${id}`,
      `/drives/${parentReference.driveId}/root:/a/b%20c/x.txt`,
      '/me/drive/items/root:/a/b%20c/x.txt',
    ]
    const found = await Promise.all(paths.map((path) => user.graph('GET', path)))
    expect(found.map((each) => each.body.id)).toEqual(paths.map(() => id))
  })

  it('D.1 names are compared without case and kept with it', async () => {
    const user = await signIn(simulator, 'personal')
    await put(user, 'Read Me.TXT'.replace(' ', '%20'), content(1))
    const found = await user.graph('GET', '/me/drive/root:/read%20me.txt')
    expect(found.body.name).toBe('Read Me.TXT')
    expect((await put(user, 'READ%20ME.txt', content(2))).status).toBe(200)
  })

  it.each([
    'a%22b',
    'a*b',
    'a%3Ab',
    'a%3Cb',
    'a%3Eb',
    'a%3Fb',
    'a%5Cb',
    'a%7Cb',
    '%20a',
    'a%20',
    'a.',
    'CON',
    'desktop.ini',
  ])('D.1 the name %s is refused with 400', async (name) => {
    const user = await signIn(simulator, 'business')
    const { status, body } = await put(user, name, content(1))
    expect(status).toBe(400)
    expect(body.error).toMatchObject({ code: 'invalidRequest' })
  })

  it('D.1 a leading tilde is refused for work accounts only', async () => {
    const business = await signIn(simulator, 'business')
    const personal = await signIn(simulator, 'personal')
    expect((await put(business, '~a', content(1))).status).toBe(400)
    expect((await put(personal, '~a', content(1))).status).toBe(201)
  })

  it('D.1 a decoded path of 400 characters is too long', async () => {
    const user = await signIn(simulator, 'personal')
    const { status, body } = await put(user, `${'a'.repeat(200)}/${'b'.repeat(200)}`, content(1))
    expect(status).toBe(400)
    expect(body.error).toMatchObject({ innerError: { code: 'pathIsTooLong' } })
  })

  it('D.1 the app folder appears on first use, holds the app to itself, and survives a rename', async () => {
    const user = await signIn(simulator, 'personal', 'openid Files.ReadWrite.AppFolder')
    const made = await user.graph('GET', '/me/drive/special/approot')
    expect(made.body).toMatchObject({
      folder: { childCount: 0 },
      parentReference: { path: '/drive/root:/Apps' },
    })
    const stored = await user.graph('PUT', '/me/drive/special/approot:/x.bin:/content', { bytes: content(3) })
    expect(stored.status).toBe(201)
    expect((await user.graph('GET', '/me/drive/root/children')).status).toBe(403)
    await user.graph('PATCH', `/me/drive/items/${made.body.id}`, { json: { name: 'Renamed' } })
    expect((await user.graph('GET', '/me/drive/special/approot')).body).toMatchObject({
      id: made.body.id,
      name: 'Renamed',
    })
  })

  it('D.1 path addressing makes the folders in between', async () => {
    const user = await signIn(simulator, 'business')
    await put(user, 'one/two/three.bin', content(5))
    const two = await user.graph('GET', '/me/drive/root:/one/two')
    expect(two.body).toMatchObject({ folder: { childCount: 1 }, size: 5 })
  })

  it('D.1 another drive and an unknown item are 404', async () => {
    const user = await signIn(simulator, 'business')
    const other = await signIn(simulator, 'business')
    const theirs = await put(other, 'x', content(1))
    expect((await user.graph('GET', '/drives/b!none/root')).status).toBe(404)
    const { status, body } = await user.graph('GET', `/me/drive/items/${theirs.body.id}`)
    expect(status).toBe(404)
    expect(body.error).toMatchObject({ code: 'itemNotFound', message: 'Item not found' })
  })
})

describe('drive and items', () => {
  it('D.2 the drive tells its kind, owner and quota', async () => {
    const personal = await signIn(simulator, 'personal')
    expect((await personal.graph('GET', '/me/drive')).body).toMatchObject({
      driveType: 'personal',
      quota: { used: 0, deleted: 0, state: 'normal' },
    })
    const business = await signIn(simulator, 'business')
    const { body } = await business.graph('GET', '/me/drive?$select=id')
    expect(Object.keys(body).filter((key) => !key.startsWith('@'))).toEqual(['id'])
    expect((await business.graph('GET', `/drives/${body.id}`)).body.driveType).toBe('business')
  })

  it('D.2 the quota state follows what is left', async () => {
    const user = await signIn(simulator, 'business')
    await put(user, 'x', content(1000))
    const state = async (limitBytes: number) => {
      await control(simulator, 'POST', `accounts/${user.account}/quota`, { limitBytes })
      return (await user.graph('GET', '/me/drive')).body.quota.state
    }
    expect(await state(2000)).toBe('normal')
    expect(await state(1050)).toBe('nearing')
    expect(await state(1005)).toBe('critical')
    expect(await state(1000)).toBe('exceeded')
  })

  it('D.2 an item has numbers, tags, hashes and a download URL, and $select cuts it down', async () => {
    const user = await signIn(simulator, 'business')
    const { body } = await put(user, 'docs/x.pdf', Buffer.from('hello world'))
    expect(body).toMatchObject({
      name: 'x.pdf',
      size: 11,
      eTag: expect.stringMatching(/^"\{[0-9A-F-]{36}\},1"$/),
      cTag: expect.stringMatching(/^"c:\{[0-9A-F-]{36}\},1"$/),
      parentReference: { driveType: 'business', path: '/drive/root:/docs' },
      file: { mimeType: 'application/pdf', hashes: { quickXorHash: 'aCgDG9jwBhDc4Q1yawMZAAAAAAA=' } },
    })
    const bare = await user.graph('GET', `/me/drive/items/${body.id}?$select=id,size`)
    expect(Object.keys(bare.body).sort()).toEqual(['@odata.context', 'id', 'size'])
    const linked = await user.graph(
      'GET',
      `/me/drive/items/${body.id}?$select=id,@microsoft.graph.downloadUrl`,
    )
    expect(linked.body['@microsoft.graph.downloadUrl']).toMatch(/^http/)
  })

  it('D.2 the eTag changes with any change, the cTag with the content', async () => {
    const user = await signIn(simulator, 'personal')
    const first = (await put(user, 'x', content(4))).body
    const renamed = (await user.graph('PATCH', `/me/drive/items/${first.id}`, { json: { description: 'd' } }))
      .body
    expect(renamed.eTag).not.toBe(first.eTag)
    expect(renamed.cTag).toBe(first.cTag)
    const replaced = (await put(user, 'x', content(4, 2))).body
    expect(replaced.id).toBe(first.id)
    expect(replaced.cTag).not.toBe(first.cTag)
  })

  it('D.2 listing goes page by page through a link to follow as it is', async () => {
    const user = await signIn(simulator, 'business')
    for (const name of ['c', 'a', 'e', 'b', 'd']) await put(user, `list/${name}`, content(1))
    const first = await user.graph('GET', '/me/drive/root:/list:/children?$top=2&$select=name')
    expect(first.body.value).toEqual([{ name: 'a' }, { name: 'b' }])
    const headers = { authorization: `Bearer ${user.tokens.access_token}` }
    await user.graph('DELETE', '/me/drive/root:/list/b')
    const second = await send('GET', first.body['@odata.nextLink'], { headers })
    expect(second.body.value.map((item) => item.name)).toEqual(['c', 'd'])
    const third = await send('GET', second.body['@odata.nextLink'], { headers })
    expect(third.body.value.map((item) => item.name)).toEqual(['e'])
    expect(third.body).not.toHaveProperty('@odata.nextLink')
  })

  it('D.2 search finds names below a folder, without regard to case', async () => {
    const user = await signIn(simulator, 'personal')
    for (const name of ['in/Report-1.txt', 'in/deep/report-2.txt', 'in/other', 'report-3.txt']) {
      await put(user, name, content(1))
    }
    const names = async (path: string) =>
      (await user.graph('GET', path)).body.value.map((item) => item.name).sort()
    expect(await names("/me/drive/root:/in:/search(q='REPORT')")).toEqual(['Report-1.txt', 'report-2.txt'])
    expect(await names("/me/drive/root/search(q='report-3')")).toEqual(['report-3.txt'])
  })

  it('D.1 creating a folder that is there answers 409, and rename finds another name', async () => {
    const user = await signIn(simulator, 'business')
    expect((await folder(user, 'Backups')).status).toBe(201)
    const again = await folder(user, 'backups')
    expect(again.status).toBe(409)
    expect(again.body.error).toMatchObject({ code: 'nameAlreadyExists' })
    const json = { name: 'Backups', folder: {}, '@microsoft.graph.conflictBehavior': 'rename' }
    expect((await user.graph('POST', '/me/drive/root/children', { json })).body.name).toBe('Backups 1')
  })
})

describe('simple upload', () => {
  it('D.3 201 for a new file, 200 for a new version, of zero bytes too', async () => {
    const user = await signIn(simulator, 'business')
    const made = await put(user, 'x', content(0))
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({
      size: 0,
      file: { mimeType: 'application/octet-stream' },
    })
    const replaced = await put(user, 'x', content(7))
    expect(replaced.status).toBe(200)
    expect(replaced.body.size).toBe(7)
  })

  it('D.3 conflict behaviours: fail answers 409, rename keeps both', async () => {
    const user = await signIn(simulator, 'personal')
    await put(user, 'x.txt', content(1))
    const path = '/me/drive/root:/x.txt:/content?@microsoft.graph.conflictBehavior='
    const failed = await user.graph('PUT', `${path}fail`, { bytes: content(2) })
    expect(failed.status).toBe(409)
    expect(failed.body.error).toMatchObject({ code: 'nameAlreadyExists' })
    const renamed = await user.graph('PUT', `${path}rename`, { bytes: content(2) })
    expect(renamed.status).toBe(201)
    expect(renamed.body.name).toBe('x 1.txt')
    expect((await user.graph('PUT', `${path}other`, { bytes: content(2) })).status).toBe(400)
  })

  it('D.3 without a Content-Length the answer is 411', async () => {
    const user = await signIn(simulator, 'personal')
    const response = await fetch(`${simulator.origin}/v1.0/me/drive/root:/x:/content`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${user.tokens.access_token}` },
      body: new Blob(['abc']).stream(),
      duplex: 'half',
    })
    expect(response.status).toBe(411)
  })

  it('D.7 If-Match answers 412 for another version, and lets the right one through', async () => {
    const user = await signIn(simulator, 'business')
    const { body } = await put(user, 'x', content(1))
    const stale = await put(user, 'x', content(2), { 'if-match': '"{00},9"' })
    expect(stale.status).toBe(412)
    expect(stale.body.error).toMatchObject({ code: 'resourceModified' })
    expect((await put(user, 'x', content(2), { 'if-match': body.eTag })).status).toBe(200)
    expect((await put(user, 'x', content(2), { 'if-none-match': '*' })).status).toBe(412)
  })

  it('D.3 over the quota the answer is 507 and nothing is stored', async () => {
    const user = await signIn(simulator, 'business')
    await control(simulator, 'POST', `accounts/${user.account}/quota`, { limitBytes: 100 })
    const { status, body } = await put(user, 'x', content(101))
    expect(status).toBe(507)
    expect(body.error).toMatchObject({ code: 'quotaLimitReached', message: 'Insufficient Space Available' })
    expect(await usedBytes(user)).toBe(0)
    expect((await put(user, 'x', content(100))).status).toBe(201)
  })

  it('D.1 a token that may only read cannot write', async () => {
    const user = await signIn(simulator, 'business', 'Files.Read')
    const { status, body } = await put(user, 'x', content(1))
    expect(status).toBe(403)
    expect(body.error).toMatchObject({ code: 'accessDenied' })
  })
})

describe('download', () => {
  it('D.5 /content redirects to a pre-authenticated URL on another host name', async () => {
    const user = await signIn(simulator, 'business')
    const bytes = content(100_000)
    const { body } = await put(user, 'x', bytes)
    const redirect = await user.graph('GET', `/me/drive/items/${body.id}/content`)
    expect(redirect.status).toBe(302)
    const location = new URL(redirect.headers.get('location') ?? '')
    expect(location.hostname).not.toBe(new URL(simulator.origin).hostname)
    const followed = await fetch(`${simulator.origin}/v1.0/me/drive/items/${body.id}/content`, {
      headers: { authorization: `Bearer ${user.tokens.access_token}` },
    })
    expect(Buffer.from(await followed.arrayBuffer()).equals(bytes)).toBe(true)
  })

  it('D.5 a bearer on the download URL answers 401, none is needed', async () => {
    const user = await signIn(simulator, 'personal')
    const url = (await put(user, 'x', content(3))).body['@microsoft.graph.downloadUrl']
    const signed = await send('GET', url, {
      headers: { authorization: `Bearer ${user.tokens.access_token}` },
    })
    expect(signed.status).toBe(401)
    expect((await send('GET', url)).status).toBe(200)
    expect((await send('GET', `${url}x`)).status).toBe(401)
  })

  it.each([
    ['bytes=10-19', 10, 20],
    ['bytes=990-', 990, 1000],
    ['bytes=-5', 995, 1000],
    ['bytes=0-99999', 0, 1000],
  ])('D.5 Range %s answers 206 with just that', async (range, start, end) => {
    const user = await signIn(simulator, 'business')
    const bytes = content(1000)
    const url = (await put(user, 'x', bytes)).body['@microsoft.graph.downloadUrl']
    const response = await fetch(url, { headers: { range } })
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/1000`)
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(start, end))).toBe(true)
  })

  it('D.5 a range past the end, and any range of an empty file, answers 416', async () => {
    const user = await signIn(simulator, 'business')
    const url = (await put(user, 'x', content(10))).body['@microsoft.graph.downloadUrl']
    const past = await send('GET', url, { headers: { range: 'bytes=10-' } })
    expect(past.status).toBe(416)
    expect(past.headers.get('content-range')).toBe('bytes */10')
    const empty = (await put(user, 'y', content(0))).body['@microsoft.graph.downloadUrl']
    expect((await send('GET', empty, { headers: { range: 'bytes=0-0' } })).status).toBe(416)
  })

  it('D.5 the URL expires after an hour', async () => {
    const user = await signIn(simulator, 'personal')
    const url = (await put(user, 'x', content(3))).body['@microsoft.graph.downloadUrl']
    simulator.clock.advance(HOUR)
    expect((await send('GET', url)).status).toBe(401)
  })

  it('D.5 If-None-Match with the eTag answers 304', async () => {
    const user = await signIn(simulator, 'business')
    const { body } = await put(user, 'x', content(3))
    const path = `/me/drive/items/${body.id}/content`
    expect((await user.graph('GET', path, { headers: { 'if-none-match': body.eTag } })).status).toBe(304)
  })
})

describe('change', () => {
  it('D.2 PATCH renames, moves and sets times; a taken name answers 409', async () => {
    const user = await signIn(simulator, 'business')
    const { body: file } = await put(user, 'a/x', content(5))
    await put(user, 'b/x', content(6))
    const { body: b } = await user.graph('GET', '/me/drive/root:/b')
    const path = `/me/drive/items/${file.id}`
    const taken = await user.graph('PATCH', path, { json: { parentReference: { id: b.id } } })
    expect(taken.status).toBe(409)
    const fileSystemInfo = { lastModifiedDateTime: '2020-02-03T04:05:06Z' }
    const moved = await user.graph('PATCH', path, {
      json: { parentReference: { id: b.id }, name: 'y', fileSystemInfo },
    })
    expect(moved.body).toMatchObject({
      id: file.id,
      name: 'y',
      fileSystemInfo,
      parentReference: { id: b.id },
    })
    expect((await user.graph('GET', '/me/drive/root:/a')).body).toMatchObject({
      size: 0,
      folder: { childCount: 0 },
    })
    expect((await user.graph('GET', '/me/drive/root:/b')).body).toMatchObject({
      size: 11,
      folder: { childCount: 2 },
    })
  })

  it('D.2 a folder cannot move below itself', async () => {
    const user = await signIn(simulator, 'personal')
    await put(user, 'a/b/x', content(1))
    const { body: b } = await user.graph('GET', '/me/drive/root:/a/b')
    const moved = await user.graph('PATCH', '/me/drive/root:/a', { json: { parentReference: { id: b.id } } })
    expect(moved.status).toBe(400)
  })

  it('D.7 PATCH and DELETE with an old eTag answer 412', async () => {
    const user = await signIn(simulator, 'business')
    const { body } = await put(user, 'x', content(1))
    const headers = { 'if-match': '"{00},7"' }
    const path = `/me/drive/items/${body.id}`
    expect((await user.graph('PATCH', path, { json: { name: 'y' }, headers })).status).toBe(412)
    expect((await user.graph('DELETE', path, { headers })).status).toBe(412)
    expect((await user.graph('DELETE', path, { headers: { 'if-match': body.eTag } })).status).toBe(204)
  })

  it('F.2 a copy answers 202 with a monitor, and the copy has the same content', async () => {
    const user = await signIn(simulator, 'personal')
    const { body: file } = await put(user, 'in/x.bin', content(5000))
    await put(user, 'in/deep/y.bin', content(10))
    const finish = async (path: string, json: unknown) => {
      const started = await user.graph('POST', path, { json })
      expect(started.status).toBe(202)
      let state = await send('GET', started.headers.get('location') ?? '')
      while (state.body.status === 'inProgress')
        state = await send('GET', started.headers.get('location') ?? '')
      return state.body
    }
    const done = await finish(`/me/drive/items/${file.id}/copy`, { name: 'z.bin' })
    expect(done).toMatchObject({ status: 'completed', percentageComplete: 100 })
    const copied = await user.graph('GET', `/me/drive/items/${done.resourceId}`)
    expect(copied.body.file).toEqual(file.file)
    expect((await finish('/me/drive/root:/in:/copy', { name: 'out' })).status).toBe('completed')
    expect((await user.graph('GET', '/me/drive/root:/out/deep/y.bin')).body.size).toBe(10)
    const clash = await finish(`/me/drive/items/${file.id}/copy`, { name: 'z.bin' })
    expect(clash).toMatchObject({ status: 'failed', errorCode: 'nameAlreadyExists' })
  })
})

describe('versions', () => {
  it('D.4 lists what a file held before, the newest first, and restores it as a new version', async () => {
    const user = await signIn(simulator, 'business')
    const { id } = (await put(user, 'v.txt', content(10))).body
    const { quickXorHash } = (await user.graph('GET', `/me/drive/items/${id}`)).body.file.hashes
    await put(user, 'v.txt', content(20))
    const listed = (await user.graph('GET', `/me/drive/items/${id}/versions`)).body.value
    expect(listed.map((version: object) => 'size' in version && version.size)).toEqual([20, 10])
    const restore = `/me/drive/items/${id}/versions/1.0/restoreVersion`
    expect((await user.graph('POST', restore)).status).toBe(204)
    const now = (await user.graph('GET', `/me/drive/items/${id}`)).body
    expect([now.size, now.file.hashes.quickXorHash]).toEqual([10, quickXorHash])
    expect((await user.graph('GET', `/me/drive/items/${id}/versions`)).body.value).toHaveLength(3)
    const unknown = `/me/drive/items/${id}/versions/99.0/restoreVersion`
    expect((await user.graph('POST', unknown)).status).toBe(404)
  })
})

describe('delete', () => {
  it('D.6 a deleted file is gone, and goes on using quota in the recycle bin', async () => {
    const user = await signIn(simulator, 'business')
    const { body } = await put(user, 'a/x', content(500))
    expect((await user.graph('DELETE', '/me/drive/root:/a')).status).toBe(204)
    expect((await user.graph('GET', `/me/drive/items/${body.id}`)).status).toBe(404)
    expect((await user.graph('DELETE', '/me/drive/root:/a')).status).toBe(404)
    expect((await user.graph('GET', '/me/drive')).body.quota).toMatchObject({ used: 500, deleted: 500 })
    const [file] = await control(simulator, 'GET', `files?account=${user.account}`)
    expect(file).toMatchObject({ path: '/a/x', trashed: true })
    expect((await put(user, 'a/x', content(1))).status).toBe(201)
  })

  it('D.6 permanentDelete frees the space for work accounts, personal ones answer 501', async () => {
    const business = await signIn(simulator, 'business')
    await put(business, 'a/x', content(500))
    expect((await business.graph('POST', '/me/drive/root:/a:/permanentDelete')).status).toBe(204)
    expect(await usedBytes(business)).toBe(0)
    const personal = await signIn(simulator, 'personal')
    await put(personal, 'x', content(5))
    expect((await personal.graph('POST', '/me/drive/root:/x:/permanentDelete')).status).toBe(501)
  })
})

describe('errors', () => {
  it('D.7 the envelope has a code, a message and innerError with the request ids', async () => {
    const user = await signIn(simulator, 'business')
    const headers = { 'client-request-id': 'my-id' }
    const { body, headers: got } = await user.graph('GET', '/me/drive/root:/none', { headers })
    expect(body.error).toMatchObject({
      code: 'itemNotFound',
      innerError: { 'client-request-id': 'my-id', 'request-id': got.get('request-id') },
    })
  })

  it('D.7 no bearer and a foreign bearer answer InvalidAuthenticationToken', async () => {
    const bare = await send('GET', `${simulator.origin}/v1.0/me/drive`)
    expect(bare.status).toBe(401)
    expect(bare.body.error).toMatchObject({
      code: 'InvalidAuthenticationToken',
      message: 'Access token is empty.',
    })
    const foreign = await send('GET', `${simulator.origin}/v1.0/me`, {
      headers: { authorization: 'Bearer x' },
    })
    expect(foreign.status).toBe(401)
  })

  it('D.7 expire-tokens ends the access tokens, a refreshed one works', async () => {
    const user = await signIn(simulator, 'personal')
    await control(simulator, 'POST', `accounts/${user.account}/expire-tokens`)
    expect((await user.graph('GET', '/me')).status).toBe(401)
    const again = await signIn(simulator, 'personal')
    expect((await again.graph('GET', '/me')).status).toBe(200)
  })

  it('D.8 injected throttling carries Retry-After, 429 by itself and 503 as told', async () => {
    const user = await signIn(simulator, 'business')
    await fault(simulator, { path: '/me/drive' }, { type: 'status', status: 429 })
    const throttled = await user.graph('GET', '/me/drive')
    expect(throttled.status).toBe(429)
    expect(throttled.headers.get('retry-after')).toBe('1')
    expect(throttled.body.error).toMatchObject({
      code: 'activityLimitReached',
      innerError: { code: 'throttledRequest' },
    })
    const headers = { 'retry-after': '41' }
    await fault(simulator, { path: '/me/drive' }, { type: 'status', status: 503, headers })
    const busy = await user.graph('GET', '/me/drive')
    expect(busy.headers.get('retry-after')).toBe('41')
    expect(busy.body.error).toMatchObject({ code: 'serviceNotAvailable' })
  })

  it('D.7 what is not simulated says so, and is not taken for an answer of Graph', async () => {
    const user = await signIn(simulator, 'business')
    for (const [method, path] of [
      ['POST', '/me/drive/root:/x:/nothing'],
      ['GET', '/me/messages'],
    ] as const) {
      const { status, body } = await user.graph(method, path)
      expect({ status, error: body.error }).toMatchObject({ status: 501, error: { code: 'notSimulated' } })
    }
  })

  it('D.1 a path in the place of an id may be escaped, as the official SDKs do', async () => {
    const user = await signIn(simulator, 'business')
    const made = await user.graph('PUT', '/me/drive/items/root%3A%2Fin%20a%2Fb%20%25.txt%3A/content', {
      bytes: Buffer.from('x'),
    })
    expect(made.status).toBe(201)
    expect((await user.graph('GET', '/me/drive/root:/in%20a/b%20%25.txt')).body.id).toBe(made.body.id)
  })

  it('D.1 slashes that follow each other in a path count as one', async () => {
    const user = await signIn(simulator, 'personal')
    const { status, body } = await user.graph('GET', '//me///drive?$select=driveType')
    expect({ status, driveType: body.driveType }).toEqual({ status: 200, driveType: 'personal' })
  })

  it('D.9 the clock moves by the control API too', async () => {
    const before = simulator.clock.now()
    await control(simulator, 'POST', 'clock', { advanceMs: DAY })
    expect(simulator.clock.now() - before).toBeGreaterThanOrEqual(DAY)
  })
})
