import { createHash } from 'node:crypto'
import { DropboxAuth } from 'dropbox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Simulated } from '../kernel/simulated.ts'
import {
  call,
  CLIENT,
  consent,
  failure,
  HOUR,
  REDIRECT,
  SCOPES,
  signIn,
  startSimulated,
  toward,
} from './support.ts'

let simulated: Simulated
beforeAll(async () => {
  simulated = await startSimulated()
})
afterAll(() => simulated.close())

const authorize = (query: Record<string, string>): string =>
  `${simulated.origin}/oauth2/authorize?${new URLSearchParams({
    client_id: CLIENT.clientId,
    redirect_uri: REDIRECT,
    response_type: 'code',
    ...query,
  }).toString()}`
const token = (form: Record<string, string>): Promise<Response> =>
  fetch(`${simulated.origin}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret, ...form }),
  })
const approve = { decision: 'approve', account: 'ada@example.com' }

describe('consent', () => {
  it('gives a refresh token for offline access only, four hours, and the account', async () => {
    const { tokens } = await signIn(simulated)
    expect(tokens).toMatchObject({ expires_in: 14_400, scope: SCOPES.join(' ') })
    expect(tokens.refresh_token).toBeTruthy()
    expect(tokens.account_id).toMatch(/^dbid:.{35}$/)
    const code = (await consent(simulated, authorize({}), approve)).get('code') ?? ''
    const online = await token({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT })
    expect(await online.json()).not.toHaveProperty('refresh_token')
  })

  it('brings the state back, and a refusal', async () => {
    const answer = await consent(simulated, authorize({ state: 's 1' }), { decision: 'deny' })
    expect(answer.get('state')).toBe('s 1')
    expect(answer.get('error')).toBe('access_denied')
  })

  it.each([
    [{ client_id: 'another' }, 'Invalid client_id'],
    [{ redirect_uri: `${REDIRECT}/more` }, 'Invalid redirect_uri'],
    [{ response_type: 'token' }, 'Invalid response_type'],
    [{ scope: 'files.everything' }, 'Invalid scope'],
    [{ token_access_type: 'eternal' }, 'Invalid token_access_type'],
  ])('shows what is wrong with %j on its own page', async (query, words) => {
    const response = await fetch(authorize(query), { redirect: 'manual' })
    expect(response.status).toBe(400)
    expect(await response.text()).toContain(words)
  })

  it('goes straight back for whoever has agreed before, unless the page is asked for', async () => {
    const first = await fetch(authorize({}), {
      method: 'POST',
      body: new URLSearchParams(approve),
      redirect: 'manual',
    })
    const headers = { cookie: first.headers.get('set-cookie')?.split(';')[0] ?? '' }
    expect((await fetch(authorize({}), { headers, redirect: 'manual' })).status).toBe(302)
    const forced = await fetch(authorize({ force_reapprove: 'true' }), { headers, redirect: 'manual' })
    expect(forced.status).toBe(200)
    expect(await forced.text()).toContain('value="ada@example.com"')
  })
})

describe('the token endpoint', () => {
  it('takes a code once, from its client, with its redirect URI and its verifier', async () => {
    const verifier = 'v'.repeat(50)
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256', token_access_type: 'offline' }
    const code = async () => (await consent(simulated, authorize(pkce), approve)).get('code') ?? ''
    const exchange = { grant_type: 'authorization_code', redirect_uri: REDIRECT }
    const invalid = { error: 'invalid_grant' }
    const wrong = await token({ ...exchange, code: await code(), code_verifier: 'w'.repeat(50) })
    expect([wrong.status, await wrong.json()]).toMatchObject([400, invalid])
    const none = await token({ ...exchange, code: await code() })
    expect([none.status, await none.json()]).toMatchObject([400, invalid])
    const given = { ...exchange, code: await code(), code_verifier: verifier }
    expect((await token({ ...given, redirect_uri: `${REDIRECT}2` })).status).toBe(400)
    expect((await token(given)).status).toBe(200)
    const again = await token(given)
    expect([again.status, await again.json()]).toMatchObject([400, invalid])
  })

  it('says that a code is over after ten minutes', async () => {
    const code = (await consent(simulated, authorize({}), approve)).get('code') ?? ''
    simulated.clock.advance(11 * 60_000)
    expect((await token({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT })).status).toBe(400)
  })

  it('takes the official client’s PKCE without a secret', async () => {
    const auth = new DropboxAuth({ clientId: CLIENT.clientId, fetch: toward(simulated.origin) })
    const url = await auth.getAuthenticationUrl(REDIRECT, '', 'code', 'offline', SCOPES, 'none', true)
    const code = (await consent(simulated, url, approve)).get('code') ?? ''
    expect((await auth.getAccessTokenFromCode(REDIRECT, code)).result).toHaveProperty('refresh_token')
  })

  it('refreshes again and again with the same refresh token', async () => {
    const { auth, tokens, dropbox } = await signIn(simulated)
    simulated.clock.advance(5 * HOUR)
    expect(await failure(dropbox.usersGetSpaceUsage())).toEqual({ status: 401, tags: 'expired_access_token' })
    auth.setRefreshToken(tokens.refresh_token ?? '')
    await auth.refreshAccessToken()
    await dropbox.usersGetSpaceUsage()
    simulated.clock.advance(400 * 24 * HOUR)
    await auth.refreshAccessToken()
    await dropbox.usersGetSpaceUsage()
  })

  it('refuses a wrong secret in one text of code and words', async () => {
    const answer = await token({ grant_type: 'refresh_token', refresh_token: 'x', client_secret: 'wrong' })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({ error: 'invalid_client: Invalid client_id or client_secret' })
  })
})

describe('the end of a grant', () => {
  it('revoking a token ends the refresh token behind it and what that has given, and no other', async () => {
    const one = await signIn(simulated)
    const other = await signIn(simulated)
    const refreshed = await token({
      grant_type: 'refresh_token',
      refresh_token: one.tokens.refresh_token ?? '',
    })
    const { access_token: second } = (await refreshed.json()) as { access_token: string }
    await one.dropbox.authTokenRevoke()
    expect(await failure(one.dropbox.usersGetSpaceUsage())).toEqual({
      status: 401,
      tags: 'invalid_access_token',
    })
    expect((await call(simulated, second, 'users/get_space_usage')).status).toBe(401)
    const dead = await token({ grant_type: 'refresh_token', refresh_token: one.tokens.refresh_token ?? '' })
    expect(await dead.json()).toEqual({
      error: 'invalid_grant',
      error_description: 'refresh token is invalid or revoked',
    })
    await other.dropbox.usersGetSpaceUsage()
  })

  it('a user who removes the app ends all of it; the control API ends access tokens alone, too', async () => {
    const { dropbox, tokens } = await signIn(simulated, { email: 'gone@example.com' })
    await simulated.sim('POST', 'accounts/gone@example.com/expire-tokens')
    expect((await failure(dropbox.usersGetSpaceUsage())).tags).toBe('expired_access_token')
    await simulated.sim('POST', 'accounts/gone@example.com/revoke')
    expect((await failure(dropbox.usersGetSpaceUsage())).tags).toBe('invalid_access_token')
    const dead = await token({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' })
    expect(dead.status).toBe(400)
  })

  it('a token without a scope says which one is missing', async () => {
    const { dropbox } = await signIn(simulated, { scopes: ['account_info.read'] })
    const refused = failure(dropbox.filesUpload({ path: '/x', contents: 'x' }))
    expect(await refused).toEqual({ status: 401, tags: 'missing_scope' })
    const account = await dropbox.usersGetCurrentAccount()
    expect(account.result).toMatchObject({ email: 'ada@example.com', account_type: { '.tag': 'basic' } })
  })

  it('a call without a token, or with something else, is answered in plain text', async () => {
    const without = await call(simulated, undefined, 'users/get_space_usage')
    expect([without.status, without.headers.get('content-type')]).toEqual([400, 'text/plain; charset=UTF-8'])
    const odd = await call(simulated, undefined, 'users/get_space_usage', {
      headers: { authorization: 'Basic eDp5' },
    })
    expect(odd.status).toBe(400)
  })
})
