import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Connection } from '../../../lib/catalog/connections.ts'
import { oauth2Of } from '../../../lib/providers/registry.ts'
import { disconnectConnection } from '../../../lib/connections/disconnect.ts'
import { CloudConnectionError, ServiceError } from '../../../lib/errors.ts'
import { secret } from '../../../lib/secret.ts'
import { serve } from '../../support/serve.ts'
import { startFaultProxy } from '../../support/fault-proxy.ts'
import type { Stack } from '../../support/grants-stack.ts'
import { openStack } from '../../support/grants-stack.ts'
import { clouds, freshWorld } from '../../support/fresh-world.ts'
import type { Cloud, World } from '../../support/grants-world.ts'
import { clients, clientSecretOf, connect, reconnect, useCases } from '../../support/grants-world.ts'

let world: World
freshWorld((opened) => {
  world = opened
})

const hour = 3600 * 1000
const day = 24 * hour
const tokenCalls = (provider: Cloud): Promise<number> => world.simulator(provider).tokenCalls()
const read = (connection: Connection) => world.main.connections.get(connection, connection.connectionId)

let users = 0
/** A fresh connection whose access token has run out. */
async function expired(provider: Cloud): Promise<{ connection: Connection; account: string }> {
  users += 1
  const account = `user-${users}@example.com`
  const connection = await connect(world.main, `user-${users}`, provider, account)
  world.advance(2 * hour)
  await world.simulator(provider).clear()
  await world.forget()
  return { connection, account }
}

async function setSecret(provider: Cloud, clientSecret: string): Promise<void> {
  const name = provider === 'google-drive' ? 'oauth/google' : 'oauth/microsoft'
  await world.putSecret(name, { ...clientSecretOf(provider), clientSecret })
}

const askAll = (stacks: readonly Stack[], connection: Connection, each: number) =>
  Promise.allSettled(
    stacks.flatMap((stack) =>
      Array.from({ length: each }, () => stack.accessTokens.sourceOf(connection).get()),
    ),
  )

