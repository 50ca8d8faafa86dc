import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import { reauthorizeConnection } from '../../../lib/connections/authorize.ts'
import { completeConnection } from '../../../lib/connections/complete.ts'
import { keepAlive as keepAllAlive } from '../../../lib/connections/keep-alive.ts'
import { getConnection } from '../../../lib/connections/read.ts'
import { newConnectionId } from '../../../lib/ids.ts'
import type { OAuthProviderId } from '../../../lib/providers/registry.ts'
import { requireReauth } from '../../../lib/grants/requires-reauth.ts'
import { asFunction } from '../../support/as-function.ts'
import type { World } from '../../support/grants-world.ts'
import { approve, caller, connect, openWorld, returnUrl, useCases } from '../../support/grants-world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  world.events.length = 0
  for (const provider of providers) {
    await world.simulator(provider).clearFaults()
    await world.simulator(provider).clear()
  }
})

/** As its function does it, with that function's rights. */
const keepAlive: typeof keepAllAlive = (...given) => asFunction('keep-alive', () => keepAllAlive(...given))

const day = 24 * 3600 * 1000
const providers: readonly OAuthProviderId[] = ['google-drive', 'onedrive']
const read = (connection: Connection) => getConnection(world.main, connection, connection.connectionId)

describe('the keep-alive', () => {
  const run = { limit: 100, remainingMs: () => 600_000 }
  // Connections of the tests before have been idle for ever after a jump in time; each test takes them out of the way first.
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
    world.events.length = 0
    const report = await keepAlive(world.main, run)
    expect(report.dead).toBe(1)
    expect(await read(connection)).toMatchObject({ status: 'requires_reauth' })
    expect(world.events.filter(({ type }) => type === 'Connection Requires Reauth')).toHaveLength(1)
    expect((await keepAlive(world.main, run)).dead).toBe(0)
  })

  const minute = 60_000
  const told = () => world.events.filter(({ type }) => type === 'Connection Requires Reauth')
  const deadAndUntold = async (sub: string, publish: () => Promise<void>): Promise<Connection> => {
    const connection = await connect(world.main, sub, 'google-drive', `${sub}@example.com`)
    await settle()
    world.events.length = 0
    await requireReauth({ ...world.main, events: { publish } }, connection, 'grant_revoked', () =>
      Promise.resolve(true),
    )
    return connection
  }

  it('sends the event of a dead grant that the event bus refused, once', async () => {
    const connection = await deadAndUntold('refused', () => Promise.reject(new Error('the bus is down')))
    expect(await read(connection)).toMatchObject({ status: 'requires_reauth', reason: 'grant_revoked' })
    world.advance(2 * minute)
    // Two runs at once, as when a schedule fires twice.
    const reports = await Promise.all([keepAlive(world.main, run), keepAlive(world.open(), run)])
    expect(reports.reduce((sum, { dead }) => sum + dead, 0)).toBe(1)
    expect(told()).toEqual([
      {
        type: 'Connection Requires Reauth',
        detail: {
          userId: connection.userId,
          connectionId: connection.connectionId,
          provider: 'google-drive',
          reason: 'grant_revoked',
        },
      },
    ])
    world.advance(day)
    expect((await keepAlive(world.main, run)).dead).toBe(0)
    expect(told()).toHaveLength(1)
    expect(await world.simulator('google-drive').tokenCalls()).toBe(0)
  })

  it('sends the event of a dead grant whose finder died before it could, and leaves one alone that is just at it', async () => {
    const died = Promise.withResolvers<void>()
    const finder = deadAndUntold('died', () => died.promise)
    const marked = await vi.waitUntil(async () => {
      const page = await world.main.connections.listDue('google-drive', 10)
      return page.rows.find(({ eventOwed }) => eventOwed)
    })
    expect(await read(marked)).toMatchObject({ status: 'requires_reauth', eventOwed: true })
    await keepAlive(world.main, run)
    expect(told()).toHaveLength(0)
    world.advance(2 * minute)
    await keepAlive(world.main, run)
    expect(told()).toHaveLength(1)
    died.reject(new Error('killed'))
    await finder
  })

  it('sends the event that a connection of any provider owes, also where nothing is refreshed', async () => {
    const dead = { status: 'requires_reauth', reason: 'grant_revoked', eventOwed: true } as const
    const connection = { ...caller('owes'), connectionId: newConnectionId(), provider: 's3' } as const
    await world.main.connections.create({ ...connection, ...dead })
    world.advance(2 * minute)
    expect(await keepAlive(world.main, run)).toEqual({ refreshed: 0, dead: 1, failed: 0 })
    const { userId, connectionId, provider } = connection
    expect(told()).toEqual([
      {
        type: 'Connection Requires Reauth',
        detail: { userId, connectionId, provider, reason: 'grant_revoked' },
      },
    ])
    expect(await keepAlive(world.main, run)).toEqual({ refreshed: 0, dead: 0, failed: 0 })
  })

  it('owes no event for a connection that was reconnected first', async () => {
    const connection = await deadAndUntold('healed', () => Promise.reject(new Error('the bus is down')))
    const { deps } = useCases(world.main)
    const again = await reauthorizeConnection(deps, {
      ...caller('healed'),
      connectionId: connection.connectionId,
      returnUrl,
    })
    const completionCode = await approve(world.main, again.authorizationUrl ?? '', 'healed@example.com')
    await completeConnection(deps, {
      ...caller('healed'),
      connectionId: connection.connectionId,
      completionCode,
    })
    world.advance(2 * minute)
    expect(await keepAlive(world.main, run)).toEqual({ refreshed: 0, dead: 0, failed: 0 })
    expect(told()).toHaveLength(0)
  })
})
