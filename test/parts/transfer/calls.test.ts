import { describe, expect, test } from 'vitest'
import { getDocument } from '../../../lib/documents/get-document.ts'
import { statDocument } from '../../../lib/documents/stat-document.ts'
import { hallProviders, hallWorld, writes } from '../../support/hall-world.ts'
import { documentDeps, messageOf, randomBytes } from '../../support/intake-world.ts'

/** Calls of the provider for each operation; a large document has three parts here, S3's two. */
const most = {
  'google-drive': { create: 1, replace: 1, get: 2, large: 1 + 3 },
  // A personal account opens a session by the item's name, which is asked for.
  onedrive: { create: 2, replace: 2 + 1, get: 2, large: 1 + 3 },
  // What is written over is asked for first, and so is the name of what takes a session.
  dropbox: { create: 1, replace: 1 + 1, get: 1, large: 2 + 3 },
  s3: { create: 1, replace: 1 + 1, get: 1, large: 4 + 2 },
} as const

/** Shows which calls there were, when there were more. */
function expectAtMost(calls: readonly string[], most: number): void {
  expect(calls.slice(most)).toEqual([])
}

describe.each(hallProviders)('what an operation asks for, on %s', (provider) => {
  const world = hallWorld(provider)
  const { large } = writes[provider]
  const asked = () => ({
    ...world.where(),
    userId: world.connection.userId,
    signal: AbortSignal.timeout(60_000),
  })
  /** Folders, ids and the like are there already, and the process has met the user. */
  const settled = async (): Promise<void> => {
    await world.put(randomBytes(10), { ...world.where('first') })
  }
  const expectCalls = async (
    work: () => Promise<unknown>,
    aws: readonly string[],
    provider: number,
  ): Promise<void> => {
    const calls = await world.calls(work)
    expect(calls.aws.map((call) => call.replace(/ .*/, ''))).toEqual(aws)
    expectAtMost(calls.provider, provider)
  }

  test('for a put, a replacement, a stat, a read and a delete', async () => {
    await settled()
    const { create, replace, get } = most[provider]
    const put = ['BatchGetItem', 'PutItem', 'UpdateItem']
    await expectCalls(async () => await world.put(randomBytes(900)), put, create)
    // On S3 the object before is named in the row until it is gone.
    const taken = provider === 's3' ? ['UpdateItem'] : []
    const again = ['BatchGetItem', 'UpdateItem', 'UpdateItem', ...taken]
    await expectCalls(async () => await world.put(randomBytes(800)), again, replace)
    const deps = documentDeps(world.opened)
    await expectCalls(async () => await statDocument(deps, asked()), ['BatchGetItem'], 1)
    const whole = { range: undefined, ifNoneMatch: undefined, ifRange: undefined, isHead: false }
    const read = async (): Promise<void> => {
      const outcome = await getDocument(deps, { ...asked(), ...whole })
      if (outcome.kind === 'content') await outcome.body.toArray()
    }
    await expectCalls(read, ['BatchGetItem'], get)
    await expectCalls(async () => await world.remove(), ['BatchGetItem', 'UpdateItem', 'DeleteItem'], 1)
  })

  test('for an announcement', async () => {
    await settled()
    await expectCalls(async () => await world.announce(randomBytes(900)), ['BatchGetItem', 'PutItem'], 0)
  })

  test.each(['drop', 'upload'] as const)('for a small document that comes by %s', async (door) => {
    await settled()
    const content = randomBytes(900)
    if (door === 'drop') await world.drop(content)
    else await (await world.announce(content)).upload()
    const { create } = most[provider]
    const claim = door === 'drop' ? 'PutItem' : 'UpdateItem'
    // A session's address is written down before the first byte.
    const session = provider === 'onedrive' ? ['UpdateItem'] : []
    const rows = ['BatchGetItem', claim, ...session, 'UpdateItem', 'UpdateItem']
    const bucket = ['GET', 'DELETE']
    await expectCalls(async () => await world.deliverQueue(), [...rows, ...bucket], create)
  })

  test('for a large document', async () => {
    await settled()
    const object = await world.drop(randomBytes(large))
    const calls = await world.calls(async () => await world.deliverBody(messageOf(object)))
    expectAtMost(calls.provider, most[provider].large)
    // Each fragment that was acknowledged is written down.
    const rows = calls.aws.filter((call) => call.endsWith('Item'))
    expectAtMost(rows, 5 + 3)
  })
})
