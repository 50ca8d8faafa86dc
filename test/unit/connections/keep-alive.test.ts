import { PutCommand } from '../../../lib/aws/dynamo.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import { keepAlive as keepAllAlive } from '../../../lib/connections/keep-alive.ts'
import { moveGrants as moveAllGrants } from '../../../lib/connections/move-grants.ts'
import { getConnection } from '../../../lib/connections/read.ts'
import { newConnectionId } from '../../../lib/ids.ts'
import { asFunction } from '../../support/as-function.ts'
import { dynamoAt } from '../../support/aws-caller.ts'
import type { Cloud, World } from '../../support/grants-world.ts'
import { caller, connect, openWorld, reconnect } from '../../support/grants-world.ts'

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

const moveGrants: typeof moveAllGrants = (...given) => asFunction('keep-alive', () => moveAllGrants(...given))

const day = 24 * 3600 * 1000
const providers: readonly Cloud[] = ['google-drive', 'onedrive']
const read = (connection: Connection) => getConnection(world.main, connection, connection.connectionId)

describe('the keep-alive', () => {
  const run = { remainingMs: () => 600_000 }
  const dueIn = async ({ connectionId }: Connection): Promise<number> => {
    const row = await world.main.grantRows.get(connectionId)
    return Date.parse(row?.dueAt ?? '') - world.clock.now()
  }
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
    const stored = await world.open().readGrant(microsoft)
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
    expect(await dueIn(microsoft)).toBeGreaterThan(29 * day)
    expect(await dueIn(mine)).toBeGreaterThan(29 * day)
    expect(await dueIn(google)).toBeLessThan(26 * day)
    expect(await world.simulator('google-drive').tokenCalls()).toBe(0)
  })

  it('begins nothing when time is short, and the next run goes on where it stopped', async () => {
    const all = await Promise.all(
      Array.from({ length: 6 }, (_, at) =>
        connect(world.main, `limit-${at}`, 'onedrive', `limit-${at}@example.com`),
      ),
    )
    await settle()
    world.advance(35 * day)
    const late = await keepAlive(world.main, { remainingMs: () => 1_000 })
    expect(late).toEqual({ refreshed: 0, dead: 0, failed: 0 })
    let left = 4
    const broken = await keepAlive(world.open(), { remainingMs: () => ((left -= 1) > 0 ? 600_000 : 0) })
    expect(broken.refreshed).toBeLessThan(4)
    await keepAlive(world.open(), run)
    for (const connection of all) expect(await dueIn(connection)).toBeGreaterThan(29 * day)
  })

  it('serves more than a page of a shard, each once, also when two run at once', async () => {
    const rows = Array.from({ length: 130 }, () => newConnectionId())
    const whose = { ...caller('many'), provider: 'onedrive' as const }
    for (const connectionId of rows)
      await world.main.grantRows.change({ ...whose, connectionId }, () => ({
        dueAt: new Date(0).toISOString(),
      }))
    // Nobody has these connections: what is left of their grants goes.
    await Promise.all([keepAlive(world.main, run), keepAlive(world.open(), run)])
    const found = await world.main.grantRows.getAll(rows)
    expect(found).toHaveLength(rows.length)
    expect(found.filter(({ dueAt, goneAt }) => dueAt !== undefined || goneAt === undefined)).toEqual([])
  })

  it('takes the grant of a connection whose disconnect broke off', async () => {
    const connection = await connect(world.main, 'broke-off', 'google-drive', 'broke-off@example.com')
    await settle()
    await world.main.connections.change(connection, connection.connectionId, () => ({
      status: 'disconnected',
    }))
    world.advance(65 * day)
    await keepAlive(world.main, run)
    expect(await world.open().readGrant(connection)).toBeUndefined()
    expect(await world.main.tokens.get(connection.connectionId)).toMatchObject({ dead: 'disconnected' })
  })

  it('leaves a provider alone that is down, kills nothing, and goes on with the other', async () => {
    const google = await connect(world.main, 'outage', 'google-drive', 'outage@example.com')
    const microsoft = await connect(world.main, 'outage', 'onedrive', 'outage@example.com')
    await settle()
    world.advance(65 * day)
    await world.simulator('google-drive').fault({ type: 'status', status: 503 }, { times: 1000 })
    await keepAlive(world.main, run)
    expect(await world.simulator('google-drive').tokenCalls()).toBeLessThanOrEqual(40)
    expect(await read(google)).toMatchObject({ status: 'active' })
    // Again in some hours, weeks before it would die.
    expect(await dueIn(google)).toBeLessThan(day)
    expect(await dueIn(microsoft)).toBeGreaterThan(29 * day)
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
    const dead = { status: 'requires_reauth', reason: 'grant_revoked' }
    const Item = { ...connection, ...dead, idleSince: '1970-01-01T00:00:00.000Z' }
    await dynamoAt(world.endpoints.dynamoDb).send(new PutCommand({ TableName: 'connections', Item }))
    await world.forget()
    return connection
  }

  it('tells of a dead grant that an older version could not tell of, once', async () => {
    const connection = await deadAndUntold('untold')
    // Two runs at once, as when a schedule fires twice.
    const moved = await Promise.all([moveGrants(world.main, run), moveGrants(world.open(), run)])
    expect(moved[0] + moved[1]).toBe(1)
    expect(await world.told()).toMatchObject([
      {
        type: 'Connection Requires Reauth',
        detail: { connectionId: connection.connectionId, reason: 'grant_revoked' },
      },
    ])
    world.advance(day)
    expect(await moveGrants(world.main, run)).toBe(0)
    expect(await world.told()).toHaveLength(1)
    expect(await world.simulator('google-drive').tokenCalls()).toBe(0)
  })

  it('tells nothing of one that was reconnected first', async () => {
    const connection = await deadAndUntold('healed')
    await reconnect(world.main, connection, 'healed@example.com')
    await world.forget()
    expect(await moveGrants(world.main, run)).toBe(0)
    expect(await world.told()).toEqual([])
  })
})