describe.each(clouds)('tokens of %s', (provider) => {
  it('are refreshed within a minute of their end, and not before', async () => {
    const connection = await connect(world.main, `edge-${provider}`, provider, `edge-${provider}@example.com`)
    const { expiresAt } = await world.main.accessTokens.sourceOf(connection).get()
    await world.simulator(provider).clear()
    world.advance(expiresAt - world.clock.now() - 65_000)
    await world.open().accessTokens.sourceOf(connection).get()
    expect(await tokenCalls(provider)).toBe(0)
    world.advance(6_000)
    const next = await world.open().accessTokens.sourceOf(connection).get()
    expect(next.expiresAt).toBeGreaterThan(expiresAt)
    expect(await tokenCalls(provider)).toBe(1)
  })

  it('are refreshed once for 100 callers in one process, and then served from memory', async () => {
    const { connection } = await expired(provider)
    const stack = world.open()
    const outcomes = await askAll([stack], connection, 100)
    expect(
      new Set(
        outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.token.reveal() : 'failed')),
      ).size,
    ).toBe(1)
    await stack.accessTokens.sourceOf(connection).get()
    expect(await tokenCalls(provider)).toBe(1)
  })

  it('are renewed once for all who got a 401 with the same token', async () => {
    const connection = await connect(world.main, `401-${provider}`, provider, `401-${provider}@example.com`)
    const stacks = [world.open(), world.open(), world.open()]
    const [stale] = await Promise.all(stacks.map((stack) => stack.accessTokens.sourceOf(connection).get()))
    await world.simulator(provider).expireTokens(`401-${provider}@example.com`)
    await world.simulator(provider).clear()
    if (stale === undefined) throw new Error('no token')
    const renewed = await Promise.all(
      stacks.flatMap((stack) =>
        Array.from({ length: 10 }, () => stack.accessTokens.sourceOf(connection).renew(stale)),
      ),
    )
    expect(new Set(renewed.map(({ version }) => version)).size).toBe(1)
    expect(renewed[0]?.version).toBeGreaterThan(stale.version)
    await stacks[0]?.accessTokens.sourceOf(connection).renew(stale)
    expect(await tokenCalls(provider)).toBe(1)
  })

  it('of a revoked grant: asked twice, one event, and no call ever after', async () => {
    const { connection, account } = await expired(provider)
    await world.simulator(provider).revoke(account)
    const stacks = [world.open(), world.open(), world.open(), world.open()]
    const outcomes = await askAll(stacks, connection, 25)
    for (const outcome of outcomes) {
      expect(outcome.status === 'rejected' ? outcome.reason : outcome.value).toBeInstanceOf(
        CloudConnectionError,
      )
    }
    expect(outcomes[0]).toMatchObject({
      reason: {
        code: 'connection_requires_reauth',
        context: { links: { reauthorize: `/v1/connections/${connection.connectionId}/reauthorize` } },
      },
    })
    expect(await tokenCalls(provider)).toBe(2)
    expect(await world.told()).toEqual([
      {
        type: 'Connection Requires Reauth',
        detail: {
          eventId: expect.any(String),
          seq: 2,
          schemaVersion: 1,
          occurredAt: expect.any(String),
          userId: connection.userId,
          connectionId: connection.connectionId,
          provider,
          reason: 'grant_revoked',
        },
      },
    ])
    const dead = await read(connection)
    expect(dead).toMatchObject({ status: 'requires_reauth', reason: 'grant_revoked' })
    // With the connection as it is now, and as a process that has not heard still holds it.
    await world.simulator(provider).clear()
    for (const row of [dead ?? connection, connection]) {
      const again = await askAll([world.open(), ...stacks], row, 100)
      expect(again.every(({ status }) => status === 'rejected')).toBe(true)
    }
    expect(await tokenCalls(provider)).toBe(0)
    expect(await world.told()).toHaveLength(1)
  })

  it.each([
    ['an HTTP 500', { type: 'status', status: 500 }, 'provider_unavailable'],
    ['an HTTP 503', { type: 'status', status: 503 }, 'provider_unavailable'],
    ['an HTML page with 502', { type: 'garbage' }, 'provider_unavailable'],
    ['an HTML page with 400', { type: 'garbage', status: 400 }, 'provider_unavailable'],
    ['an HTML page with 200', { type: 'garbage', status: 200 }, 'provider_unavailable'],
    ['throttling', { type: 'status', status: 429 }, 'provider_throttled'],
    ['a broken connection', { type: 'reset' }, 'provider_unavailable'],
    ['a lost answer', { type: 'commit-then-reset' }, 'provider_unavailable'],
    ['an answer that breaks off', { type: 'truncate', afterBytes: 20 }, 'provider_unavailable'],
    ['an endpoint that hangs', { type: 'delay', ms: 700 }, 'provider_unavailable'],
  ])('survive %s at the token endpoint', async (_, fault, code) => {
    const { connection } = await expired(provider)
    await world.simulator(provider).fault(fault)
    const stack = world.open({ timeouts: { connect: 500, answer: 250, idle: 250 } })
    const error: unknown = await stack.accessTokens
      .sourceOf(connection)
      .get()
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code, retry: { retryable: true } })
    expect(error).not.toMatchObject({ retry: { ambiguous: true } })
    expect((await read(connection))?.status).toBe('active')
    expect(await world.told()).toEqual([])
    world.advance(400_000)
    await expect(stack.accessTokens.sourceOf(connection).get()).resolves.toBeDefined()
  })

  it('leave the provider alone as long as it asks for, also from other processes', async () => {
    const { connection } = await expired(provider)
    await world.simulator(provider).fault({ type: 'status', status: 429, headers: { 'retry-after': '30' } })
    await expect(world.open().accessTokens.sourceOf(connection).get()).rejects.toMatchObject({
      code: 'provider_throttled',
      retry: { retryable: true, afterSeconds: 30 },
    })
    const later: unknown = await world
      .open()
      .accessTokens.sourceOf(connection)
      .get()
      .catch((reason: unknown) => reason)
    expect(later).toMatchObject({
      code: 'provider_throttled',
      context: { retryAfterSeconds: expect.any(Number) },
    })
    expect(await tokenCalls(provider)).toBe(1)
    world.advance(31_000)
    await expect(world.open().accessTokens.sourceOf(connection).get()).resolves.toBeDefined()
  })

  it('survive one refusal that does not come again', async () => {
    const { connection } = await expired(provider)
    await world.simulator(provider).fault({ type: 'status', status: 400, reason: 'invalid_grant' })
    await expect(world.open().accessTokens.sourceOf(connection).get()).resolves.toBeDefined()
    expect(await tokenCalls(provider)).toBe(2)
    expect(await read(connection)).toMatchObject({ status: 'active' })
    expect(await world.told()).toEqual([])
  })

  it('end with the grant that ran out by plan, in those words', async () => {
    const { connection, account } = await expired(provider)
    const grantEndsAt = new Date(world.clock.now()).toISOString()
    const limited = await world.main.connections.update(connection, { grantEndsAt })
    await world.simulator(provider).revoke(account)
    await expect(
      world
        .open()
        .accessTokens.sourceOf(limited ?? connection)
        .get(),
    ).rejects.toMatchObject({
      reason: 'grant_expired',
    })
    expect(await read(connection)).toMatchObject({ status: 'requires_reauth', reason: 'grant_expired' })
  })

  it('tell of a grant that does not do, once, and not of one that came after it', async () => {
    const { connection, account } = await expired(provider)
    const source = world.open().accessTokens.sourceOf(connection)
    await Promise.all([1, 2, 3].map(() => source.lost('scope_missing')))
    expect(await read(connection)).toMatchObject({ status: 'requires_reauth', reason: 'scope_missing' })
    expect(await world.told()).toHaveLength(1)
    await reconnect(world.main, connection, account)
    await source.lost('scope_missing')
    expect(await read(connection)).toMatchObject({ status: 'active' })
  })

  it('survive a wrong client secret: the operator’s fault, loudly, and nothing happens to the connection', async () => {
    const { connection } = await expired(provider)
    await world.simulator(provider).registerClient({ ...clients[provider], clientSecret: 'rotated' })
    const stack = world.open()
    const error: unknown = await stack.accessTokens
      .sourceOf(connection)
      .get()
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'operator_attention',
      retry: { retryable: false },
      context: { operatorFault: true },
    })
    expect(await read(connection)).toMatchObject({ status: 'active' })
    expect(await world.told()).toEqual([])
    // As soon as the operator has put the new secret into place, with no restart and no cache to wait for.
    await setSecret(provider, 'rotated')
    await expect(stack.accessTokens.sourceOf(connection).get()).resolves.toBeDefined()
  })

  it('are stored although the caller went away, and the next one finds them', async () => {
    const { connection } = await expired(provider)
    await world.simulator(provider).fault({ type: 'delay', ms: 200 })
    const gone = new AbortController()
    const stack = world.open({ onRefresh: () => gone.abort(new Error('the caller went away')) })
    await expect(stack.accessTokens.sourceOf(connection).get(gone.signal)).rejects.toThrow(
      'the caller went away',
    )
    await expect(world.open().accessTokens.sourceOf(connection).get()).resolves.toBeDefined()
    expect(await tokenCalls(provider)).toBe(1)
  })

  it('of a slow winner whose lease ran out do not overwrite the newer ones', async () => {
    const { connection } = await expired(provider)
    await world.simulator(provider).fault({ type: 'delay', ms: 900 })
    const { promise: sent, resolve: begun } = Promise.withResolvers<void>()
    const slow = world
      .open({ leaseMs: 250, onRefresh: () => begun() })
      .accessTokens.sourceOf(connection)
      .get()
    await sent
    const quick = await world.open({ leaseMs: 5_000 }).accessTokens.sourceOf(connection).get()
    const late = await slow
    expect(late.token.reveal()).not.toBe(quick.token.reveal())
    const row = await world.main.tokens.get(connection.connectionId)
    expect(row?.version).toBe(quick.version)
    const stored = await world.open().accessTokens.sourceOf(connection).get()
    expect(stored.token.reveal()).toBe(quick.token.reveal())
    expect(await tokenCalls(provider)).toBe(2)
  })

  it('come also when the tokens table throttles', async () => {
    const { connection } = await expired(provider)
    const table = await throttlingTable(world.endpoints.dynamoDb)
    const stack = world.open({ tokensEndpoint: table.endpoint })
    await expect(stack.accessTokens.sourceOf(connection).get()).resolves.toBeDefined()
    await table.close()
    expect(await tokenCalls(provider)).toBe(1)
  })

  it.each(['with a lease', 'without one'])(
    'that arrive after a disconnect are not kept, refreshed %s',
    async (how) => {
      const { connection, account } = await expired(provider)
      const { connectionId } = connection
      const table = await startFaultProxy(world.endpoints.dynamoDb)
      // While the table cannot be used, a refresh goes on without a lease.
      if (how === 'without one') table.fault({}, { type: 'reset' }, 100)
      const onRefreshed = async (): Promise<void> => {
        table.clearFaults()
        await disconnectConnection(useCases(world.main).deps, connection)
      }
      const stack = world.open({ tokensEndpoint: table.origin, onRefreshed })
      await expect(stack.accessTokens.sourceOf(connection).get()).resolves.toBeDefined()
      await table.close()
      expect(await world.main.tokens.get(connectionId)).toEqual({
        connectionId,
        dead: 'disconnected',
        fence: expect.any(Number),
        version: expect.any(Number),
      })
      expect(await world.open().readGrant(connection)).toBeUndefined()

      // Whoever still has the connection as it was gets no token, asks no provider and leaves the mark.
      await world.simulator(provider).clear()
      await expect(world.open().accessTokens.sourceOf(connection).get()).rejects.toMatchObject({
        reason: 'refresh_token_missing',
      })
      expect(await tokenCalls(provider)).toBe(0)
      expect(await world.main.tokens.get(connectionId)).toMatchObject({ dead: 'disconnected' })
      expect(await read(connection)).toMatchObject({ status: 'disconnected' })
      expect(await world.told()).toMatchObject([{ type: 'Connection Disconnected' }])

      const back = await reconnect(world.main, connection, account)
      await expect(world.open().accessTokens.sourceOf(back).get()).resolves.toBeDefined()
    },
  )

  it('in their last minute serve on when the token endpoint is down', async () => {
    const connection = await connect(world.main, `last-${provider}`, provider, `last-${provider}@example.com`)
    const stack = world.open()
    const token = await stack.accessTokens.sourceOf(connection).get()
    world.advance(token.expiresAt - world.clock.now() - 20_000)
    await world.simulator(provider).fault({ type: 'status', status: 503 }, { times: 100 })
    expect((await stack.accessTokens.sourceOf(connection).get()).version).toBe(token.version)
    world.advance(21_000)
    await expect(stack.accessTokens.sourceOf(connection).get()).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
  })

  it('copied into another connection’s row do not open there', async () => {
    const mine = await connect(world.main, `row-${provider}`, provider, `row-${provider}@example.com`)
    const theirs = await connect(world.main, `other-${provider}`, provider, `other-${provider}@example.com`)
    const row = await world.main.tokens.get(theirs.connectionId)
    const write = {
      version: world.clock.now() + 1,
      accessToken: row?.accessToken ?? '',
      tokenExpiresAt: row?.tokenExpiresAt ?? 0,
    }
    await world.main.tokens.replace(mine.connectionId, 0, write, world.clock.now() + day)
    const stack = world.open()
    const theirToken = await stack.accessTokens.sourceOf(theirs).get()
    const myToken = await stack.accessTokens.sourceOf(mine).get()
    expect(myToken.token.reveal()).not.toBe(theirToken.token.reveal())
  })

  it('of a connection whose death nobody could record are recorded by the next caller', async () => {
    const { connection } = await expired(provider)
    const owner = 'died-before-telling'
    const now = world.clock.now()
    const row = await world.main.tokens.acquire(connection.connectionId, owner, now, now + 10_000)
    const consent = await world.main.grants.consent(connection.connectionId)
    await world.main.tokens.settle(
      { connectionId: connection.connectionId, owner, fence: row?.fence ?? 0 },
      { kind: 'dead', reason: 'grant_expired', consent, rowExpiresAt: now + day },
    )
    await askAll([world.open(), world.open()], connection, 10)
    expect(await read(connection)).toMatchObject({ status: 'requires_reauth', reason: 'grant_expired' })
    expect(await world.told()).toHaveLength(1)
    expect(await tokenCalls(provider)).toBe(0)
  })

  it('are neither in the tables nor in the connection in clear', async () => {
    const { connection } = await expired(provider)
    const { token } = await world.open().accessTokens.sourceOf(connection).get()
    const grant = await world.main.readGrant(connection)
    const stored = JSON.stringify([
      await world.main.tokens.get(connection.connectionId),
      await read(connection),
    ])
    expect(stored).not.toContain(token.reveal())
    expect(stored).not.toContain(grant?.refreshToken.reveal())
    expect(JSON.stringify([token, grant])).not.toContain(token.reveal())
  })
})

