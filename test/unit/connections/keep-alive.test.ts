import { PutCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import { keepAlive as keepAllAlive } from '../../../lib/connections/keep-alive.ts'
import { getConnection } from '../../../lib/connections/read.ts'
import { asFunction } from '../../support/as-function.ts'
import { documentClient } from '../../support/grants-stack.ts'
import type { Cloud, World } from '../../support/grants-world.ts'
import { connect, openWorld, reconnect } from '../../support/grants-world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  await world.forget()
  for (const provider of providers) {
    await world.simulator(provider).clearFaults()
    await world.simulator(provider).clear()
  }
})

/** As its function does it, with that function's rights. */
const keepAlive: typeof keepAllAlive = (...given) => asFunction('keep-alive', () => keepAllAlive(...given))

const day = 24 * 3600 * 1000
const providers: readonly Cloud[] = ['google-drive', 'onedrive']
const read = (connection: Connection) => getConnection(world.main, connection, connection.connectionId)

describe('the keep-alive', () => {
  const run = { limit: 100, remainingMs: () => 600_000 }
  // Connections of the tests before have been idle for ever after a jump in
  // time; each test takes them out of the way first.
  const settle = async (): Promise<void> => {
    await keepAlive(world.main, run)
    for (const provider of providers) await world.simulator(provider).clear()
  }

  it('keeps both providers’ grants alive for more than a year of silence', async () => {
    const google = await connect(world.main, 'years', 'google-drive', 'years@example.com')
    const microsoft = await connect(world.main, 'years', 'onedrive', 'years@example.com')
    for (let month = 0; month < 14; month += 1) {
      world.advance(30 * day)
      await keepAlive(world.open(), run)
    }
    for (const connection of [google, microsoft]) {
      await expect(
        world
          .open()
          .accessTokens.sourceOf(await read(connection))
          .get(),
      ).resolves.toBeDefined()
    }
    const stored = await world.open().vault.readGrant(microsoft.connectionId)
    expect(stored?.issuedAt).toBeGreaterThan(world.clock.now() - 61 * day)
  })

  it('refreshes what would die of idleness, and only that', async () => {
    const google = await connect(world.main, 'keep', 'google-drive', 'keep@example.com')
    const microsoft = await connect(world.main, 'keep', 'onedrive', 'keep@example.com')
    await settle()
    world.advance(25 * day)
    expect(await keepAlive(world.main, run)).toEqual({ refreshed: 0, dead: 0, failed: 0 })
    world.advance(10 * day)
    const mine = await connect(world.main, 'keep-new', 'onedrive', 'keep-new@example.com')
    await keepAlive(world.main, run)
    const after = await read(microsoft)
    expect(Date.parse(after.keepAliveAt ?? '')).toBeGreaterThan(world.clock.now() + 29 * day)
    expect(await read(mine)).toEqual(mine)
    expect(await read(google)).toMatchObject({ keepAliveAt: google.keepAliveAt })
    expect(await world.simulator('google-drive').tokenCalls()).toBe(0)
  })

  it('stops at its limit and when time is short', async () => {
    await Promise.all(
      Array.from({ length: 6 }, (_, at) =>
        connect(world.main, `limit-${at}`, 'onedrive', `limit-${at}@example.com`),
      ),
    )
    await settle()
    world.advance(35 * day)
    expect((await keepAlive(world.main, { limit: 4, remainingMs: () => 600_000 })).refreshed).toBe(4)
    expect(await keepAlive(world.main, { limit: 4, remainingMs: () => 1_000 })).toEqual({
      refreshed: 0,
      dead: 0,
      failed: 0,
    })
  })

  it('leaves a provider alone that is down, kills nothing, and goes on with the other', async () => {
    const google = await connect(world.main, 'outage', 'google-drive', 'outage@example.com')
    const microsoft = await connect(world.main, 'outage', 'onedrive', 'outage@example.com')
    await settle()
    world.advance(65 * day)
    await world.simulator('google-drive').fault({ type: 'status', status: 503 }, { times: 1000 })
    await keepAlive(world.main, run)
    expect(await world.simulator('google-drive').tokenCalls()).toBeLessThanOrEqual(5)
    expect(await read(google)).toMatchObject({ status: 'active', keepAliveAt: google.keepAliveAt })
    expect(Date.parse((await read(microsoft)).keepAliveAt ?? '')).toBeGreaterThan(
      world.clock.now() + 29 * day,
    )
  })

  it('finds grants that died and tells their users', async () => {
    const connection = await connect(world.main, 'gone', 'onedrive', 'gone@example.com')
    await settle()
    await world.simulator('onedrive').revoke('gone@example.com')
    world.advance(35 * day)
    await world.forget()
    const report = await keepAlive(world.main, run)
    expect(report.dead).toBe(1)
    expect(await read(connection)).toMatchObject({ status: 'requires_reauth' })
    expect((await world.told()).filter(({ type }) => type === 'Connection Requires Reauth')).toHaveLength(1)
    expect((await keepAlive(world.main, run)).dead).toBe(0)
  })

  /** A dead connection as a version before this one left it when it could not tell of it. */
  const deadAndUntold = async (sub: string): Promise<Connection> => {
    const connection = await connect(world.main, sub, 'google-drive', `${sub}@example.com`)
    await settle()
    const { keepAliveAt: _, ...row } = { ...connection, status: 'requires_reauth', reason: 'grant_revoked' }
    const Item = { ...row, idleSince: '1970-01-01T00:00:00.000Z' }
    await documentClient(world.endpoints.dynamoDb).send(new PutCommand({ TableName: 'connections', Item }))
    await world.forget()
    return connection
  }

  it('tells of a dead grant that an older version could not tell of, once', async () => {
    const connection = await deadAndUntold('untold')
    // Two runs at once, as when a schedule fires twice.
    const reports = await Promise.all([keepAlive(world.main, run), keepAlive(world.open(), run)])
    expect(reports.reduce((sum, { dead }) => sum + dead, 0)).toBe(1)
    expect(await world.told()).toMatchObject([
      {
        type: 'Connection Requires Reauth',
        detail: { connectionId: connection.connectionId, reason: 'grant_revoked' },
      },
    ])
    world.advance(day)
    expect((await keepAlive(world.main, run)).dead).toBe(0)
    expect(await world.told()).toHaveLength(1)
    expect(await world.simulator('google-drive').tokenCalls()).toBe(0)
  })

  it('tells nothing of one that was reconnected first', async () => {
    const connection = await deadAndUntold('healed')
    await reconnect(world.main, connection, 'healed@example.com')
    await world.forget()
    expect(await keepAlive(world.main, run)).toEqual({ refreshed: 0, dead: 0, failed: 0 })
    expect(await world.told()).toEqual([])
  })
})
