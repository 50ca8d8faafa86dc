import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Json, Signed } from './support.ts'
import { content, control, fragment, send, signIn, UNIT, useSimulator } from './support.ts'

const simulator = useSimulator()
const kinds = ['personal', 'business'] as const

async function put(user: Signed, path: string, text: string): Promise<Json> {
  simulator.clock.advance(1000)
  const answer = await user.graph('PUT', `/me/drive/root:/${path}:/content`, { bytes: Buffer.from(text) })
  expect([200, 201]).toContain(answer.status)
  return answer.body
}

async function stored(user: Signed, path: string, ...texts: readonly string[]): Promise<Json> {
  let item: Json | undefined
  for (const text of texts) item = await put(user, path, text)
  if (item === undefined) throw new Error('nothing was stored')
  return item
}

async function versions(user: Signed, id: string): Promise<{ id: string; size: number }[]> {
  const { status, text } = await user.graph('GET', `/me/drive/items/${id}/versions`)
  expect(status).toBe(200)
  const { value }: { value: { id: string; size: number }[] } = JSON.parse(text)
  return value.map(({ id, size }) => ({ id, size }))
}

async function versionContent(user: Signed, id: string, version: string): Promise<string> {
  const { status, headers } = await user.graph('GET', `/me/drive/items/${id}/versions/${version}/content`)
  expect(status).toBe(302)
  return (await send('GET', headers.get('location') ?? '')).text
}

async function shown(user: Signed, id: string): Promise<string> {
  const { headers } = await user.graph('GET', `/me/drive/items/${id}/content`)
  return (await send('GET', headers.get('location') ?? '')).text
}

describe.each(kinds)('D.8 versions of a %s account', (kind) => {
  it('D.8 are all contents that a file had, what is shown first', async () => {
    const user = await signIn(simulator, kind)
    const { id } = await stored(user, 'v.txt', 'one', 'second', 'the third')
    expect(await versions(user, id)).toEqual([
      { id: '3.0', size: 9 },
      { id: '2.0', size: 6 },
      { id: '1.0', size: 3 },
    ])
    const { body } = await user.graph('GET', `/me/drive/items/${id}/versions/2.0`)
    expect(body).toMatchObject({ id: '2.0', size: 6, lastModifiedBy: { user: {} } })
    expect(await versionContent(user, id, '1.0')).toBe('one')
  })

  it('D.8 a version is shown again as a new one, and nothing is lost', async () => {
    const user = await signIn(simulator, kind)
    const { id, cTag } = await stored(user, 'r.txt', 'one', 'two!')
    expect((await user.graph('POST', `/me/drive/items/${id}/versions/1.0/restoreVersion`)).status).toBe(204)
    expect(await shown(user, id)).toBe('one')
    expect((await versions(user, id)).map((version) => version.id)).toEqual(['3.0', '2.0', '1.0'])
    const { body } = await user.graph('GET', `/me/drive/items/${id}`)
    expect(body.size).toBe(3)
    expect(body.cTag).not.toBe(cTag)
    expect(await versionContent(user, id, '2.0')).toBe('two!')
  })

  it('D.8 what is shown is no past version: its content and its restoring are refused', async () => {
    const user = await signIn(simulator, kind)
    const { id } = await stored(user, 'c.txt', 'one', 'two')
    const of = (version: string): string => `/me/drive/items/${id}/versions/${version}`
    expect((await user.graph('GET', `${of('2.0')}/content`)).status).toBe(400)
    expect((await user.graph('POST', `${of('current')}/restoreVersion`)).status).toBe(400)
    expect((await user.graph('GET', of('7.0'))).status).toBe(404)
    expect((await user.graph('POST', `${of('7.0')}/restoreVersion`)).status).toBe(404)
  })

  it('D.8 a session makes a version; a new name or a folder does not', async () => {
    const user = await signIn(simulator, kind)
    const { id } = await stored(user, 's.bin', 'small')
    await user.graph('PATCH', `/me/drive/items/${id}`, { json: { name: 't.bin' } })
    expect(await versions(user, id)).toHaveLength(1)
    const bytes = content(UNIT + 5)
    const opened = await user.graph('POST', '/me/drive/root:/t.bin:/createUploadSession', { json: {} })
    expect((await fragment(opened.body.uploadUrl, bytes, 0, bytes.length)).status).toBe(200)
    expect((await versions(user, id)).map(({ size }) => size)).toEqual([bytes.length, 5])
    expect((await user.graph('GET', '/me/drive/root/versions')).status).toBe(400)
  })

  it('D.8 a URL of a version opens that version alone, and only of living items', async () => {
    const user = await signIn(simulator, kind)
    const { id } = await stored(user, 'u.txt', 'one', 'two')
    const { headers } = await user.graph('GET', `/me/drive/items/${id}/versions/1.0/content`)
    const url = new URL(headers.get('location') ?? '')
    url.searchParams.delete('Version')
    expect((await send('GET', url.href)).status).toBe(401)
    await user.graph('DELETE', `/me/drive/items/${id}`)
    expect((await send('GET', headers.get('location') ?? '')).status).toBe(404)
  })
})

