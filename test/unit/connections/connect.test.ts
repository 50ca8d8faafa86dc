import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { reauthorizeConnection, startConnection } from '../../../lib/connections/authorize.ts'
import { handleCallback } from '../../../lib/connections/callback.ts'
import { completeConnection } from '../../../lib/connections/complete.ts'
import { presentConnection } from '../../../lib/connections/present.ts'
import { getConnection, listConnections } from '../../../lib/connections/read.ts'
import type { Cloud, World } from '../../support/grants-world.ts'
import {
  approve,
  caller,
  clientSecretOf,
  connect,
  consent,
  openWorld,
  returnUrl,
  useCases,
} from '../../support/grants-world.ts'

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

const providers: readonly Cloud[] = ['google-drive', 'onedrive']
const deps = () => useCases(world.main).deps
const start = async (sub: string, provider: Cloud, options: { returnUrl?: string } = { returnUrl }) => {
  const { connection, authorizationUrl } = await startConnection(deps(), {
    ...caller(sub),
    provider,
    ...options,
  })
  return { connection, authorizationUrl: authorizationUrl ?? '' }
}
const complete = (
  sub: string,
  connectionId: Parameters<typeof completeConnection>[1]['connectionId'],
  completionCode: string,
) => completeConnection(deps(), { ...caller(sub), connectionId, completionCode })

