import { describe, expect, it } from 'vitest'
import type { Changes } from '../lib/storage/driver.ts'
import { contentOf } from '../lib/storage/bytes.ts'
import { where } from '../test/support/where.ts'
import type { Stage } from './stage.ts'
import { never, put } from './stage.ts'

const ofDriver = (at: Stage): Changes => at.driver.changes ?? never()

/** What the list of changes says of each object, to its end, and where it goes on. */
async function told(changes: Changes, from: string) {
  const all = new Map<string, unknown>()
  for (let cursor = from; ;) {
    const page = (await changes.since(cursor)) ?? never()
    for (const { key, seen } of page.changed)
      all.set(key, 'gone' in seen ? seen.gone : { name: seen.entry.name, size: seen.entry.size })
    if (!page.more) return { all, next: page.next }
    cursor = page.next
  }
}

/** What happens to the objects of an account. */
export function whatChanges(at: Stage): void {
  where(at.sample.changes !== undefined, () => {
    describe('changes', () => {
      it('are told from a cursor on, each object as it is now, and then no more', async () => {
        const first = await put(at.driver)
        const start = await ofDriver(at).begin()
        expect((await told(ofDriver(at), start)).all).toEqual(new Map())
        const second = await put(at.driver, { id: 'doc-2', content: contentOf(Buffer.from('second')) })
        const written = await told(ofDriver(at), start)
        expect(written.all).toEqual(new Map([[second.objectKey, { name: 'doc-2.txt', size: 6 }]]))
        await at.driver.renaming?.rename(first.objectKey, 'other.txt')
        await at.world.removeAsUser(second.objectKey)
        const { all, next } = await told(ofDriver(at), written.next)
        expect(all.get(first.objectKey)).toEqual({ name: 'other.txt', size: 5 })
        expect(all.get(second.objectKey)).toMatch(/^(?:trashed|removed)$/)
        expect((await told(ofDriver(at), next)).all).toEqual(new Map())
      })

      it('an object is looked at as it is: there, in its folder, or gone', async () => {
        const { objectKey: key, etag, place } = await put(at.driver)
        expect(place).not.toBe('')
        expect(await ofDriver(at).look(key)).toMatchObject({ entry: { objectKey: key, etag, place } })
        await at.world.removeAsUser(key)
        expect(await ofDriver(at).look(key)).toHaveProperty('gone')
      })
    })
  })
}
