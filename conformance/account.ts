import { describe, expect, it } from 'vitest'
import { CloudConnectionError } from '../lib/errors.ts'
import type { ObjectKey } from '../lib/ids.ts'
import { StorageBackend } from '../lib/storage/storage-backend.ts'
import { generated } from '../test/support/content.ts'
import { where } from '../test/support/where.ts'
import type { Stage } from './stage.ts'
import { CHUNK_SIZE, failureOf, nothing, put } from './stage.ts'

const call = {
  begin: (at: Stage) => put(at.driver, { content: generated(CHUNK_SIZE + 1) }),
  stat: (at: Stage, key: ObjectKey) => at.driver.stat(key),
  delete: (at: Stage, key: ObjectKey) => at.driver.remove(key),
}

/** The account behind a driver. */
export function theAccount(at: Stage): void {
  const { subject, sample } = at
  describe('the account', () => {
    where(subject.account === true, () => {
      it('a full drive is an error of its own, never retried, and nothing is left', async () => {
        await at.account().setQuota(10)
        for (const content of [generated(1000), generated(CHUNK_SIZE + 1)]) {
          const error = await failureOf(put(at.driver, { content }))
          expect(error).toMatchObject({ code: 'provider_quota_exceeded', retry: { retryable: false } })
          expect(await at.standing()).toEqual(nothing)
        }
      })
    })

    where(subject.account === true, () => {
      it('a token that ends early is renewed once', async () => {
        const { objectKey: key } = await put(at.driver)
        await at.account().expireTokens()
        await put(at.driver, { content: generated(3_000_000), target: { kind: 'replace', objectKey: key } })
        expect(at.account().renewals()).toBe(1)
        expect(await at.backend.statObject(key)).toBe(3_000_000)
      })
    })

    where(subject.account === true, () => {
      it.each(['begin', 'stat', 'delete'] as const)(
        'a fresh token that is refused too passes, and ends no grant: %s',
        async (point) => {
          const { objectKey: key } = await put(at.driver)
          await at.fault(point, { type: 'status', status: 401 }, 2)
          const error = await failureOf(call[point](at, key))
          expect(error).toMatchObject({ code: 'provider_unavailable', retry: { retryable: true } })
          expect(error.retry).toHaveProperty('afterSeconds')
          expect(at.account().lostFor()).toEqual([])
        },
      )
    })

    where(subject.account === true, () => {
      it('a dead grant is the one error for it', async () => {
        await at.account().revoke()
        await at.account().expireTokens()
        expect(await failureOf(put(at.driver))).toBeInstanceOf(CloudConnectionError)
        expect(await at.backend.healthCheck()).toBe(false)
      })
    })

    where(subject.account === true, () => {
      it('a missing permission is no success', async () => {
        const { driver, lostFor } = await at.account().withoutScope()
        const error = await failureOf(put(driver))
        expect(error.retry.retryable).toBe(false)
        expect(error.code).toMatch(/^connection_requires_reauth$|^provider_error$/)
        // What the error says of the connection, the connection has been told.
        const isLost = error instanceof CloudConnectionError
        expect(lostFor.includes('scope_missing')).toBe(isLost)
        expect(await new StorageBackend(driver).healthCheck()).toBe(false)
      })
    })

    it('says how full it is', async () => {
      if (subject.account) await at.account().setQuota(1_000_000)
      await put(at.driver, { content: generated(1234) })
      const limit = subject.account ? { limit: 1_000_000 } : {}
      expect(await at.driver.space?.usage()).toEqual(sample.space && { used: 1234, ...limit })
    })
  })
}
