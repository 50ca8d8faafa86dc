import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { contentOf, partOf } from '../lib/storage/bytes.ts'
import { breaking, bytesOf, generated } from '../test/support/content.ts'
import { where } from '../test/support/where.ts'
import type { Stage } from './stage.ts'
import { CHUNK_SIZE, failureOf, never, only, planFor, put, sessionsOf } from './stage.ts'

/** Uploads that another process can go on with. */
export function sessions(at: Stage): void {
  const { subject, sample } = at
  where(sample.sessions !== undefined, () =>
    describe('sessions', () => {
      const size = 2 * CHUNK_SIZE + 12_345
      const part = (offset: number, length: number, total = size) => ({
        body: partOf(generated(total), { start: offset, end: offset + length - 1 }),
        offset,
        total,
      })

      it('begins, sends, says where it stands, and ends with the object', async () => {
        const uploads = sessionsOf(at.driver)
        const plan = await planFor(at.driver, size)
        expect(await at.driver.find(plan)).toBeUndefined()
        const session = await uploads.begin(plan)
        expect(inspect(session)).not.toContain('http')
        expect(await uploads.ask(session, size)).toMatchObject({ state: 'open', offset: 0 })
        for (const offset of [CHUNK_SIZE, 2 * CHUNK_SIZE]) {
          const progress = await uploads.send(session, part(offset - CHUNK_SIZE, CHUNK_SIZE))
          expect(progress).toMatchObject({ state: 'open', offset })
          expect(await uploads.ask(session, size)).toMatchObject({ state: 'open', offset })
        }
        const end = await uploads.send(session, part(2 * CHUNK_SIZE, 12_345))
        expect(end).toMatchObject({ state: 'done', entry: { size } })
        expect(await at.standing()).toEqual(only(await bytesOf(generated(size).open())))
        const found = await at.driver.find(plan)
        expect(found?.size).toBe(size)
        const after = await uploads.ask(session, size)
        expect(after.state).not.toBe('open')
      })

      where(subject.faults !== undefined, () => {
        it('goes on in another process after a death in the middle', async () => {
          const plan = await planFor(at.driver, size)
          const first = sessionsOf(at.driver)
          const session = await first.begin(plan)
          await first.send(session, part(0, CHUNK_SIZE))
          await at.fault('send', { type: 'reset', afterBytes: 4_000_000 })
          await failureOf(first.send(session, part(CHUNK_SIZE, CHUNK_SIZE)))
          const second = sessionsOf(at.world.driver())
          const asked = await second.ask(session, size)
          if (asked.state !== 'open') throw new Error(`the session is ${asked.state}`)
          expect(asked.offset).toBeGreaterThanOrEqual(CHUNK_SIZE)
          let progress = await second.send(
            session,
            part(asked.offset, Math.min(CHUNK_SIZE, size - asked.offset)),
          )
          while (progress.state === 'open') {
            progress = await second.send(
              session,
              part(progress.offset, Math.min(CHUNK_SIZE, size - progress.offset)),
            )
          }
          expect(progress.state).toBe('done')
          expect(await at.standing()).toEqual(only(await bytesOf(generated(size).open())))
        })
      })

      where(subject.faults !== undefined && subject.account === true, () => {
        it('answers only what the provider has kept', async () => {
          const uploads = sessionsOf(at.driver)
          const session = await uploads.begin(await planFor(at.driver, size))
          await at.fault('send', { type: 'partial', bytes: 5 * 1024 * 1024 })
          const progress = await uploads.send(session, part(0, CHUNK_SIZE))
          expect(progress).toMatchObject({ state: 'open', offset: 5 * 1024 * 1024 })
        })
      })

      where(subject.faults !== undefined && subject.account === true, () => {
        it('a put goes on from what the provider has kept', async () => {
          await at.fault('send', { type: 'partial', bytes: 5 * 1024 * 1024 })
          await put(at.driver, { content: generated(CHUNK_SIZE + 1) })
          expect(await at.standing()).toEqual(only(await bytesOf(generated(CHUNK_SIZE + 1).open())))
        })
      })

      it('cancels, frees the place and forgets the session', async () => {
        const uploads = sessionsOf(at.driver)
        const plan = await planFor(at.driver, size)
        const session = await uploads.begin(plan)
        await uploads.send(session, part(0, CHUNK_SIZE))
        await uploads.cancel(session)
        await uploads.cancel(session)
        await put(at.driver, { content: contentOf(Buffer.from('instead')), extension: '.bin' })
        expect((await at.world.held()).map((file) => file.size)).toEqual([7])
      })

      it('shows nothing before the last byte', async () => {
        const uploads = sessionsOf(at.driver)
        const session = await uploads.begin(await planFor(at.driver, size))
        await uploads.send(session, part(0, CHUNK_SIZE))
        expect(await at.world.held()).toEqual([])
        await uploads.cancel(session)
      })

      it('an expired session is gone, not an error', async () => {
        const uploads = sessionsOf(at.driver)
        const session = await uploads.begin(await planFor(at.driver, size))
        await uploads.send(session, part(0, CHUNK_SIZE))
        await (at.world.expireSessions ?? never)()
        expect(await uploads.ask(session, size)).toEqual({ state: 'gone' })
        expect(await uploads.send(session, part(CHUNK_SIZE, CHUNK_SIZE))).toEqual({ state: 'gone' })
      })

      it('a source that breaks leaves the session where the provider is', async () => {
        const uploads = sessionsOf(at.driver)
        const session = await uploads.begin(await planFor(at.driver, size))
        const content = breaking(size, 1_000_000, new Error('the disk is gone'))
        const body = partOf(content, { start: 0, end: CHUNK_SIZE - 1 })
        const error = await failureOf(uploads.send(session, { body, offset: 0, total: size }))
        expect(error.code).toBe('internal_error')
        expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(session.url.reveal())
        expect((await uploads.ask(session, size)).state).toBe('open')
        await uploads.cancel(session)
      })

      where(subject.account === true && !subject.signedSessions, () => {
        it('never signs a session’s requests', async () => {
          await put(at.driver, { content: generated(CHUNK_SIZE + 1) })
          const requests = await at.account().requests()
          const sent = requests.filter(
            ({ method, path }) => method === 'PUT' && /upload_id=|uploadSession/.test(path),
          )
          expect(sent.length).toBeGreaterThan(0)
          expect(sent.every(({ authorization }) => !authorization)).toBe(true)
        })
      })
    }),
  )
}