afterEach(async () => {
  for (const provider of clouds) {
    await world.simulator(provider).registerClient(clients[provider])
    await setSecret(provider, clients[provider].clientSecret)
  }
})

describe('a refresh token that is good once', () => {
  const facts = oauth2Of('onedrive')
  const asTheyAre = { ...facts }
  beforeAll(() => void Object.assign(facts, { refreshTokens: 'single use' }))
  afterAll(() => void Object.assign(facts, asTheyAre))

  it('is not used where the tokens table cannot keep what comes for it', async () => {
    const { connection } = await expired('onedrive')
    const table = await startFaultProxy(world.endpoints.dynamoDb)
    table.fault({}, { type: 'reset' }, 100)
    const stack = world.open({ tokensEndpoint: table.origin })
    await expect(stack.accessTokens.sourceOf(connection).get()).rejects.toMatchObject({
      code: 'provider_unavailable',
      retry: { retryable: true },
    })
    expect(await tokenCalls('onedrive')).toBe(0)
    table.clearFaults()
    await expect(stack.accessTokens.sourceOf(connection).get()).resolves.toBeDefined()
    await table.close()
  })

  it('whose successor could not be stored is an error, and no token that hides it', async () => {
    const { connection } = await expired('onedrive')
    const before = await world.main.readGrant(connection)
    const table = await startFaultProxy(world.endpoints.dynamoDb)
    const onRefreshed = (): Promise<void> => {
      table.fault({}, { type: 'reset' }, 100)
      return Promise.resolve()
    }
    const stack = world.open({ grantsEndpoint: table.origin, onRefreshed })
    await expect(stack.accessTokens.sourceOf(connection).get()).rejects.toBeInstanceOf(ServiceError)
    await table.close()
    expect(await world.main.readGrant(connection)).toEqual(before)
    expect(await read(connection)).toMatchObject({ status: 'active' })
  })

  it('whose successor came after the lease had ended is stored, unless somebody else was quicker', async () => {
    const { connection } = await expired('onedrive')
    const { connectionId } = connection
    const before = await world.main.readGrant(connection)
    const onRefreshed = async (): Promise<void> => {
      world.advance(1_000)
      const now = world.clock.now()
      expect(await world.main.tokens.acquire(connectionId, 'another', now, now + 500)).toBeDefined()
    }
    const stack = world.open({ leaseMs: 250, onRefreshed })
    await stack.accessTokens.sourceOf(connection).get()
    const after = await world.main.readGrant(connection)
    expect(after?.issuedAt).toBeGreaterThan(before?.issuedAt ?? 0)

    world.advance(2 * hour)
    const quicker = world.open()
    const late = world.open({
      leaseMs: 250,
      onRefreshed: async () => {
        world.advance(1_000)
        await quicker.accessTokens.sourceOf(connection).get()
      },
    })
    const lost = await late.accessTokens.sourceOf(connection).get()
    const stands = await quicker.accessTokens.sourceOf(connection).get()
    expect(stands.token.reveal()).not.toBe(lost.token.reveal())
    expect((await world.main.tokens.get(connectionId))?.version).toBe(stands.version)
  })
})

