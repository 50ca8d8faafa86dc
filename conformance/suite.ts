import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { theAccount } from './account.ts'
import { whatChanges } from './changes.ts'
import type { Subject } from './harness.ts'
import { theSevenMethods } from './methods.ts'
import { sessions } from './sessions.ts'
import { CHUNK_SIZE, planFor, put, Stage } from './stage.ts'
import { trouble } from './trouble.ts'
import { writing } from './writing.ts'

/**
 * The behaviour that every driver owes to its callers. What a provider does not have is left out, as its
 * sample says.
 */
export function conformance(name: string, subject: Subject): void {
  const at = new Stage(subject)
  describe(`${name}:`, () => {
    beforeAll(() => at.open())
    afterAll(() => at.close())
    beforeEach(() => at.begin())
    afterEach(() => at.end())

    declarations(at)
    theSevenMethods(at)
    writing(at)
    trouble(at)
    theAccount(at)
    sessions(at)
    whatChanges(at)
  })
}

function declarations(at: Stage): void {
  const { sample } = at
  it('declares only what it has', async () => {
    const capabilities = [
      'places',
      'sessions',
      'renaming',
      'history',
      'changes',
      'signedUrls',
      'directUrls',
      'space',
    ] as const
    for (const capability of capabilities) {
      expect([capability, at.driver[capability] !== undefined]).toEqual([
        capability,
        sample[capability] !== undefined,
      ])
    }
    const { objectKey: key } = await put(at.driver)
    if (at.driver.places) expect(await at.driver.places.make()).not.toBe(await at.driver.places.make())
    if (at.driver.sessions) {
      const session = await at.driver.sessions.begin(await planFor(at.driver, 100))
      expect(await at.driver.sessions.ask(session, 100)).toMatchObject({ state: 'open', offset: 0 })
      await at.driver.sessions.cancel(session)
    }
    if (at.driver.renaming) {
      await at.driver.renaming.rename(key, 'other.txt')
      expect((await at.world.held()).map((file) => file.name)).toEqual(['other.txt'])
    }
    if (at.driver.signedUrls) expect(await at.driver.signedUrls.get(key, 5)).toContain('http')
    if (at.driver.directUrls) {
      const answer = await fetch((await at.driver.directUrls.read(key))?.reveal() ?? '')
      expect(await answer.text()).toBe('hello')
    }
    if (at.driver.space) expect((await at.driver.space.usage()).used).toBeGreaterThan(0)
    expect(at.driver.traits.singleRequestBytes < CHUNK_SIZE ? at.driver.sessions : at.driver).toBeDefined()
  })
}
