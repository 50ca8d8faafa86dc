import { inspect } from 'node:util'
import { beforeEach, describe, expect, it } from 'vitest'
import { contentOf } from '../lib/storage/bytes.ts'
import type { ObjectEntry } from '../lib/storage/driver.ts'
import { bytesAt, bytesOf, generated } from '../test/support/content.ts'
import { where } from '../test/support/where.ts'
import type { FaultAction } from './harness.ts'
import type { Stage } from './stage.ts'
import { CHUNK_SIZE, failureOf, newTarget, nothing, only, put } from './stage.ts'

/** Lost answers, and a provider in trouble. */
export function trouble(at: Stage): void {
  const { subject } = at
  where(subject.faults !== undefined, () =>
    describe('lost answers', () => {
      const content = bytesAt(0, 49_999)
      it('one to a creation makes one object', async () => {
        await at.fault('write', { type: 'commit-then-reset' })
        const target = await newTarget(at.driver)
        const entry = await at.again(() => put(at.driver, { content: contentOf(content), target }))
        expect(entry.size).toBe(content.length)
        expect(await at.standing()).toEqual(only(content))
      })

      it('one to a creation is recognised by another process', async () => {
        const target = await newTarget(at.driver)
        const input = { content: contentOf(content), target }
        const first = await put(at.driver, input)
        const second = await put(at.world.driver(), input)
        expect(second.objectKey).toBe(first.objectKey)
        expect(await at.standing()).toEqual(only(content))
      })

      it('one to a replacement leaves one object with the new content', async () => {
        const { objectKey: key } = await put(at.driver)
        await at.fault('replace', { type: 'commit-then-reset' })
        const target = { kind: 'replace', objectKey: key } as const
        const entry = await at.again(() => put(at.driver, { content: contentOf(content), target }))
        expect(entry.objectKey).toBe(key)
        expect(await at.standing()).toEqual(only(content))
      })

      it('one to the last part of a large document makes one object', async () => {
        await at.faultLast({ type: 'commit-then-reset' }, 2)
        const target = await newTarget(at.driver)
        const size = CHUNK_SIZE + 5
        const entry = await at.again(() => put(at.driver, { content: generated(size), target }))
        expect(entry.size).toBe(size)
        expect(await at.standing()).toEqual(only(await bytesOf(generated(size).open())))
      })

      it.each<[string, FaultAction]>([
        ['breaks off', { type: 'reset' }],
        ['is answered with 500', { type: 'status', status: 500 }],
      ])(
        'a last part of a large document that %s with nothing done makes one object in the end',
        async (_what, fault) => {
          await at.faultLast(fault, 2)
          const target = await newTarget(at.driver)
          const size = CHUNK_SIZE + 5
          const input = { content: generated(size), target }
          expect((await at.again(() => put(at.driver, input))).size).toBe(size)
          expect(await at.standing()).toEqual(only(await bytesOf(generated(size).open())))
        },
      )

      it('a connection that breaks before the content was sent is worth another try', async () => {
        await at.fault('write', { type: 'reset', afterBytes: 1000 })
        const input = { content: generated(3_000_000), target: await newTarget(at.driver) }
        const error = await failureOf(put(at.driver, input))
        expect(error).toMatchObject({ code: 'provider_unavailable', retry: { retryable: true } })
        expect(await at.standing()).toEqual(nothing)
        expect((await put(at.driver, input)).size).toBe(3_000_000)
      })

      it('one to a deletion is not held against a repetition', async () => {
        const { objectKey: key } = await put(at.driver)
        await at.fault('delete', { type: 'commit-then-reset' })
        await at.again(() => at.backend.deleteObject(key))
        expect(await at.world.held()).toEqual([])
      })
    }),
  )

  where(subject.faults !== undefined, () =>
    describe('a provider in trouble', () => {
      it.each([
        ['write', () => put(at.driver)],
        ['stat', async () => at.driver.stat((await stored()).objectKey)],
        ['download', async () => bytesOf((await at.backend.getObject((await stored()).objectKey)).body)],
        ['delete', async () => at.backend.deleteObject((await stored()).objectKey)],
      ] as const)('a 503 at %s is worth another try', async (point, work: () => Promise<unknown>) => {
        await prepare()
        await at.fault(point, { type: 'status', status: 503 })
        const error = await failureOf(work())
        expect(error.retry.retryable).toBe(true)
        expect(error.code).toMatch(/^provider_(unavailable|throttled)$/)
        await at.fault(point, { type: 'status', status: 503 })
        await at.again(work)
      })

      where(subject.account === true, () => {
        it('a pause that it asks for is passed on and kept', async () => {
          await at.fault('write', { type: 'status', status: 429, headers: { 'retry-after': '7' } })
          const error = await failureOf(put(at.driver))
          expect(error).toMatchObject({
            code: 'provider_throttled',
            retry: { retryable: true, afterSeconds: 7 },
            context: { retryAfterSeconds: 7 },
          })
          await at.fault('write', { type: 'status', status: 429, headers: { 'retry-after': '7' } })
          await at.again(() => put(at.driver))
          expect(at.world.clock.waits[0]).toBeGreaterThanOrEqual(7000)
        })
      })

      where(subject.account === true, () => {
        it('a date that it asks to wait for is understood', async () => {
          const date = new Date(at.world.clock.now() + 30_000).toUTCString()
          await at.fault('write', { type: 'status', status: 503, headers: { 'retry-after': date } })
          const { retry } = await failureOf(put(at.driver))
          expect(retry.retryable && retry.afterSeconds).toBeGreaterThan(25)
        })
      })

      it('throttling without a pause is told apart from a refusal', async () => {
        await at.fault('write', { type: 'status', status: 429, ...subject.faults?.throttling })
        expect(await failureOf(put(at.driver))).toMatchObject({
          code: 'provider_throttled',
          retry: { retryable: true },
        })
      })

      it.each(subject.faults?.garbage ?? [])('an HTML page with status %i is no answer', async (status) => {
        const { objectKey: key } = await stored()
        await at.fault('stat', { type: 'garbage', status })
        const error = await failureOf(at.driver.stat(key))
        expect(error.code).toMatch(/^provider_(unavailable|error)$/)
        expect(error.retry.retryable).toBe(true)
        expect(inspect(error, { depth: 9 })).not.toContain('<html')
        expect((await at.driver.stat(key)).size).toBe(5)
      })

      it('an HTML page in place of the answer to a creation makes one object in the end', async () => {
        const target = await newTarget(at.driver)
        await at.fault('write', { type: 'garbage' })
        await at.again(() => put(at.driver, { target }))
        expect(await at.standing()).toEqual(only(Buffer.from('hello')))
      })

      it('a download that is cut short ends in an error', async () => {
        const entry = await put(at.driver, { content: generated(300_000) })
        await at.fault('download', { type: 'truncate', afterBytes: 100_000 })
        const { body } = await at.backend.getObject(entry.objectKey)
        expect(await failureOf(bytesOf(body))).toMatchObject({
          code: 'provider_unavailable',
          retry: { retryable: true },
        })
      })

      where(subject.account === true, () => {
        it('a flipped bit shows in the hash that it answers', async () => {
          await at.fault('write', { type: 'corrupt' })
          const entry = await put(at.driver)
          const honest = await put(at.driver, { id: 'doc-2' })
          expect(entry.checksums).not.toEqual(honest.checksums)
        })
      })

      const stored = async (): Promise<ObjectEntry> => prepared ?? (await prepare())
      let prepared: ObjectEntry | undefined
      const prepare = async (): Promise<ObjectEntry> => {
        prepared = await put(at.driver, { id: 'prepared' })
        return prepared
      }
      beforeEach(() => {
        prepared = undefined
      })
    }),
  )
}
