import { beforeEach, describe, expect, it } from 'vitest'
import { isServiceError, NotSupportedError } from '../lib/errors.ts'
import type { ObjectKey } from '../lib/ids.ts'
import { objectKey, parseDocumentId, parseExtension, userId, userKeyOf } from '../lib/ids.ts'
import { contentOf, digestOf } from '../lib/storage/bytes.ts'
import { bytesAt, bytesOf, generated, sha256Of } from '../test/support/content.ts'
import { where } from '../test/support/where.ts'
import type { Stage } from './stage.ts'
import { alice, CHUNK_SIZE, failureOf, never, put } from './stage.ts'

const failureCode = (error: unknown): unknown => (isServiceError(error) ? error.code : error)

/** The seven methods, and what they answer. */
export function theSevenMethods(at: Stage): void {
  const { subject, sample } = at
  const { hash } = at.sample.traits
  describe('the seven methods', () => {
    it('store, tell the size of, give back and delete a document', async () => {
      const id = parseDocumentId('doc-1') ?? never()
      const extension = parseExtension('.txt') ?? never()
      const content = contentOf(Buffer.from('hello'))
      const key = await at.backend.putObject(alice, id, content, extension, 'text/plain')
      expect(await at.backend.statObject(key)).toBe(5)
      const got = await at.backend.getObject(key)
      expect(got).toMatchObject({ size: 5, contentLength: 5 })
      expect(got.contentType).toBe(subject.typeless ? 'application/octet-stream' : 'text/plain')
      expect(got.etag).not.toContain('"')
      expect(got.range).toBeUndefined()
      expect((await bytesOf(got.body)).toString()).toBe('hello')
      await at.backend.deleteObject(key)
      await at.backend.deleteObject(key)
      expect((await failureOf(at.backend.statObject(key))).code).toBe('object_missing')
      expect((await failureOf(at.backend.getObject(key))).code).toBe('object_missing')
      expect((await failureOf(at.backend.getObject(key, { start: 0 }))).code).toBe('object_missing')
      expect(await at.world.held()).toEqual([])
    })

    it('delete into the trash where there is one, and past it when that is asked', async () => {
      const [first, second] = [await put(at.driver, { id: 'a' }), await put(at.driver, { id: 'b' })]
      await at.driver.remove(first.objectKey)
      const binned = (await at.world.binned?.()) ?? 0
      await at.driver.remove(second.objectKey, { permanent: true })
      expect(await at.world.held()).toEqual([])
      expect((await failureOf(at.driver.stat(second.objectKey))).code).toBe('object_missing')
      expect((await at.world.binned?.()) ?? 0).toBe(binned + (subject.alwaysBins ? 1 : 0))
      // What was done and is asked for again is gone: an answer may have been lost.
      const again = await at.driver.remove(second.objectKey, { permanent: true }).catch(failureCode)
      expect([undefined, 'object_missing']).toContain(again)
    })

    it('names the object after the document and nothing else', async () => {
      await put(at.driver, { id: 'report.v1', extension: '.pdf' })
      expect(await at.world.held()).toMatchObject([
        { name: 'report.v1.pdf', path: subject.pathOf(userKeyOf(userId('alice')), 'report.v1.pdf') },
      ])
    })

    it('answers the stored hash, size and etag with the entry', async () => {
      const content = bytesAt(0, 999)
      const entry = await put(at.driver, { content: contentOf(content) })
      expect(await at.driver.stat(entry.objectKey)).toMatchObject({
        objectKey: entry.objectKey,
        size: 1000,
        checksums: entry.checksums,
      })
      if (hash) {
        const ours = await digestOf(contentOf(content), hash.start())
        expect(entry.checksums).toHaveProperty(hash.algorithm, ours)
      }
    })

    it('is healthy, and says so without an error when it is not', async () => {
      expect(await at.backend.healthCheck()).toBe(true)
      expect(await at.backend.healthCheck({ signal: AbortSignal.abort() })).toBe(false)
    })

    it('does not find what was never there', async () => {
      const key = objectKey('1A2b3C4d5E6f7G8h9I0jKlMnOpQrStUv')
      expect((await failureOf(at.driver.stat(key))).code).toBe('object_missing')
      expect((await failureOf(at.backend.getObject(key))).code).toBe('object_missing')
      await at.backend.deleteObject(key)
    })

    it('notices that the user removed the file', async () => {
      const { objectKey: key } = await put(at.driver)
      await at.world.removeAsUser(key)
      expect((await failureOf(at.backend.statObject(key))).code).toBe('object_missing')
      expect((await failureOf(at.backend.getObject(key))).code).toBe('object_missing')
      await at.backend.deleteObject(key)
    })
  })

  describe('presigned URLs', () => {
    where(!sample.signedUrls, () => {
      it('are refused by name, without a call', async () => {
        const { objectKey: key } = await put(at.driver)
        const requests = async () => (await at.world.account?.requests())?.length
        const before = await requests()
        const forGet = await failureOf(at.backend.presignedGetUrl(key))
        const forPut = await failureOf(at.backend.generatePresignedPutUrl(key))
        expect(forGet).toBeInstanceOf(NotSupportedError)
        expect(forGet).toMatchObject({ useInstead: 'getObject' })
        expect(forPut).toMatchObject({ code: 'presigned_url_not_supported', useInstead: 'putObject' })
        expect(await requests()).toBe(before)
      })
    })

    where(sample.signedUrls !== undefined, () => {
      it('read and write without any other credential', async () => {
        const { objectKey: key } = await put(at.driver)
        const got = await fetch(await at.backend.presignedGetUrl(key))
        expect(await got.text()).toBe('hello')
        const { signedUrls = never() } = at.driver
        const upload = await signedUrls.put(key, 5, 'text/markdown')
        const sent = await fetch(upload.url, { method: 'PUT', body: 'new', headers: upload.headers })
        expect(sent.status).toBe(200)
        expect(await at.driver.stat(key)).toMatchObject({ size: 3, contentType: 'text/markdown' })
        expect(
          (await fetch(await at.backend.generatePresignedPutUrl(key), { method: 'PUT', body: 'four' }))
            .status,
        ).toBe(200)
        expect(await at.backend.statObject(key)).toBe(4)
        const named = await signedUrls.get(key, 5, {
          disposition: `attachment; filename*=UTF-8''a%20%22b%22.txt`,
          contentType: 'text/csv',
        })
        const download = await fetch(named)
        expect(download.headers.get('content-type')).toBe('text/csv')
        expect(download.headers.get('content-disposition')).toBe(
          "attachment; filename*=UTF-8''a%20%22b%22.txt",
        )
        expect((await failureOf(at.backend.presignedGetUrl(key, 7 * 24 * 60 + 1))).code).toBe(
          'invalid_request',
        )
      })
    })
  })

  describe('sizes', () => {
    it.each([0, 1, 1_500_000, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 25 * 1024 * 1024])(
      '%i bytes come back as they went',
      async (size) => {
        const entry = await put(at.driver, { content: generated(size), extension: '.bin' })
        expect(entry.size).toBe(size)
        const expected = await sha256Of(generated(size).open())
        expect(await at.world.held()).toMatchObject([{ size, sha256: expected }])
        const got = await at.backend.getObject(entry.objectKey)
        expect(got.contentLength).toBe(size)
        expect(await sha256Of(got.body)).toBe(expected)
        expect(await at.world.openSessions()).toBe(0)
      },
    )
  })

  describe('ranges', () => {
    const content = bytesAt(0, 99_999)
    let key: ObjectKey
    beforeEach(async () => {
      key = (await put(at.driver, { content: contentOf(content) })).objectKey
    })

    it.each([
      ['the first bytes', { start: 0, end: 9 }, 0, 9],
      ['one byte', { start: 5, end: 5 }, 5, 5],
      ['the middle', { start: 40_000, end: 59_999 }, 40_000, 59_999],
      ['from a place on', { start: 99_000 }, 99_000, 99_999],
      ['beyond the end', { start: 99_990, end: 200_000 }, 99_990, 99_999],
      ['the last bytes', { suffix: 10 }, 99_990, 99_999],
      ['more last bytes than there are', { suffix: 200_000 }, 0, 99_999],
    ] as const)('gives %s', async (_what, range, first, last) => {
      const got = await at.backend.getObject(key, range)
      expect(got).toMatchObject({
        size: content.length,
        contentLength: last - first + 1,
        range: { start: first, end: last },
      })
      expect((await bytesOf(got.body)).equals(content.subarray(first, last + 1))).toBe(true)
    })

    it.each([
      [{ start: 100_000 }],
      [{ start: 500_000, end: 500_001 }],
      [{ suffix: 0 }],
      [{ start: 9, end: 3 }],
    ])('refuses %o, naming the size', async (range) => {
      const error = await failureOf(at.backend.getObject(key, range))
      expect(error.code).toBe('range_not_satisfiable')
      expect(error.context.size).toBe(content.length)
    })

    it('has no range in an empty object', async () => {
      const empty = await put(at.driver, { id: 'empty', content: contentOf(Buffer.alloc(0)) })
      const error = await failureOf(at.backend.getObject(empty.objectKey, { start: 0 }))
      expect(error).toMatchObject({ code: 'range_not_satisfiable', context: { size: 0 } })
    })
  })
}