describe('a refused refresh token', () => {
  it.each(clouds)('that is replaced while %s looks at it is no dead grant', async (provider) => {
    const { connection } = await expired(provider)
    const good = await world.main.grants.read(connection)
    if (good === undefined) throw new Error('no grant')
    await world.main.grants.used(connection, good, { refreshToken: secret('a-bad-one') })
    await world.simulator(provider).fault({ type: 'delay', ms: 200 })
    let replaced: Promise<unknown> | undefined
    const replace = async (): Promise<void> => {
      const bad = await world.main.grants.read(connection)
      if (bad !== undefined) await world.main.grants.used(connection, bad, good.held)
    }
    const stack = world.open({ onRefresh: () => void (replaced ??= replace()) })
    await expect(stack.accessTokens.sourceOf(connection).get()).resolves.toBeDefined()
    await replaced
    expect(await tokenCalls(provider)).toBeLessThanOrEqual(3)
    expect((await read(connection))?.status).toBe('active')
  })

  it.each(clouds)('of the consent before does no harm to the new one (%s)', async (provider) => {
    const { connection, account } = await expired(provider)
    await world.simulator(provider).revoke(account)
    // A completion that died before it came to the tokens row leaves the mark of the old grant there.
    const stack = world.open({
      onRefreshed: async () => {
        await reconnect(world.main, connection, account)
        await world.main.tokens.retire(connection.connectionId, world.clock.now() + day)
      },
    })
    await stack.accessTokens
      .sourceOf(connection)
      .get()
      .catch(() => undefined)
    expect(await read(connection)).toMatchObject({ status: 'active' })
    const back = (await read(connection)) ?? connection
    await expect(world.open().accessTokens.sourceOf(back).get()).resolves.toBeDefined()
    expect(await read(connection)).toMatchObject({ status: 'active' })
  })
})

