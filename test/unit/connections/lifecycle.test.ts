import { describe, expect, it } from 'vitest'
import { reauthorizeConnection, startConnection } from '../../../lib/connections/authorize.ts'
import { completeConnection } from '../../../lib/connections/complete.ts'
import { disconnectConnection } from '../../../lib/connections/disconnect.ts'
import { checkHealth } from '../../../lib/connections/health.ts'
import { getConnection } from '../../../lib/connections/read.ts'
import type { Connection } from '../../../lib/catalog/connections.ts'
import { CloudConnectionError, ServiceError } from '../../../lib/errors.ts'
import type { Driver } from '../../../lib/storage/driver.ts'
import { clouds, freshWorld } from '../../support/fresh-world.ts'
import type { World } from '../../support/grants-world.ts'
import { approve, caller, connect, reconnect, returnUrl, useCases } from '../../support/grants-world.ts'

let world: World
freshWorld((opened) => {
  world = opened
})

const read = (connection: Connection) => getConnection(world.main, connection, connection.connectionId)
const revokeCalls = async (): Promise<number> =>
  (await world.simulator('google-drive').requests()).filter(({ path }) => path.startsWith('/revoke')).length

async function die(connection: Connection, account: string): Promise<void> {
  const provider = clouds.find((id) => id === connection.provider)
  await world.simulator(provider ?? 'google-drive').revoke(account)
  world.advance(2 * 3600 * 1000)
  await expect(world.open().accessTokens.sourceOf(connection).get()).rejects.toBeInstanceOf(
    CloudConnectionError,
  )
}

describe.each(clouds)('reconnecting %s', (provider) => {
  it('heals a dead grant in place, with the same id, and wakes what waited', async () => {
    const account = `heal-${provider}@example.com`
    const connection = await connect(world.main, `heal-${provider}`, provider, account)
    await world.main.connections.change(connection, connection.connectionId, () => ({
      memo: { folder: 'folder-1' },
    }))
    await world.forget()
    await die(connection, account)
    expect(await read(connection)).toMatchObject({ status: 'requires_reauth', reason: 'grant_revoked' })

    const { deps, walked } = useCases(world.main)
    const request = { ...caller(connection.userId), connectionId: connection.connectionId }
    const { authorizationUrl, connection: shown } = await reauthorizeConnection(deps, {
      ...request,
      returnUrl,
    })
    expect(shown.status).toBe('requires_reauth')
    expect(new URL(authorizationUrl ?? '').searchParams.get('login_hint')).toBe(account)
    const completionCode = await approve(world.main, authorizationUrl ?? '', account)
    const healed = await completeConnection(deps, { ...request, completionCode })
    expect(healed).toMatchObject({
      connectionId: connection.connectionId,
      status: 'active',
      accountId: connection.accountId,
      memo: { folder: 'folder-1' },
      createdAt: connection.createdAt,
    })
    expect(healed.reason).toBeUndefined()
    expect(walked.map(({ connectionId }) => connectionId)).toEqual([connection.connectionId])
    expect((await world.told()).map(({ type }) => type)).toEqual([
      'Connection Requires Reauth',
      'Connection Activated',
    ])
    for (const stack of [world.main, world.open()]) {
      await expect(stack.accessTokens.sourceOf(healed).get()).resolves.toMatchObject({
        version: expect.any(Number),
      })
    }
  })

  it('refuses another account and keeps everything as it was', async () => {
    const account = `pin-${provider}@example.com`
    const connection = await connect(world.main, `pin-${provider}`, provider, account)
    const before = await world.main.readGrant(connection)
    await expect(reconnect(world.main, connection, `other-${provider}@example.com`)).rejects.toMatchObject({
      code: 'account_mismatch',
    })
    expect(await read(connection)).toEqual(connection)
    const after = await world.open().readGrant(connection)
    expect(after?.refreshToken.reveal()).toBe(before?.refreshToken.reveal())
  })

  it('does not revoke the old grant, and no refresh that began with it can write over the new one', async () => {
    const account = `race-${provider}@example.com`
    const connection = await connect(world.main, `race-${provider}`, provider, account)
    world.advance(2 * 3600 * 1000)
    const { tokens, sealer } = world.main
    const slow = await tokens.acquire(
      connection.connectionId,
      'slow',
      world.clock.now(),
      world.clock.now() + 60_000,
    )
    await reconnect(world.main, connection, account)
    const sealed = await sealer.seal(
      (await world.main.accessTokens.sourceOf(connection).get()).token,
      'access token',
      connection.connectionId,
    )
    const write = {
      version: world.clock.now() + 1e6,
      accessToken: sealed,
      tokenExpiresAt: world.clock.now() + 1e6,
    }
    const lease = { connectionId: connection.connectionId, owner: 'slow', fence: slow?.fence ?? -1 }
    expect(await tokens.settle(lease, { kind: 'tokens', write, rowExpiresAt: 0 })).toBe(false)
    expect(await revokeCalls()).toBe(0)
  })

  it('brings a disconnected connection back with the same account', async () => {
    const account = `back-${provider}@example.com`
    const connection = await connect(world.main, `back-${provider}`, provider, account)
    await disconnectConnection(useCases(world.main).deps, connection)
    const back = await reconnect(world.main, connection, account)
    expect(back).toMatchObject({
      connectionId: connection.connectionId,
      status: 'active',
      accountId: connection.accountId,
    })
    await expect(world.open().accessTokens.sourceOf(back).get()).resolves.toBeDefined()
  })
})

