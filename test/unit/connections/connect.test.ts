import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { reauthorizeConnection, startConnection } from '../../../lib/connections/authorize.ts'
import type { CallbackAnswer } from '../../../lib/connections/callback.ts'
import { handleCallback } from '../../../lib/connections/callback.ts'
import { completeConnection } from '../../../lib/connections/complete.ts'
import { disconnectConnection } from '../../../lib/connections/disconnect.ts'
import { authorizationKey } from '../../../lib/connections/one-time.ts'
import { getConnection, presentConnection } from '../../../lib/connections/read.ts'
import { ofKind } from '../../../lib/grants/grant.ts'
import { secret } from '../../../lib/secret.ts'
import type { Cloud, World } from '../../support/grants-world.ts'
import {
  approve,
  caller,
  clients,
  clientSecretOf,
  connect,
  consent,
  openWorld,
  reconnect,
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
const codeOf = (answer: CallbackAnswer | undefined): string => {
  if (answer?.kind === 'redirect') return new URL(answer.location).searchParams.get('completionCode') ?? ''
  return /data-completion-code="([^"]+)"/.exec(answer?.html ?? '')?.[1] ?? ''
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

  it('knows no forged state, and says so on a page', async () => {
    for (const query of [{ state: 'forged', code: '4/0Aforged' }, { code: '4/0Aforged' }, {}])
      expect(await handleCallback(deps(), query)).toMatchObject({
        kind: 'page',
        html: expect.stringContaining('data-error="invalid_state"'),
      })
  })

  it('answers a browser that comes again the same, and whoever brings something else nothing', async () => {
    for (const [sub, options] of Object.entries({ app: { returnUrl }, page: {} })) {
      const { connection, authorizationUrl } = await start(`${sub}-${provider}`, provider, options)
      const query = await consent(authorizationUrl, 'reload@example.com')
      const [first, ...others] = await Promise.all([1, 2, 3].map(() => handleCallback(deps(), query)))
      for (const other of others) expect(other).toEqual(first)
      const stranger = await handleCallback(deps(), { ...query, code: 'another' })
      const said = stranger.kind === 'page' ? stranger.html : stranger.location
      expect(said).toContain('used_already')
      expect(said).not.toContain('completionCode=')
      expect(await handleCallback(deps(), query)).toEqual(first)
      const completed = complete(`${sub}-${provider}`, connection.connectionId, codeOf(first))
      expect((await completed).status).toBe('active')
    }
  })

  it('ends by itself when nobody completes it, ten minutes after the last step', async () => {
    const { connection, authorizationUrl } = await start('late', provider)
    const query = await consent(authorizationUrl, 'late@example.com')
    world.advance(300_000)
    await handleCallback(deps(), query)
    world.advance(500_000)
    expect((await getConnection(deps(), caller('late'), connection.connectionId)).status).toBe('pending')
    world.advance(101_000)
    expect(await world.main.connections.list(caller('late'))).toEqual([])
    await expect(getConnection(deps(), caller('late'), connection.connectionId)).rejects.toMatchObject({
      code: 'connection_not_found',
    })
    expect(await handleCallback(deps(), query)).toMatchObject({ kind: 'page' })
  })

  it('refuses a completion code after ten minutes', async () => {
    const { connection, authorizationUrl } = await start('late', provider)
    const code = await approve(world.main, authorizationUrl, 'late@example.com')
    world.advance(601_000)
    await expect(complete('late', connection.connectionId, code)).rejects.toMatchObject({
      code: 'connection_not_found',
    })
  })

  it('answers the same again for as long as the code lives, also to two at once', async () => {
    const { connection, authorizationUrl } = await start('twice', provider)
    const { connectionId } = connection
    const code = await approve(world.main, authorizationUrl, 'twice@example.com')
    const both = await Promise.all([1, 2].map(() => complete('twice', connectionId, code)))
    for (const answer of [...both, await complete('twice', connectionId, code)])
      expect(answer).toMatchObject({ connectionId, status: 'active' })
    expect((await world.told()).map(({ type }) => type)).toEqual(['Connection Activated'])
    await expect(complete('stranger', connectionId, code)).rejects.toMatchObject({
      code: 'connection_not_found',
    })
    await disconnectConnection(useCases(world.main).deps, connection)
    await expect(complete('twice', connectionId, code)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('goes on after a process that died while it completed', async () => {
    const { connection, authorizationUrl } = await start('killed', provider)
    const code = await approve(world.main, authorizationUrl, 'killed@example.com')
    const id = authorizationKey('completion', code)
    await world.main.authorizations.claim(id, 'a dead process', world.clock.now() + 300)
    expect((await complete('killed', connection.connectionId, code)).status).toBe('active')
  })

  it('renews the connection that the user has of this account, whatever has become of it', async () => {
    const user = `renews-${provider}`
    const first = await connect(world.main, user, provider, 'again@example.com')
    const again = await connect(world.main, user, provider, 'again@example.com')
    expect(again.connectionId).toBe(first.connectionId)
    expect(await world.main.connections.list(caller(user))).toEqual([again])
    await disconnectConnection(useCases(world.main).deps, first)
    const back = await connect(world.main, user, provider, 'again@example.com')
    expect(back).toMatchObject({ connectionId: first.connectionId, status: 'active' })
    const other = await connect(world.main, user, provider, 'other@example.com')
    expect(other.connectionId).not.toBe(first.connectionId)
    const stranger = await connect(world.main, 'stranger', provider, 'again@example.com')
    expect(stranger.connectionId).not.toBe(first.connectionId)
    await expect(world.open().accessTokens.sourceOf(back).get()).resolves.toBeDefined()
  })

  it('makes one connection of starts for one account that are completed at once', async () => {
    const user = `crowd-${provider}`
    const starts = await Promise.all([1, 2, 3].map(() => start(user, provider)))
    const codes: string[] = []
    for (const { authorizationUrl } of starts)
      codes.push(await approve(world.main, authorizationUrl, 'crowd@example.com'))
    const completions = starts.map(
      ({ connection }, at) =>
        () =>
          complete(user, connection.connectionId, codes[at] ?? ''),
    )
    const done = await Promise.all(completions.map((run) => run()))
    expect(new Set(done.map(({ connectionId }) => connectionId)).size).toBe(1)
    const [one, ...more] = await world.main.connections.list(caller(user))
    expect([one?.status, more]).toEqual(['active', []])
    // Each of them answers the same again.
    for (const run of completions) expect((await run()).connectionId).toBe(one?.connectionId)
    await expect(
      world
        .open()
        .accessTokens.sourceOf(one ?? expect.unreachable())
        .get(),
    ).resolves.toBeDefined()
  })

  it('gives one connection that is completed for two accounts at once the grant of its own', async () => {
    const { connection, authorizationUrl } = await start('both', provider)
    const request = { ...caller('both'), connectionId: connection.connectionId, returnUrl }
    const again = await reauthorizeConnection(deps(), request)
    const codes = [
      await approve(world.main, authorizationUrl, 'one@example.com'),
      await approve(world.main, again.authorizationUrl ?? '', 'two@example.com'),
    ]
    const outcomes = await Promise.allSettled(
      codes.map((code) => complete('both', connection.connectionId, code)),
    )
    const won = outcomes.findIndex(({ status }) => status === 'fulfilled')
    expect(outcomes[1 - won]).toMatchObject({ reason: { code: 'account_mismatch' } })
    const active = await getConnection(deps(), caller('both'), connection.connectionId)
    expect(active).toMatchObject({ status: 'active', email: ['one@example.com', 'two@example.com'][won] })
    const grant = ofKind(await world.main.openGrant(provider), 'oauth2')
    world.advance(2 * 3600 * 1000)
    const { token } = await world.open().accessTokens.sourceOf(active).get()
    const stored = await world.open().readGrant(active)
    const renewed = await grant.refresh(stored?.refreshToken ?? secret(''))
    if (!renewed.granted) throw new Error('refused')
    expect((await grant.identify(renewed.tokens, active.connectionId)).accountId).toBe(active.accountId)
    expect(token.reveal()).not.toBe('')
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

  it('passes a denied consent on as an error, and ends the connection that never was', async () => {
    const { authorizationUrl } = await start('denied', provider)
    const query = await consent(authorizationUrl, 'denied@example.com', { decision: 'deny' })
    const answer = await handleCallback(deps(), query)
    const location = answer.kind === 'redirect' ? new URL(answer.location) : undefined
    expect(location?.searchParams.get('error')).toBe('access_denied')
    expect(await handleCallback(deps(), query)).toEqual(answer)
    expect(await world.main.connections.list(caller('denied'))).toEqual([])
  })

  it('leaves a connection as it is when its reconnect is denied', async () => {
    const active = await connect(world.main, 'keeps', provider, 'keeps@example.com')
    const { authorizationUrl } = await reauthorizeConnection(deps(), { ...active, returnUrl })
    const denied = { decision: 'deny' }
    await handleCallback(deps(), await consent(authorizationUrl ?? '', 'keeps@example.com', denied))
    expect(await getConnection(deps(), active, active.connectionId)).toEqual(active)
  })

  it.each(
    provider === 'google-drive'
      ? [{ error: 'admin_policy_enforced' }, { error: 'org_internal' }]
      : [
          { error: 'consent_required' },
          { error: 'access_denied', error_description: 'AADSTS90094: Admin consent is required.' },
          { error: 'server_error', error_description: 'AADSTS700016: Not found in the directory.' },
        ],
  )('tells an administrator’s no from the user’s: %j', async (said) => {
    for (const options of [{ returnUrl }, {}]) {
      const { authorizationUrl } = await start('employee', provider, options)
      const state = new URL(authorizationUrl).searchParams.get('state') ?? ''
      const answer = await handleCallback(deps(), { state, ...said })
      if (answer.kind === 'redirect') expect(answer.location).toContain('error=policy_blocked')
      else expect(answer.html).toMatch(/Ask its administrator/)
    }
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

  it('wants a returnUrl where the deployment does, and begins nothing without', async () => {
    const strict = { ...deps(), returnUrls: { ...deps().returnUrls, areNeeded: true } }
    const request = { ...caller('strict'), provider }
    const refusal = { code: 'invalid_request', detail: expect.stringContaining('body.returnUrl: is needed') }
    await expect(startConnection(strict, request)).rejects.toMatchObject(refusal)
    expect(await deps().connections.list(caller('strict'))).toEqual([])
    const { connection } = await startConnection(strict, { ...request, returnUrl })
    const { connectionId } = connection
    await expect(reauthorizeConnection(strict, { ...caller('strict'), connectionId })).rejects.toMatchObject(
      refusal,
    )
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
    expect(await world.main.connections.list(caller('other'))).toEqual([])
  })
})

describe('connecting', () => {
  it('makes an s3 connection active at once', async () => {
    const { connection, authorizationUrl } = await startConnection(deps(), {
      ...caller('bucket'),
      provider: 's3',
    })
    expect(connection.status).toBe('active')
    expect((await world.told()).map(({ type }) => type)).toEqual(['Connection Activated'])
    expect(authorizationUrl).toBeUndefined()
    expect(await world.main.connections.list(caller('bucket'))).toEqual([connection])
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
    expect(await getConnection(deps(), caller('unticked'), connection.connectionId)).toMatchObject({
      status: 'pending',
      reason: 'scope_missing',
    })
    expect(await world.main.readGrant(connection)).toBeUndefined()
    const mended = await reconnect(world.main, connection, 'unticked@example.com')
    expect(mended.status).toBe('active')
    expect(mended.reason).toBeUndefined()
  })

  it.each([
    ['accessNotConfigured', 'operator_attention'],
    ['domainPolicy', 'operator_attention'],
    ['dailyLimitExceeded', 'operator_attention'],
  ])(
    'waits where Google does not let the app in (%s), and goes on with the same code',
    async (reason, code) => {
      const { connection, authorizationUrl } = await start(`classes-${reason}`, 'google-drive')
      const { connectionId } = connection
      const completionCode = await approve(
        world.main,
        authorizationUrl,
        `${reason.toLowerCase()}@example.com`,
      )
      await world.simulator('google-drive').fault({ type: 'status', status: 403, reason }, { path: '/about' })
      await expect(complete(`classes-${reason}`, connectionId, completionCode)).rejects.toMatchObject({
        code,
      })
      expect((await complete(`classes-${reason}`, connectionId, completionCode)).status).toBe('active')
    },
  )

  it('keeps when a grant ends by plan', async () => {
    const google = world.simulator('google-drive')
    await google.registerClient({ ...clients['google-drive'], testing: true })
    const active = await connect(world.main, 'planned', 'google-drive', 'planned@example.com')
    const inDays = (Date.parse(active.grantEndsAt ?? '') - world.clock.now()) / 86_400_000
    expect(inDays).toBeCloseTo(7, 2)
    await google.registerClient(clients['google-drive'])
    const renewed = await reconnect(world.main, active, 'planned@example.com')
    expect(renewed.grantEndsAt).toBeUndefined()
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
    expect(await bareDeps.connections.list(caller('bare'))).toEqual([])
    await world.putSecret('oauth/google', clientSecretOf('google-drive'))
  })
})
