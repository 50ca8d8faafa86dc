import { describe, expect, it } from 'vitest'
import { userId, userKeyOf } from '../lib/ids.ts'
import { contentOf } from '../lib/storage/bytes.ts'
import type { Plan } from '../lib/storage/driver.ts'
import { PlaceTaken } from '../lib/storage/free-name.ts'
import { writeWhole } from '../lib/storage/write-whole.ts'
import { breaking, bytesOf, generated, ofWrongLength } from '../test/support/content.ts'
import { where } from '../test/support/where.ts'
import type { Stage } from './stage.ts'
import { alice, CHUNK_SIZE, failureOf, never, nothing, only, put } from './stage.ts'

/** What is written where, and what is left when that goes wrong. */
export function writing(at: Stage): void {
  const { subject, sample } = at
  describe('replacing', () => {
    it.each([0, 7, 6_000_000])('by %i bytes keeps the key and leaves one object', async (size) => {
      const { objectKey: key } = await put(at.driver, { content: generated(100, 9) })
      const entry = await put(at.driver, {
        content: generated(size),
        target: { kind: 'replace', objectKey: key },
      })
      expect(entry.objectKey).toBe(key)
      expect(await at.standing()).toEqual(only(await bytesOf(generated(size).open())))
      expect(await at.backend.statObject(key)).toBe(size)
    })

    it('changes the etag', async () => {
      const first = await put(at.driver)
      const target = { kind: 'replace', objectKey: first.objectKey } as const
      await put(at.driver, { content: contentOf(Buffer.from('other')), target })
      expect((await at.driver.stat(first.objectKey)).etag).not.toBe(first.etag)
    })

    it('leaves what was there when the new content breaks off', async () => {
      const { objectKey: key } = await put(at.driver)
      const content = breaking(100_000, 50_000, new Error('the disk is gone'))
      await failureOf(put(at.driver, { content, target: { kind: 'replace', objectKey: key } }))
      expect(await at.standing()).toEqual(only(Buffer.from('hello')))
    })
  })

  describe('creating', () => {
    it('never writes over what stands there', async () => {
      const first = await put(at.driver)
      const second = await put(at.world.driver(), { content: contentOf(Buffer.from('second')) })
      const large = await put(at.world.driver(), { content: generated(CHUNK_SIZE + 1) })
      expect(new Set([first, second, large].map((entry) => entry.objectKey)).size).toBe(3)
      const held = await at.world.held()
      expect(held.map((file) => file.size).sort((a, b) => a - b)).toEqual([5, 6, CHUNK_SIZE + 1])
      expect(held.find((file) => file.size === 5)?.name).toBe('doc-1.txt')
      for (const { name } of held) expect(name).toMatch(/^doc-1(?: \([0-9a-f]{8}\))?\.txt$/)
    })

    where(!sample.places, () => {
      it('says that the place is taken, and leaves what is there', async () => {
        await put(at.driver)
        const plan = (size: number): Plan => ({
          userId: alice,
          contentType: 'text/plain',
          size,
          target: { kind: 'new', file: 'doc-1.txt' },
        })
        const empty = contentOf(Buffer.alloc(0))
        expect(await failureOf(at.driver.write(plan(0), empty))).toBeInstanceOf(PlaceTaken)
        const { sessions } = at.driver
        if (sessions) expect(await failureOf(sessions.begin(plan(100)))).toBeInstanceOf(PlaceTaken)
        expect(await at.standing()).toEqual(only(Buffer.from('hello')))
      })
    })

    where(sample.history !== undefined, () => {
      it('gives back what stood before, if that is what was wanted', async () => {
        const before = await put(at.driver)
        const { objectKey: key } = before
        const owner = { userId: alice, contentType: 'text/plain' }
        for (const text of ['other', 'world', '!']) {
          const plan = {
            ...owner,
            size: text.length,
            target: { kind: 'replace', objectKey: key },
          } as const
          await writeWhole(at.driver, plan, contentOf(Buffer.from(text)))
        }
        const { size, etag } = await at.driver.stat(before.objectKey)
        expect(size).toBe(1)
        const version = { ...owner, size: 5, revision: before.etag ?? never() }
        const { history = never() } = at.driver
        const [[algorithm, hash] = never()] = Object.entries(before.checksums)
        const restored = await history.restore(key, version, ({ checksums }) => {
          return checksums[algorithm as keyof typeof checksums] === hash
        })
        expect(restored).toMatchObject({ objectKey: key, size: 5 })
        expect(restored?.etag).not.toBe(etag)
        expect(await at.standing()).toEqual(only(Buffer.from('hello')))
        const none = { ...version, size: 77, revision: 'unknown' }
        const answer = history.restore(key, none, () => false)
        expect(await answer.catch(() => undefined)).toBeUndefined()
      })
    })

    where(sample.renaming !== undefined && !sample.places, () => {
      it('does not rename over what stands there', async () => {
        const { objectKey: key } = await put(at.driver)
        await put(at.driver, { id: 'doc-2' })
        const renamed = at.driver.renaming?.rename(key, 'doc-2.txt') ?? never()
        expect(await failureOf(renamed)).toBeInstanceOf(PlaceTaken)
        expect(await at.world.held()).toHaveLength(2)
      })
    })
  })

  describe('names', () => {
    it.each(['auth0|5f7c8ec7c33c6c004bbafe82', 'a/../../b', 'ünïcødé 用户', 'x'.repeat(300), '.'])(
      'keeps the user id %o out of paths',
      async (user) => {
        const { objectKey: key } = await put(at.driver, { user })
        expect(await at.backend.statObject(key)).toBe(5)
        expect(await at.world.held()).toMatchObject([
          { path: subject.pathOf(userKeyOf(userId(user)), 'doc-1.txt') },
        ])
      },
    )

    it('takes every document id that our own rules allow', async () => {
      for (const id of ['CON', 'nul', 'a..', 'x_vti_y', 'desktop', 'A'.repeat(128), '0-._']) {
        const { objectKey: key } = await put(at.driver, { id, extension: '' })
        expect(await at.backend.statObject(key)).toBe(5)
      }
      expect(await at.world.held()).toHaveLength(7)
    })

    it('does not take two documents for one whose ids differ in case only', async () => {
      const lower = await put(at.driver, { id: 'note', content: contentOf(Buffer.from('lower')) })
      const upper = await put(at.driver, { id: 'NOTE', content: contentOf(Buffer.from('upper')) })
      const upperAgain = await put(at.world.driver(), {
        id: 'NOTE',
        content: contentOf(Buffer.from('UPPER')),
        target: { kind: 'replace', objectKey: upper.objectKey },
      })
      expect(upper.objectKey).not.toBe(lower.objectKey)
      expect(upperAgain.objectKey).toBe(upper.objectKey)
      expect((await bytesOf((await at.backend.getObject(lower.objectKey)).body)).toString()).toBe('lower')
      expect((await bytesOf((await at.backend.getObject(upper.objectKey)).body)).toString()).toBe('UPPER')
    })

    it('does not let a content type break a header or ask for a conversion', async () => {
      const plain = ['application/vnd.google-apps.document']
      for (const contentType of ['text/plain\r\nx-evil: 1', 'ü', ...plain]) {
        const content = contentOf(Buffer.from('typed'))
        const entry = await put(at.driver, { id: 'typed', extension: '.bin', content, contentType })
        const { size, contentType: kept } = await at.driver.stat(entry.objectKey)
        expect(size).toBe(5)
        const allowed = ['application/octet-stream', ...plain.filter((type) => type === contentType)]
        expect(kept).toBeOneOf(subject.typeless ? [undefined] : allowed)
      }
    })
  })

  describe('sources that go wrong', () => {
    const broken = new Error('the disk is gone')
    it.each([
      ['fails midway', breaking(100_000, 60_000, broken), 'internal_error'],
      ['fails before its first byte', breaking(100_000, 0, broken), 'internal_error'],
      ['fails midway in a large document', breaking(15_000_000, 12_000_000, broken), 'internal_error'],
      ['ends short', ofWrongLength(100_000, 99_999), 'invalid_request'],
      ['ends short in a large document', ofWrongLength(15_000_000, 12_000_000), 'invalid_request'],
      ['is empty', ofWrongLength(10, 0), 'invalid_request'],
      ['goes on too long', ofWrongLength(100_000, 100_001), 'invalid_request'],
      ['has bytes although it should be empty', ofWrongLength(0, 3), 'invalid_request'],
    ])('one that %s leaves nothing at the provider', async (_what, content, code) => {
      const error = await failureOf(put(at.driver, { content }))
      expect(error.code).toBe(code)
      expect(error.retry.retryable).toBe(false)
      expect(await at.standing()).toEqual(nothing)
    })

    it('a source that cannot be opened is an error of its own', async () => {
      const content = {
        size: 3,
        open(): never {
          throw broken
        },
      }
      expect((await failureOf(put(at.driver, { content }))).code).toBe('internal_error')
      expect(await at.standing()).toEqual(nothing)
    })

    it('a caller that gives up leaves nothing at the provider', async () => {
      const given = new AbortController()
      const content = generated(15_000_000)
      const open = content.open.bind(content)
      content.open = (range) => open(range).once('data', () => given.abort())
      await failureOf(put(at.driver, { content, signal: given.signal }))
      expect(await at.standing()).toEqual(nothing)
    })
  })
}