describe.each(clouds)('disconnecting %s', (provider) => {
  it('ends transfers, revokes where that is possible, deletes the secret and keeps the row', async () => {
    const connection = await connect(world.main, `bye-${provider}`, provider, `bye-${provider}@example.com`)
    const { deps, walked } = useCases(world.main)
    const outcome = await disconnectConnection(deps, connection)
    expect(outcome).toEqual(
      provider === 'google-drive'
        ? { revoked: true }
        : { revoked: false, manageUrl: 'https://account.live.com/consent/Manage' },
    )
    expect(await revokeCalls()).toBe(provider === 'google-drive' ? 1 : 0)
    expect(walked.map(({ connectionId }) => connectionId)).toEqual([connection.connectionId])
    expect(await world.open().readGrant(connection)).toBeUndefined()
    expect(await world.main.tokens.get(connection.connectionId)).toMatchObject({ dead: 'disconnected' })
    expect((await read(connection)).status).toBe('disconnected')
    await expect(world.main.accessTokens.sourceOf(await read(connection)).get()).rejects.toMatchObject({
      code: 'connection_requires_reauth',
    })
  })

  it('ends the grant first: what is under way ends after it, however much it is', async () => {
    const connection = await connect(
      world.main,
      `first-${provider}`,
      provider,
      `first-${provider}@example.com`,
    )
    await world.forget()
    const { deps } = useCases(world.main)
    const then: unknown[] = []
    const walk = async (left: Connection): Promise<void> => {
      then.push(left.status, await world.open().readGrant(left), await revokeCalls())
      throw new ServiceError('provider_unavailable', 'The queue is down.', { retry: { retryable: true } })
    }
    await expect(disconnectConnection({ ...deps, walk }, connection)).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    expect(then).toEqual(['disconnected', undefined, provider === 'google-drive' ? 1 : 0])
    // The next call goes on from there, and tells nothing a second time.
    await disconnectConnection(deps, connection)
    expect((await world.told()).map(({ type }) => type)).toEqual(['Connection Disconnected'])
  })

  it('can be repeated, and removes a connection that was never completed', async () => {
    const connection = await connect(world.main, `rep-${provider}`, provider, `rep-${provider}@example.com`)
    const { deps } = useCases(world.main)
    await disconnectConnection(deps, connection)
    await expect(disconnectConnection(deps, connection)).resolves.toMatchObject({ revoked: false })

    const started = await startConnection(deps, { ...caller('never'), provider })
    await disconnectConnection(deps, started.connection)
    await expect(read(started.connection)).rejects.toMatchObject({ code: 'connection_not_found' })
  })

  it('overrules a consent that was begun before it', async () => {
    const account = `over-${provider}@example.com`
    const connection = await connect(world.main, `over-${provider}`, provider, account)
    const { deps } = useCases(world.main)
    const request = { ...caller(connection.userId), connectionId: connection.connectionId }
    const { authorizationUrl } = await reauthorizeConnection(deps, { ...request, returnUrl })
    const completionCode = await approve(world.main, authorizationUrl ?? '', account)
    world.advance(5)
    await disconnectConnection(deps, connection)
    await expect(completeConnection(deps, { ...request, completionCode })).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect((await read(connection)).status).toBe('disconnected')
    expect(await world.open().readGrant(connection)).toBeUndefined()
  })
})