it('D.8 a personal account keeps 25 versions, and no bytes of those that went', async () => {
  const user = await signIn(simulator, 'personal')
  const blobs = async (): Promise<number> => (await readdir(join(simulator.stateDir, 'blobs'))).length
  const before = await blobs()
  const { id } = await stored(
    user,
    'many.txt',
    ...Array.from({ length: 30 }, (_, at) => `content ${String(at)}`),
  )
  const kept = await versions(user, id)
  expect([kept.length, kept[0]?.id, kept.at(-1)?.id]).toEqual([25, '30.0', '6.0'])
  expect((await blobs()) - before).toBe(25)
})

describe('D.6 restoring from the recycle bin', () => {
  it('D.6 brings an item back with its content, its versions and its quota', async () => {
    const user = await signIn(simulator, 'personal')
    const { id } = await stored(user, 'folder/b.txt', 'one', 'two')
    await user.graph('DELETE', `/me/drive/items/${id}`)
    const { status, body } = await user.graph('POST', `/me/drive/items/${id}/restore`, { json: {} })
    expect({ status, id: body.id, name: body.name }).toEqual({ status: 200, id, name: 'b.txt' })
    expect(await shown(user, id)).toBe('two')
    expect(await versions(user, id)).toHaveLength(2)
    expect((await user.graph('GET', '/me/drive')).body.quota).toMatchObject({ deleted: 0 })
    expect((await control(simulator, 'GET', `files?account=${user.account}`))[0]?.trashed).toBe(false)
  })

  it('D.6 takes another folder and name, and refuses a name that is taken and what is not in the bin', async () => {
    const user = await signIn(simulator, 'personal')
    const { id } = await stored(user, 'x.txt', 'one')
    const folder = await stored(user, 'there/y.txt', 'y')
    const restore = (json: object) => user.graph('POST', `/me/drive/items/${id}/restore`, { json })
    expect((await restore({})).status).toBe(404)
    await user.graph('DELETE', `/me/drive/items/${id}`)
    await stored(user, 'x.txt', 'another')
    expect((await restore({})).status).toBe(409)
    const { status, body } = await restore({
      parentReference: { id: folder.parentReference.id },
      name: 'z.txt',
    })
    expect({ status, parent: body.parentReference.id }).toEqual({
      status: 200,
      parent: folder.parentReference.id,
    })
  })

  it('D.6 is refused where the folder is gone too, and by work accounts', async () => {
    const user = await signIn(simulator, 'personal')
    const { id, parentReference } = await stored(user, 'gone/g.txt', 'one')
    await user.graph('DELETE', `/me/drive/items/${id}`)
    await user.graph('DELETE', `/me/drive/items/${parentReference.id}`)
    expect((await user.graph('POST', `/me/drive/items/${id}/restore`, { json: {} })).status).toBe(404)
    const work = await signIn(simulator, 'business')
    const file = await stored(work, 'w.txt', 'one')
    await work.graph('DELETE', `/me/drive/items/${file.id}`)
    expect((await work.graph('POST', `/me/drive/items/${file.id}/restore`, { json: {} })).status).toBe(501)
  })
})
