import { describe, expect, test } from 'vitest'
import type { Driver } from '../../../lib/storage/driver.ts'
import { hallWorld } from '../../support/hall-world.ts'
import { randomBytes, sha256 } from '../../support/intake-world.ts'

describe('a put that names the version it writes over, on a drive that can refuse', () => {
  const world = hallWorld('onedrive')
  const { expectAtRest } = world
  /** The user edits the file when the put has looked already, and has not written yet. */
  const editing = (content: Buffer): void => {
    const plain = world.driver
    const { sessions = expect.unreachable() } = plain
    const edit = async (): Promise<void> => void (await world.place.own('doc.bin', content))
    const driver: Driver = {
      ...plain,
      sessions: {
        ...sessions,
        async begin(...given) {
          await edit()
          return await sessions.begin(...given)
        },
      },
      async write(...given) {
        await edit()
        return await plain.write(...given)
      },
    }
    world.driver = driver
  }
  const stored = async (): Promise<string> => {
    await world.put(randomBytes(500))
    return (await world.document()).etag ?? expect.unreachable()
  }

  test.each([
    ['', 700],
    [' with an empty one', 0],
  ])('is refused%s when the user was faster by a moment, and changes nothing', async (_with, size) => {
    const ifMatch = await stored()
    const edited = randomBytes(600)
    editing(edited)
    await expect(world.put(randomBytes(size), { ifMatch })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
    expect(await world.hashes()).toEqual([sha256(edited)])
    expect(await world.document()).toMatchObject({ status: 'stored' })
    expect(await world.told()).toEqual(['Document Stored'])
  })

  test.each([
    ['no version', undefined],
    ['any version', '*'],
  ])('writes over the edit when it names %s', async (_what, ifMatch) => {
    await stored()
    editing(randomBytes(600))
    const content = randomBytes(700)
    await world.put(content, { ifMatch })
    await expectAtRest(content)
  })

  test('writes over the version that it names', async () => {
    const content = randomBytes(700)
    await world.put(content, { ifMatch: await stored() })
    await expectAtRest(content)
  })

  test('leaves an upload that it has pushed aside as it was when it is refused', async () => {
    const ifMatch = await stored()
    const content = randomBytes(900)
    const upload = await world.announce(content)
    editing(randomBytes(600))
    await expect(world.put(randomBytes(700), { ifMatch })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
    expect(await world.document()).toMatchObject({ status: 'receiving' })
    await upload.upload()
    await world.deliverQueue()
    await expectAtRest(content)
  })
})