describe('disconnecting', () => {
  it('keeps the grant on which somebody else of the deployment stands; the last to go revokes it', async () => {
    const one = await connect(world.main, 'shared', 'google-drive', 'shared@example.com')
    const two = await connect(world.main, 'sharer', 'google-drive', 'shared@example.com')
    const outcome = await disconnectConnection(useCases(world.main).deps, one)
    expect(outcome).toEqual({ revoked: false, manageUrl: 'https://myaccount.google.com/connections' })
    world.advance(2 * 3600 * 1000)
    await expect(world.open().accessTokens.sourceOf(two).get()).resolves.toBeDefined()
    expect(await disconnectConnection(useCases(world.main).deps, two)).toEqual({ revoked: true })
  })

  it('says so when Google cannot be reached, uses the connection no more, and finishes when repeated', async () => {
    const connection = await connect(world.main, 'down', 'google-drive', 'down@example.com')
    await world
      .simulator('google-drive')
      .fault({ type: 'status', status: 503 }, { path: '^/revoke', times: 4 })
    const { deps } = useCases(world.main)
    await expect(disconnectConnection(deps, connection)).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    expect((await read(connection)).status).toBe('disconnected')
    await expect(disconnectConnection(deps, connection)).resolves.toEqual({ revoked: true })
    expect(await world.open().readGrant(connection)).toBeUndefined()
  })

  it('leaves the secret restorable for the recovery window when the deployment says so, also for a reconnect', async () => {
    const careful = world.open({ recoveryDays: 7 })
    const connection = await connect(careful, 'careful', 'google-drive', 'careful@example.com')
    await disconnectConnection(useCases(careful).deps, connection)
    expect(await careful.readGrant(connection)).toBeUndefined()
    const back = await reconnect(careful, connection, 'careful@example.com')
    expect(back.status).toBe('active')
    expect(await world.open().readGrant(connection)).toBeDefined()
  })

  it('disconnects s3 and brings it back without consent', async () => {
    const { deps } = useCases(world.main)
    const { connection } = await startConnection(deps, { ...caller('bucket'), provider: 's3' })
    await disconnectConnection(deps, connection)
    expect((await read(connection)).status).toBe('disconnected')
    const back = await reauthorizeConnection(deps, {
      ...caller('bucket'),
      connectionId: connection.connectionId,
    })
    expect(back).toMatchObject({ connection: { status: 'active' } })
    expect(back.authorizationUrl).toBeUndefined()
  })

  it('is refused for somebody else’s connection', async () => {
    const connection = await connect(world.main, 'mine', 'google-drive', 'mine@example.com')
    await expect(
      disconnectConnection(useCases(world.main).deps, {
        ...caller('thief'),
        connectionId: connection.connectionId,
      }),
    ).rejects.toMatchObject({ code: 'connection_not_found' })
    expect((await read(connection)).status).toBe('active')
  })
})

const driver = (parts: Pick<Driver, 'check' | 'space'>) => ({
  ...world.main,
  openDriver: () => Promise.resolve(parts as Driver),
})
const throttled = () => Promise.reject(new ServiceError('provider_throttled', 'later'))

