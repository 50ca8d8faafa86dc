import * as z from 'zod/mini'
import { describe, expect, it } from 'vitest'
import type { Signed } from './support.ts'
import { control, send, signIn, useSimulator } from './support.ts'

const simulator = useSimulator()
const kinds = ['personal', 'business'] as const
const page = z.object({
  value: z.array(
    z.object({
      id: z.string(),
      name: z.optional(z.string()),
      file: z.optional(z.unknown()),
      deleted: z.optional(z.object({ state: z.string() })),
    }),
  ),
  '@odata.nextLink': z.optional(z.string()),
  '@odata.deltaLink': z.optional(z.string()),
})

async function put(user: Signed, path: string, text: string): Promise<string> {
  const { body } = await user.graph('PUT', `/me/drive/root:/${path}:/content`, { bytes: Buffer.from(text) })
  return body.id
}

/** What is told of files, as names or `deleted`, over all pages, and the next link to ask. */
async function follow(user: Signed, first: string) {
  const told: [string, string | undefined][] = []
  const folders = new Set<string>()
  for (let url: string | undefined = first, pages = 1; ; pages += 1) {
    const { status, text } = await send('GET', url, {
      headers: { authorization: `Bearer ${user.tokens.access_token}` },
    })
    expect(status).toBe(200)
    const { value, '@odata.nextLink': next, '@odata.deltaLink': end } = page.parse(JSON.parse(text))
    for (const item of value)
      if (item.file === undefined) folders.add(item.name ?? 'deleted')
      else told.push([item.id, item.deleted === undefined ? item.name : item.deleted.state])
    if (next === undefined) return { told, folders, end: end ?? '', pages }
    url = next
  }
}
const itemOf = (id: string): string => `/me/drive/items/${id}`
const deltaOf = (query = ''): string => `${simulator.origin}/v1.0/me/drive/root/delta${query}`

describe.each(kinds)('D.9 delta of a %s account', (kind) => {
  it('enumerates the drive, then tells what has changed, each item once as it is now', async () => {
    const user = await signIn(simulator, kind)
    const [a, b, c] = [
      await put(user, 'd/a.txt', 'a'),
      await put(user, 'b.txt', 'b'),
      await put(user, 'c.txt', 'c'),
    ]
    const whole = await follow(user, deltaOf('?$top=2'))
    expect(new Set(whole.told.map(([, name]) => name))).toEqual(new Set(['a.txt', 'b.txt', 'c.txt']))
    expect(whole.pages).toBe(3)
    expect((await follow(user, whole.end)).told).toEqual([])
    await put(user, 'd/a.txt', 'edited')
    await user.graph('PATCH', itemOf(a), { json: { name: 'renamed.txt' } })
    await user.graph('DELETE', itemOf(b))
    // Personal accounts cannot delete for good; delta does not tell the one from the other.
    const goes =
      kind === 'personal'
        ? user.graph('DELETE', itemOf(c))
        : user.graph('POST', `${itemOf(c)}/permanentDelete`)
    expect((await goes).status).toBe(204)
    const { told, folders, end } = await follow(user, whole.end)
    expect(told).toEqual([
      [a, 'renamed.txt'],
      [b, 'deleted'],
      [c, 'deleted'],
    ])
    // The folders above come along, as they do when something in them changes.
    expect(folders).toContain('d')
    expect((await follow(user, end)).told).toEqual([])
  })

  it('begins now with token=latest, in either spelling', async () => {
    const user = await signIn(simulator, kind)
    await put(user, 'before.txt', 'x')
    const now = await follow(user, deltaOf('?token=latest'))
    expect(now.told).toEqual([])
    expect((await follow(user, deltaOf("(token='latest')"))).told).toEqual([])
    const id = await put(user, 'after.txt', 'x')
    expect((await follow(user, now.end)).told).toEqual([[id, 'after.txt']])
  })

  it('tells what was in a folder that went to the recycle bin', async () => {
    const user = await signIn(simulator, kind)
    const inside = await put(user, 'f/inside.txt', 'x')
    const { body } = await user.graph('GET', '/me/drive/root:/f')
    const { end } = await follow(user, deltaOf('?token=latest'))
    await user.graph('DELETE', `/me/drive/items/${body.id}`)
    const gone = await follow(user, end)
    expect(gone.told).toEqual([[inside, 'deleted']])
    if (kind === 'business') return
    await user.graph('POST', `/me/drive/items/${body.id}/restore`, { json: {} })
    expect((await follow(user, gone.end)).told).toEqual([[inside, 'inside.txt']])
  })

  it('answers 410 to a token from too long ago, and says where to begin anew', async () => {
    const user = await signIn(simulator, kind)
    const id = await put(user, 'x.txt', 'x')
    const { end } = await follow(user, deltaOf('?token=latest'))
    await control(simulator, 'DELETE', 'cursors')
    const refused = await send('GET', end, {
      headers: { authorization: `Bearer ${user.tokens.access_token}` },
    })
    expect(refused.status).toBe(410)
    expect(refused.body.error).toMatchObject({
      code: 'resyncRequired',
      innerError: { code: 'resyncChangesApplyDifferences' },
    })
    expect((await follow(user, refused.headers.get('location') ?? '')).told).toEqual([[id, 'x.txt']])
  })

  it('leaves out what $select does not name, and refuses what is no token', async () => {
    const user = await signIn(simulator, kind)
    const id = await put(user, 'x.txt', 'x')
    const { end } = await follow(user, deltaOf('?token=latest&$select=id,file'))
    await user.graph('DELETE', `/me/drive/items/${id}`)
    expect((await follow(user, end)).told).toEqual([[id, undefined]])
    expect((await user.graph('GET', '/me/drive/root/delta?token=nonsense')).status).toBe(400)
  })
})

it('D.9 is not for the scope of the app folder', async () => {
  const user = await signIn(simulator, 'personal', 'offline_access User.Read Files.ReadWrite.AppFolder')
  expect((await user.graph('GET', '/me/drive/root/delta')).status).toBe(403)
})
