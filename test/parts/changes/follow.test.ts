import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import type { FollowDrivesDeps } from '../../../lib/changes/follow-drives.ts'
import { followDrives } from '../../../lib/changes/follow-drives.ts'
import type { FollowDeps } from '../../../lib/changes/follow.ts'
import { follow } from '../../../lib/changes/follow.ts'
import { observe } from '../../../lib/changes/observe.ts'
import { documentObjects } from '../../../lib/catalog/document-objects.ts'
import { dueConnections } from '../../../lib/catalog/due-connections.ts'
import { ServiceError } from '../../../lib/errors.ts'
import type { ObjectKey } from '../../../lib/ids.ts'
import { aboutOf } from '../../../lib/providers/registry.ts'
import type { Driver } from '../../../lib/storage/driver.ts'
import { driveUser, expireCursors } from '../../support/drive-user.ts'
import { hallWorld } from '../../support/hall-world.ts'
import { whole } from '../../support/sample.ts'
import { where } from '../../support/where.ts'
import { must } from '../../support/intake-world.ts'

/** At once; a thousand where all is tried. */
const manyChanges = whole ? 1000 : 100
const bytes = (text: string): Buffer => Buffer.from(text)

describe.each(['google-drive', 'onedrive', 'dropbox'] as const)('what a user does in a %s', (provider) => {
  // What a person restores is restored by a personal account's own call.
  const hall = hallWorld(provider, {}, 'outlook.com')
  const user = () => driveUser(provider, must(hall.place.account))
  const keyOf = async (documentId?: string): Promise<ObjectKey> =>
    must((await hall.row(documentId)).objectKey)

  /** One look at the drive, as the schedule would have it; `on` in place of parts of the product. */
  const look = async (on: Partial<FollowDeps> = {}, mayGoOn = true): Promise<number> => {
    const {
      connections,
      deps: { documents },
    } = hall.opened
    const connection = must(await connections.named(hall.connection.userKey, hall.connection.connectionId))
    const deps: FollowDeps = {
      clock: hall.clock,
      documents,
      objects: documentObjects(hall.opened.dynamo, 'documents'),
      connections,
      openDriver: () => Promise.resolve(hall.driver),
      longestPauseS: 900,
      driveNames: false,
      ...on,
    }
    return (await follow(deps, connection, () => mayGoOn)).told
  }
  /** Two looks, as what the first could not judge is left to the second. */
  const lookTwice = async (on?: Partial<FollowDeps>): Promise<number> => (await look(on)) + (await look(on))
  const told = async (documentId = 'doc'): Promise<string[]> =>
    (await hall.events())
      .filter((event) => event.documentId === documentId && event.type === 'Document Changed')
      .map(({ change }) => change ?? '')
  const ids = async (): Promise<string[]> => (await hall.events()).map(({ id }) => id)
  const state = async () => {
    const { userKey, connectionId } = hall.connection
    return must(await hall.opened.connections.named(userKey, connectionId))
  }

  beforeEach(async () => {
    await look()
    await hall.put(bytes('as it was'))
    await lookTwice()
  })

  it('is told once each, and the row says so', async () => {
    const key = await keyOf()
    expect(await told()).toEqual([])
    await user().edit(key, bytes('as its user has it'))
    expect(await lookTwice()).toBe(1)
    expect(await hall.document()).toMatchObject({ size: 18 })
    await user().rename(key, 'theirs.bin')
    expect(await lookTwice()).toBe(1)
    expect((await hall.row()).standing).toMatchObject({ named: 'theirs.bin' })
    await user().move(key)
    expect(await lookTwice()).toBe(1)
    await user().trash(key)
    expect(await lookTwice()).toBe(1)
    expect((await hall.row()).standing).toMatchObject({ gone: 'trashed' })
    await user().restore(key)
    expect(await lookTwice()).toBe(1)
    expect((await hall.row()).standing).not.toHaveProperty('gone')
    expect(await told()).toEqual(['edited', 'renamed', 'moved', 'trashed', 'restored'])
    expect(new Set(await ids()).size).toBe((await ids()).length)
    expect(await lookTwice()).toBe(0)
  })

  it('is told once each when all of it comes at once', async () => {
    const key = await keyOf()
    await user().edit(key, bytes('other'))
    await user().rename(key, 'theirs.bin')
    await user().move(key)
    expect(await lookTwice()).toBe(3)
    expect((await told()).toSorted()).toEqual(['edited', 'moved', 'renamed'])
  })

  it('a file that is gone for good is told as that where the drive says so', async () => {
    await user().remove(await keyOf())
    expect(await lookTwice()).toBe(1)
    expect(await told()).toEqual([provider === 'google-drive' ? 'removed' : 'trashed'])
    expect(await lookTwice()).toBe(0)
  })

  it('is told by whoever sees it first, and by nobody else', async () => {
    await user().edit(await keyOf(), bytes('seen by two'))
    const row = await hall.row()
    const seen = must(await hall.driver.changes?.look(must(row.objectKey)))
    const deps = { clock: hall.clock, documents: hall.opened.deps.documents }
    const both = await Promise.all([
      observe(deps, hall.driver, row, seen),
      observe(deps, hall.driver, row, seen),
    ])
    expect(both.reduce((sum, { told: count }) => sum + count, 0)).toBe(1)
    expect(await lookTwice()).toBe(0)
    expect(await told()).toEqual(['edited'])
  })

  it('our own writes are nobody’s changes', async () => {
    await hall.put(bytes('replaced'))
    await hall.put(bytes('another'), { documentId: hall.where('other').documentId })
    await hall.remove('other')
    expect(await lookTwice()).toBe(0)
    expect((await hall.told()).filter((type) => type === 'Document Changed')).toEqual([])
  })

  it('a cursor that is good no more loses nothing, and costs no event of what is as it was', async () => {
    await hall.put(bytes('untouched'), { documentId: hall.where('other').documentId })
    await lookTwice()
    await user().edit(await keyOf(), bytes('in the dark'))
    await expireCursors(must(hall.place.account))
    expect((await look()) + (await look()) + (await look())).toBe(1)
    expect(await told()).toEqual(['edited'])
    expect(await told('other')).toEqual([])
    await user().edit(await keyOf(), bytes('and in the light'))
    expect(await lookTwice()).toBe(1)
  })

  it('what our own bytes are on their way into waits until they are there', async () => {
    const key = await keyOf()
    await user().rename(key, 'theirs.bin')
    const sending = {
      state: 'sending',
      target: { kind: 'replace', file: 'doc.bin', objectKey: key },
    } as const
    const { documents } = hall.opened.deps
    const claimed = must(
      await documents.claim(
        hall.where(),
        await hall.row(),
        {
          ...sending,
          id: 'a-change',
          door: 'put',
          fence: 1,
          until: hall.clock.now() + 60_000,
          connectionId: hall.connection.connectionId,
          provider,
          size: 1,
          contentType: 'text/plain',
          extension: hall.where().extension,
          startedAt: hall.clock.now(),
        },
        {},
      ),
    )
    expect(await lookTwice()).toBe(0)
    await documents.settle(claimed, { changes: { change: undefined } })
    expect(await lookTwice()).toBe(1)
    expect(await told()).toEqual(['renamed'])
  })

  it('a name that we give a file while its row is not written yet is nobody’s change', async () => {
    const key = await keyOf()
    await must(hall.driver.renaming).rename(key, 'ours.bin')
    expect(await look({ driveNames: true })).toBe(0)
    const { standing, ...row } = await hall.row()
    await hall.opened.deps.documents.observe(
      { ...row, standing: must(standing) },
      {
        standing: { ...must(standing), file: 'ours.bin' },
      },
    )
    expect(await lookTwice({ driveNames: true })).toBe(0)
    await user().rename(key, 'theirs.bin')
    expect(await lookTwice({ driveNames: true })).toBe(1)
    expect(await told()).toEqual(['renamed'])
  })

  it('what a row does not say of the file’s name and folder is noted, and nobody is told', async () => {
    const row = await hall.row()
    const { place, file, named, ...bare } = must(row.standing)
    expect([place, file ?? named]).not.toContain(undefined)
    await hall.opened.deps.documents.observe(row, { standing: bare })
    await user().edit(await keyOf(), bytes('seen for the first time'))
    expect(await lookTwice()).toBe(1)
    await user().move(await keyOf())
    await user().rename(await keyOf(), 'theirs.bin')
    expect(await lookTwice()).toBe(2)
    expect((await told()).toSorted()).toEqual(['edited', 'moved', 'renamed'])
  })

  it('bytes that the drive has damaged are not taken for its user’s, also where nobody could look at them', async () => {
    const row = await hall.row()
    const { hash, revision, ...bare } = must(row.standing)
    expect([hash, revision]).not.toContain(undefined)
    const standing = { ...bare, verdict: 'mismatch' } as const
    await hall.opened.deps.documents.observe(row, { standing })
    await expireCursors(must(hall.place.account))
    expect((await look()) + (await lookTwice())).toBe(0)
    expect((await hall.row()).standing).toMatchObject({ verdict: 'mismatch', revision })
    await user().edit(await keyOf(), bytes('as its user has it'))
    expect(await lookTwice()).toBe(1)
    expect((await hall.row()).standing).not.toHaveProperty('verdict')
    expect(await told()).toEqual(['edited'])
  })

  it('looks more seldom where nothing happens, and soon where something has', async () => {
    for (let looks = 0; looks < 6; looks += 1) await look()
    expect((await state()).changes?.everyS).toBe(900)
    // What the cost of a connection is counted from.
    const calls = await hall.calls(async () => await look())
    expect(calls.provider).toHaveLength(1)
    expect(calls.aws.toSorted()).toEqual(['GetItem', 'GetItem', 'PutItem'])
    await user().edit(await keyOf(), bytes('at last'))
    await lookTwice()
    expect((await state()).changes?.everyS).toBeLessThan(900)
  })

  it('a fault ends the look, and nothing is lost', async () => {
    await user().edit(await keyOf(), bytes('while it throttles'))
    const { changes } = hall.driver
    const throttled: Driver = {
      ...hall.driver,
      changes: { ...must(changes), look: () => Promise.reject(new Error('throttled')) },
    }
    await expect(look({ openDriver: () => Promise.resolve(throttled) })).rejects.toThrow('throttled')
    expect(await lookTwice()).toBe(1)
    expect(await told()).toEqual(['edited'])
  })

  it('dies at any of its calls, is repeated, and tells each change once', async () => {
    const key = await keyOf()
    let deaths = 0
    for (const after of [false, true])
      for (let life = 0; ; life += 1) {
        const name = `n${String(life)}${after ? 'a' : 'b'}.bin`
        await user().rename(key, name)
        await user().edit(key, bytes(`${name} ${createHash('sha256').update(name).digest('hex')}`))
        const before = (await told()).length
        let left = life
        const dying = <Part extends object>(part: Part): Part =>
          new Proxy(part, {
            get: (of, property) => {
              const value: unknown = Reflect.get(of, property)
              if (typeof value !== 'function') return value
              return async (...given: unknown[]) => {
                left -= 1
                if (left < 0 && (left < -1 || !after)) throw new Error('dead')
                const answer: unknown = await (value as (...all: unknown[]) => unknown).apply(of, given)
                if (left < 0) throw new Error('dead')
                return answer
              }
            },
          })
        const {
          connections,
          deps: { documents },
        } = hall.opened
        const driver: Driver = { ...hall.driver, changes: dying(must(hall.driver.changes)) }
        const lived = await look({
          documents: dying(documents),
          objects: dying({ objects: documentObjects(hall.opened.dynamo, 'documents') }).objects,
          connections: dying(connections),
          openDriver: () => Promise.resolve(driver),
        }).then(
          () => true,
          () => false,
        )
        if (!lived) deaths += 1
        await lookTwice()
        expect((await told()).slice(before).toSorted()).toEqual(['edited', 'renamed'])
        if (lived) break
      }
    expect(deaths).toBeGreaterThan(10)
    expect(new Set(await ids()).size).toBe((await ids()).length)
  })

  where(whole || provider === 'google-drive', () => {
    it('many changes at once are told once each', async () => {
      const many = Array.from({ length: manyChanges }, (_, at) => `many-${String(at)}`)
      for (const documentId of many)
        await hall.put(bytes(documentId), { documentId: hall.where(documentId).documentId })
      await lookTwice()
      for (const documentId of many) await user().rename(await keyOf(documentId), `${documentId} renamed.bin`)
      expect((await look()) + (await look()) + (await look())).toBe(many.length)
      for (const documentId of many) expect(await told(documentId)).toEqual(['renamed'])
      expect(await lookTwice()).toBe(0)

      // A walk over so many goes on where the time of a look has ended.
      const some = many.filter((_, at) => at % 40 === 0)
      for (const documentId of some) await user().edit(await keyOf(documentId), bytes('in the dark'))
      await expireCursors(must(hall.place.account))
      let found = 0
      for (let looks = 0; looks < 4 + many.length / 50; looks += 1) found += await look({}, false)
      expect(found).toBe(some.length)
      expect((await state()).changes).not.toHaveProperty('walk')
    }, 120_000)
  })

  it('a run looks at the drives that are due; one that fails is looked at later, one that was given up never', async () => {
    const { connections, dynamo, deps } = hall.opened
    const run = async (on: Partial<FollowDrivesDeps> = {}) =>
      await followDrives(
        {
          ...deps,
          connections,
          objects: documentObjects(dynamo, 'documents'),
          due: dueConnections(dynamo, 'connections', () => hall.clock.now()),
          openDriver: () => Promise.resolve(hall.driver),
          longestPauseS: 900,
          driveNames: false,
          ...on,
        },
        { remainingMs: () => 60_000 },
      )
    await user().edit(await keyOf(), bytes('while nobody looked'))
    expect((await run({ longestPauseS: 0 })).followed).toBe(0)
    // Those of other tests are due as well, and their drives are this one's.
    const isDue = async () => Date.parse((await state()).dueAt ?? '') <= hall.clock.now()
    expect(await isDue()).toBe(false)
    await run()
    expect(await told()).toEqual([])
    hall.clock.advance(900_000)
    const throttled = new ServiceError('provider_throttled', 'Slower.', {
      retry: { retryable: true, afterSeconds: 7_200 },
    })
    expect((await run({ openDriver: () => Promise.reject(throttled) })).failed).toBeGreaterThan(0)
    expect(Date.parse((await state()).dueAt ?? '')).toBeGreaterThan(hall.clock.now() + 7_100_000)
    hall.clock.advance(7_200_000)
    expect(await isDue()).toBe(true)
    await run()
    expect(await told()).toEqual(['edited'])
    expect(await isDue()).toBe(false)

    await user().edit(await keyOf(), bytes('once more'))
    await connections.update(await state(), { status: 'requires_reauth', reason: 'grant_revoked' })
    hall.clock.advance(900_000)
    await run()
    expect(await told()).toEqual(['edited'])
    await connections.update(await state(), { status: 'active', reason: undefined })
    await run()
    expect(await told()).toEqual(['edited', 'edited'])
  })

  it('says that its drives tell of changes', () => {
    expect(aboutOf(provider).tellsChanges).toBe(true)
    expect(hall.driver.changes).toBeDefined()
  })
})