/** A Google that replaces the refresh token with each refresh, and takes note of those that are presented. */
async function rotatingGoogle(): Promise<{ origin: string; presented: string[] }> {
  const presented: string[] = []
  const origin = await serve((req, res) => {
    void text(req).then((form) => {
      presented.push(new URLSearchParams(form).get('refresh_token') ?? '')
      const tokens = {
        access_token: `canary-access-${presented.length}`,
        refresh_token: `canary-rotated-${presented.length}`,
        expires_in: 3600,
        scope: oauth2Of('google-drive').scopes.join(' '),
        token_type: 'Bearer',
      }
      res.setHeader('content-type', 'application/json').end(JSON.stringify(tokens))
    })
  })
  return { origin, presented }
}

it('a refresh token that comes with a refresh is kept, whoever sends it', async () => {
  const { connection } = await expired('google-drive')
  const before = await world.main.readGrant(connection)
  const { origin, presented } = await rotatingGoogle()
  for (let use = 0; use < 3; use += 1) {
    const stack = openStack({ ...world.endpoints, google: origin }, { clock: world.clock })
    onTestFinished(() => stack.close())
    await stack.accessTokens.sourceOf(connection).get()
    world.advance(2 * hour)
  }
  expect(presented).toEqual([before?.refreshToken.reveal(), 'canary-rotated-1', 'canary-rotated-2'])
  world.advance(2 * day)
  const last = openStack({ ...world.endpoints, google: origin }, { clock: world.clock })
  onTestFinished(() => last.close())
  await last.accessTokens.sourceOf(connection).get()
  const stored = await world.main.readGrant(connection)
  expect(stored?.refreshToken.reveal()).toBe('canary-rotated-4')
})