describe.each(providers)('connecting %s', (provider) => {
  it('goes from pending over the callback to active, with the account and an event', async () => {
    const { connection, authorizationUrl } = await start('alice', provider)
    expect(connection.status).toBe('pending')
    const query = new URL(authorizationUrl).searchParams
    expect(query.get('code_challenge_method')).toBe('S256')
    expect(query.get('redirect_uri')).toBe('https://api.example.com/v1/oauth/callback')

    const code = await approve(world.main, authorizationUrl, 'alice@example.com')
    const active = await complete('alice', connection.connectionId, code)
    expect(presentConnection(active)).toMatchObject({
      id: connection.connectionId,
      provider,
      status: 'active',
      account: { email: 'alice@example.com' },
    })
    expect(active.accountId).toMatch(/.{8,}/)
    expect(await world.told()).toEqual([
      {
        type: 'Connection Activated',
        detail: {
          eventId: expect.stringMatching(/^[0-9a-f-]{36}$/),
          seq: 1,
          schemaVersion: 1,
          occurredAt: active.updatedAt,
          userId: 'alice',
          connectionId: connection.connectionId,
          provider,
        },
      },
    ])
    const token = await world.main.accessTokens.sourceOf(active).get()
    expect(token.token.reveal().length).toBeGreaterThan(10)
  })

  it('uses the token of the code exchange, with no refresh', async () => {
    const active = await connect(world.main, 'fresh', provider, 'fresh@example.com')
    await world.simulator(provider).clear()
    await world.open().accessTokens.sourceOf(active).get()
    expect(await world.simulator(provider).tokenCalls()).toBe(0)
  })

  it('refuses a forged state', async () => {
    await expect(handleCallback(deps(), { state: 'forged', code: '4/0Aforged' })).rejects.toMatchObject({
      code: 'invalid_request',
    })
    await expect(handleCallback(deps(), { code: '4/0Aforged' })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  it('refuses a replayed state and leaves the first completion code good', async () => {
    const { connection, authorizationUrl } = await start('alice', provider)
    const query = await consent(authorizationUrl, 'alice@example.com')
    const first = await handleCallback(deps(), query)
    await expect(handleCallback(deps(), query)).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(handleCallback(deps(), { ...query, code: 'another' })).rejects.toMatchObject({
      code: 'invalid_request',
    })
    const code =
      new URL(first.kind === 'redirect' ? first.location : '').searchParams.get('completionCode') ?? ''
    expect((await complete('alice', connection.connectionId, code)).status).toBe('active')
  })

  it('lets one of many simultaneous callbacks with the same state through', async () => {
    const { authorizationUrl } = await start('alice', provider)
    const query = await consent(authorizationUrl, 'alice@example.com')
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => handleCallback(deps(), query)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('refuses a state after ten minutes', async () => {
    const { connection, authorizationUrl } = await start('late', provider)
    const query = await consent(authorizationUrl, 'late@example.com')
    world.advance(601_000)
    await expect(handleCallback(deps(), query)).rejects.toMatchObject({ code: 'invalid_request' })
    expect((await getConnection(deps(), caller('late'), connection.connectionId)).status).toBe('pending')
  })

  it('refuses a completion code after ten minutes', async () => {
    const { connection, authorizationUrl } = await start('late', provider)
    const code = await approve(world.main, authorizationUrl, 'late@example.com')
    world.advance(601_000)
    await expect(complete('late', connection.connectionId, code)).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  it('refuses a completion code the second time', async () => {
    const { connection, authorizationUrl } = await start('twice', provider)
    const code = await approve(world.main, authorizationUrl, 'twice@example.com')
    await complete('twice', connection.connectionId, code)
    await expect(complete('twice', connection.connectionId, code)).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect((await getConnection(deps(), caller('twice'), connection.connectionId)).status).toBe('active')
  })

  it('lets only the user who started complete, and an attempt by another costs nothing', async () => {
    const { connection, authorizationUrl } = await start('mallory', provider)
    const code = await approve(world.main, authorizationUrl, 'victim@example.com')
    await expect(complete('victim', connection.connectionId, code)).rejects.toMatchObject({
      code: 'connection_not_found',
    })
    expect((await getConnection(deps(), caller('mallory'), connection.connectionId)).status).toBe('pending')
    expect((await complete('mallory', connection.connectionId, code)).status).toBe('active')
  })

  it('exchanges nothing before the completion, so an abandoned consent leaves no tokens here', async () => {
    const { authorizationUrl } = await start('idle', provider)
    await world.simulator(provider).clear()
    await approve(world.main, authorizationUrl, 'idle@example.com')
    expect(await world.simulator(provider).tokenCalls()).toBe(0)
  })

  it('refuses the completion code of another connection of the same user', async () => {
    const one = await start('swap', provider)
    const two = await start('swap', provider)
    const codeOfOne = await approve(world.main, one.authorizationUrl, 'swap@example.com')
    await expect(complete('swap', two.connection.connectionId, codeOfOne)).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect((await complete('swap', one.connection.connectionId, codeOfOne)).status).toBe('active')
  })

  it('refuses a code that was swapped in from another start (PKCE), and changes nothing', async () => {
    const mine = await start('mine', provider)
    const theirs = await start('theirs', provider)
    const { code: stolen } = await consent(theirs.authorizationUrl, 'theirs@example.com')
    const { state } = await consent(mine.authorizationUrl, 'mine@example.com')
    const answer = await handleCallback(deps(), { state, code: stolen })
    const completionCode =
      new URL(answer.kind === 'redirect' ? answer.location : '').searchParams.get('completionCode') ?? ''
    await expect(complete('mine', mine.connection.connectionId, completionCode)).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect((await getConnection(deps(), caller('mine'), mine.connection.connectionId)).status).toBe('pending')
  })

  it('refuses a code that the provider gave out and took back already', async () => {
    const { connection, authorizationUrl } = await start('stale', provider)
    const completionCode = await approve(world.main, authorizationUrl, 'stale@example.com')
    await world.simulator(provider).fault({ type: 'commit-then-reset' })
    await expect(complete('stale', connection.connectionId, completionCode)).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    // The same completion code may be tried again, and now the provider says that its code is spent.
    await expect(complete('stale', connection.connectionId, completionCode)).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  it('lets the same completion code succeed once an outage is over', async () => {
    const { connection, authorizationUrl } = await start('outage', provider)
    const code = await approve(world.main, authorizationUrl, 'outage@example.com')
    await world.simulator(provider).fault({ type: 'status', status: 503 })
    await expect(complete('outage', connection.connectionId, code)).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    expect((await complete('outage', connection.connectionId, code)).status).toBe('active')
  })

  it('keeps what the code was exchanged for when a later step fails, and goes on from there', async () => {
    const { connection, authorizationUrl } = await start('halfway', provider)
    const code = await approve(world.main, authorizationUrl, 'halfway@example.com')
    await world.simulator(provider).clear()
    await world.aws.throttle('PutSecretValue|CreateSecret', 10)
    await expect(complete('halfway', connection.connectionId, code)).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    await world.aws.clearFaults()
    expect((await complete('halfway', connection.connectionId, code)).status).toBe('active')
    expect(await world.simulator(provider).tokenCalls()).toBe(1)
  })

  it('passes a denied consent on as an error and spends the state', async () => {
    const { connection, authorizationUrl } = await start('denied', provider)
    const query = await consent(authorizationUrl, 'denied@example.com', { decision: 'deny' })
    const answer = await handleCallback(deps(), query)
    expect(answer).toEqual({
      kind: 'redirect',
      location: `${returnUrl}?connectionId=${connection.connectionId}&error=access_denied`,
    })
    await expect(handleCallback(deps(), query)).rejects.toMatchObject({ code: 'invalid_request' })
    expect((await getConnection(deps(), caller('denied'), connection.connectionId)).status).toBe('pending')
  })

  it('shows pages when there is no returnUrl: the code, or what went wrong', async () => {
    const approved = await start('pages', provider, {})
    const page = await handleCallback(deps(), await consent(approved.authorizationUrl, 'pages@example.com'))
    const html = page.kind === 'page' ? page.html : ''
    const code = /data-completion-code="([^"]+)"/.exec(html)?.[1] ?? ''
    expect(html).not.toMatch(/<script|<style|src=|href=/i)
    expect((await complete('pages', approved.connection.connectionId, code)).status).toBe('active')

    const refused = await start('pages', provider, {})
    const query = await consent(refused.authorizationUrl, 'pages@example.com', { decision: 'deny' })
    const denied = await handleCallback(deps(), query)
    expect(denied.kind === 'page' ? denied.html : '').toContain('data-error="access_denied"')
  })

  it('passes no text of a made-up error on', async () => {
    const { authorizationUrl } = await start('xss', provider, {})
    const state = new URL(authorizationUrl).searchParams.get('state') ?? ''
    const answer = await handleCallback(deps(), { state, error: '"><script>alert(1)</script>' })
    expect(answer.kind === 'page' ? answer.html : '').toContain('data-error="server_error"')
  })

  it('begins a connection again that was never completed', async () => {
    const { connection } = await start('again', provider)
    const second = await reauthorizeConnection(deps(), {
      ...caller('again'),
      connectionId: connection.connectionId,
      returnUrl,
    })
    const code = await approve(world.main, second.authorizationUrl ?? '', 'again@example.com')
    const active = await complete('again', connection.connectionId, code)
    expect(active).toMatchObject({ connectionId: connection.connectionId, status: 'active' })
  })

  it('hides connections from other users', async () => {
    const { connection } = await start('owner', provider)
    await expect(getConnection(deps(), caller('other'), connection.connectionId)).rejects.toMatchObject({
      code: 'connection_not_found',
    })
    await expect(
      reauthorizeConnection(deps(), { ...caller('other'), connectionId: connection.connectionId }),
    ).rejects.toMatchObject({ code: 'connection_not_found' })
    expect(await listConnections(deps(), caller('other'))).toEqual([])
  })
})

describe('connecting', () => {
  it('makes an s3 connection active at once', async () => {
    const { connection, authorizationUrl } = await startConnection(deps(), {
      ...caller('bucket'),
      provider: 's3',
    })
    expect(connection.status).toBe('active')
    expect(authorizationUrl).toBeUndefined()
    expect(await listConnections(deps(), caller('bucket'))).toEqual([connection])
  })

  it('asks Google for offline access with consent, for drive.file alone', async () => {
    const { authorizationUrl } = await start('params', 'google-drive')
    const query = Object.fromEntries(new URL(authorizationUrl).searchParams)
    expect(query).toMatchObject({
      access_type: 'offline',
      prompt: 'consent',
      scope: 'https://www.googleapis.com/auth/drive.file',
      response_type: 'code',
    })
  })

  it('refuses a Google consent without the scope, and saves nothing', async () => {
    const { connection, authorizationUrl } = await start('unticked', 'google-drive')
    const wider = new URL(authorizationUrl)
    wider.searchParams.set('scope', `${wider.searchParams.get('scope')} openid`)
    const query = await consent(wider.href, 'unticked@example.com', { scopes: 'openid' })
    const answer = await handleCallback(deps(), query)
    const code =
      new URL(answer.kind === 'redirect' ? answer.location : '').searchParams.get('completionCode') ?? ''
    await expect(complete('unticked', connection.connectionId, code)).rejects.toMatchObject({
      code: 'connection_requires_reauth',
      reason: 'scope_missing',
    })
    expect((await getConnection(deps(), caller('unticked'), connection.connectionId)).status).toBe('pending')
    expect(await world.main.readGrant(connection)).toBeUndefined()
  })

  it('refuses a grant without a refresh token', async () => {
    await connect(world.main, 'online', 'google-drive', 'online@example.com')
    const { connection, authorizationUrl } = await start('online', 'google-drive')
    const online = new URL(authorizationUrl)
    online.searchParams.set('access_type', 'online')
    const code = await approve(world.main, online.href, 'online@example.com')
    await expect(complete('online', connection.connectionId, code)).rejects.toMatchObject({
      code: 'connection_requires_reauth',
      reason: 'refresh_token_missing',
    })
  })

  it('says when the deployment has no OAuth client, and leaves no row', async () => {
    await world.main.secrets.remove('oauth/google')
    const { deps: bareDeps } = useCases(world.open())
    await expect(
      startConnection(bareDeps, { ...caller('bare'), provider: 'google-drive' }),
    ).rejects.toMatchObject({
      code: 'provider_not_configured',
    })
    expect(await listConnections(bareDeps, caller('bare'))).toEqual([])
    await world.putSecret('oauth/google', clientSecretOf('google-drive'))
  })
})