describe('the health check', () => {
  const healthy = {
    check: () => Promise.resolve(),
    space: { usage: () => Promise.resolve({ used: 5, limit: 10 }) },
  }

  it('tells latency and quota of a healthy connection', async () => {
    const connection = await connect(world.main, 'health', 'google-drive', 'health@example.com')
    const answer = await checkHealth(driver(healthy), connection)
    expect(answer).toMatchObject({ healthy: true, status: 'active', quota: { used: 5, limit: 10 } })
    expect(answer.latencyMs).toBeGreaterThanOrEqual(0)
    expect(answer.reason).toBeUndefined()
  })

  it('is still healthy when only the quota is not to be had', async () => {
    const connection = await connect(world.main, 'health', 'google-drive', 'health@example.com')
    expect(await checkHealth(driver({ ...healthy, space: { usage: throttled } }), connection)).toMatchObject({
      healthy: true,
      status: 'active',
    })
  })

  it.each([
    [
      'a provider that is down',
      () => new ServiceError('provider_unavailable', 'down'),
      'provider_unavailable',
    ],
    ['a throttled one', () => new ServiceError('provider_throttled', 'slow'), 'provider_throttled'],
    ['a failure of ours', () => new TypeError('a bug'), 'internal_error'],
  ])('answers, and never fails, for %s', async (_, error, reason) => {
    const connection = await connect(world.main, 'ill', 'google-drive', 'ill@example.com')
    const failing = { check: () => Promise.reject(error()) }
    expect(await checkHealth(driver(failing), connection)).toMatchObject({
      healthy: false,
      status: 'active',
      reason,
    })
    const unopenable = { ...world.main, openDriver: () => Promise.reject(error()) }
    expect(await checkHealth(unopenable, connection)).toMatchObject({ healthy: false, reason })
  })

  it('finds a dead grant and shows what the connection has become', async () => {
    const connection = await connect(world.main, 'found', 'google-drive', 'found@example.com')
    await world.simulator('google-drive').revoke('found@example.com')
    world.advance(2 * 3600 * 1000)
    const source = world.open().accessTokens.sourceOf(connection)
    const check = async (): Promise<void> => {
      await source.get()
    }
    expect(await checkHealth(driver({ check }), connection)).toMatchObject({
      healthy: false,
      status: 'requires_reauth',
      reason: 'grant_revoked',
    })
  })

  it('asks no provider for a connection that is not active', async () => {
    const { connection } = await startConnection(useCases(world.main).deps, {
      ...caller('wait'),
      provider: 'onedrive',
    })
    const untouchable = { ...world.main, openDriver: () => Promise.reject(new Error('was opened')) }
    expect(await checkHealth(untouchable, connection)).toEqual({
      healthy: false,
      status: 'pending',
      checkedAt: expect.any(String),
      latencyMs: 0,
      reason: 'pending',
    })
  })

  it('is an error only for a connection that is not there', async () => {
    const connection = await connect(world.main, 'health', 'google-drive', 'health@example.com')
    await expect(
      checkHealth(driver(healthy), { ...caller('stranger'), connectionId: connection.connectionId }),
    ).rejects.toMatchObject({
      code: 'connection_not_found',
    })
  })
})

describe('the list of connections', () => {
  it('holds all of a user’s connections, oldest first, whatever their status', async () => {
    const { deps } = useCases(world.main)
    const first = await connect(world.main, 'list', 'google-drive', 'list@example.com')
    world.advance(1000)
    const { connection: second } = await startConnection(deps, { ...caller('list'), provider: 'onedrive' })
    world.advance(1000)
    const { connection: third } = await startConnection(deps, { ...caller('list'), provider: 's3' })
    expect((await deps.connections.list(caller('list'))).map(({ connectionId }) => connectionId)).toEqual(
      [first, second, third].map(({ connectionId }) => connectionId),
    )
  })
})

describe('a provider that the deployment does not offer', () => {
  it('is not connected, and what was connected before can be connected again', async () => {
    const { deps } = useCases(world.main)
    const { connectionId } = await connect(world.main, 'offered', 'google-drive', 'offered@example.com')
    const fewer = { ...deps, offered: ['onedrive', 's3'] }
    await expect(
      startConnection(fewer, { ...caller('offered'), provider: 'google-drive' }),
    ).rejects.toMatchObject({ code: 'provider_not_configured' })
    expect((await deps.connections.list(caller('offered'))).length).toBe(1)
    expect(
      (await startConnection(fewer, { ...caller('offered'), provider: 'onedrive' })).connection.status,
    ).toBe('pending')
    const again = await reauthorizeConnection(fewer, { ...caller('offered'), connectionId })
    expect(again.authorizationUrl).toMatch(/^http/)
  })
})

describe('one user', () => {
  it('has no more connections than the deployment allows, and others are not touched by it', async () => {
    const { deps } = useCases(world.main)
    const start = async (sub: string) =>
      await startConnection({ ...deps, connectionsPerUser: 3 }, { ...caller(sub), provider: 's3' })
    const made = [await start('hoarder'), await start('hoarder'), await start('hoarder')]
    await expect(start('hoarder')).rejects.toMatchObject({
      code: 'rate_limited',
      context: { limit: { policy: 'connections', quota: 3 }, retryAfterSeconds: 600 },
    })
    expect((await start('another')).connection.status).toBe('active')
    const [first = expect.unreachable()] = made
    await disconnectConnection({ ...deps, sharesAccount: () => Promise.resolve(false) }, first.connection)
    expect((await start('hoarder')).connection.status).toBe('active')
  })
})