const writes = async (): Promise<number> => {
  const calls = await world.aws.calls()
  return Object.entries(calls).reduce(
    (sum, [target, times]) => (/PutSecretValue|CreateSecret/.test(target) ? sum + times : sum),
    0,
  )
}

describe('Secrets Manager', () => {
  it('is written by no refresh: the newest refresh token stays in its row, and the keep-alive is put off', async () => {
    const { connection } = await expired('onedrive')
    await world.aws.clear()
    for (let use = 0; use < 6; use += 1) {
      await world.open().accessTokens.sourceOf(connection).get()
      world.advance(2 * hour)
    }
    world.advance(day)
    await askAll([world.open(), world.open(), world.open(), world.open()], connection, 5)
    expect(await writes()).toBe(0)
    const row = await world.main.grantRows.get(connection.connectionId)
    expect(row?.hotIssuedAt).toBeGreaterThan(world.clock.now() - hour)
    expect(Date.parse(row?.dueAt ?? '')).toBeGreaterThan(world.clock.now() + 29 * day)
  })

  it('that has lost a grant’s secret is an alarm and a wait, and no dead grant', async () => {
    const { connection } = await expired('google-drive')
    const row = await world.main.grantRows.get(connection.connectionId)
    await world.main.secrets.remove(row?.at ?? '')
    await expect(world.open().accessTokens.sourceOf(connection).get()).rejects.toMatchObject({
      code: 'provider_unavailable',
      retry: { retryable: true },
      context: { providerCode: 'vault_inconsistent' },
    })
    expect(await tokenCalls('google-drive')).toBe(0)
    expect(await read(connection)).toMatchObject({ status: 'active' })
    expect(await world.told()).toEqual([])
  })

  it('that throttles is not needed where memory and table have it all', async () => {
    for (const provider of clouds) {
      const { connection } = await expired(provider)
      const stack = world.open()
      await stack.accessTokens.sourceOf(connection).get()
      world.advance(2 * hour)
      await world.aws.throttle('GetSecretValue', 100)
      await expect(stack.accessTokens.sourceOf(connection).get()).resolves.toBeDefined()
      await world.aws.clearFaults()
    }
  })

  it('that cannot be read proves nothing: the connection lives', async () => {
    const { connection, account } = await expired('google-drive')
    const stack = world.open()
    await stack.accessTokens.sourceOf(connection).get()
    await world.simulator('google-drive').revoke(account)
    world.advance(2 * hour)
    await world.aws.throttle('GetSecretValue', 100)
    await expect(world.open().accessTokens.sourceOf(connection).get()).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    expect((await read(connection))?.status).toBe('active')
    await world.aws.clearFaults()
    world.advance(2_000)
    await expect(stack.accessTokens.sourceOf(connection).get()).rejects.toBeInstanceOf(CloudConnectionError)
  })
})

/** A way to DynamoDB on which every call is throttled. */
async function throttlingTable(target: string): Promise<{ endpoint: string; close: () => Promise<void> }> {
  const { hostname } = new URL(target)
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' })
      response.end(
        JSON.stringify({
          __type: 'com.amazonaws.dynamodb.v20120810#ThrottlingException',
          message: 'slow down',
        }),
      )
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, hostname, resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://${hostname}:${port}`,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}
