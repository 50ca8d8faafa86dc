import { createHash } from 'node:crypto'
import { CodeChallengeMethod } from 'google-auth-library'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adjustableClock } from '../../kernel/clock.ts'
import type { Google } from './support.ts'
import {
  authClient,
  call,
  CLIENT,
  clientFailure,
  consent,
  DRIVE,
  DRIVE_FILE,
  driveClient,
  json,
  REDIRECT,
  signIn,
  startGoogle,
} from './support.ts'

let google: Google
beforeAll(async () => {
  google = await startGoogle()
})
afterAll(() => google.close())

function authorizeUrl(change: Record<string, string | undefined> = {}): string {
  const url = new URL(`${google.origin}/o/oauth2/v2/auth`)
  const all = {
    client_id: CLIENT.clientId,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: `${DRIVE_FILE} openid email`,
    access_type: 'offline',
    state: 'st/ate +1',
    ...change,
  }
  for (const [name, value] of Object.entries(all)) if (value !== undefined) url.searchParams.set(name, value)
  return url.href
}

async function shown(
  change: Record<string, string | undefined>,
): Promise<{ status: number; location: string | null; page: string }> {
  const response = await fetch(authorizeUrl(change), { redirect: 'manual' })
  return { status: response.status, location: response.headers.get('location'), page: await response.text() }
}

function tokenCall(form: Record<string, string>): Promise<Response> {
  return fetch(`${google.origin}/token`, { method: 'POST', body: new URLSearchParams(form) })
}

const secret = { client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret }

const refreshStatus = async (token = ''): Promise<number> =>
  (await tokenCall({ ...secret, grant_type: 'refresh_token', refresh_token: token })).status

async function newCode(
  change: Record<string, string> = {},
  form: Record<string, string> = {},
): Promise<string> {
  const answer = await consent(authorizeUrl(change), {
    decision: 'approve',
    account: 'code@example.com',
    ...form,
  })
  return answer.get('code') ?? ''
}

describe('A.2 the authorization request', () => {
  it.each([
    ['an unknown client', { client_id: 'nobody' }, 401, 'invalid_client'],
    ['no client', { client_id: undefined }, 400, 'invalid_request'],
    [
      'a redirect URI with a trailing slash more',
      { redirect_uri: `${REDIRECT}/` },
      400,
      'redirect_uri_mismatch',
    ],
    ['a redirect URI in other case', { redirect_uri: REDIRECT.toUpperCase() }, 400, 'redirect_uri_mismatch'],
    ['no redirect URI', { redirect_uri: undefined }, 400, 'invalid_request'],
    ['another response type', { response_type: 'token' }, 400, 'unsupported_response_type'],
    ['no scope', { scope: undefined }, 400, 'invalid_request'],
    ['a scope that does not exist', { scope: 'drive.everything' }, 400, 'invalid_scope'],
    ['an unknown access type', { access_type: 'always' }, 400, 'invalid_request'],
    ['prompt none beside another', { prompt: 'none consent' }, 400, 'invalid_request'],
    [
      'an unknown challenge method',
      { code_challenge: 'a'.repeat(43), code_challenge_method: 'S512' },
      400,
      'invalid_request',
    ],
  ])('A.2 shows %s to the user and never redirects', async (_, change, status, code) => {
    const answer = await shown(change)
    expect(answer).toMatchObject({ status, location: null })
    expect(answer.page).toContain(code)
  })

  it('A.2 shows a form with account, both decisions and a box for each scope that is not about signing in', async () => {
    const { status, page } = await shown({ login_hint: 'new@example.com' })
    expect(status).toBe(200)
    expect(page).toContain('name="account"')
    expect(page).toContain('new@example.com')
    expect(page).toMatch(/name="decision" value="approve"[\s\S]*name="decision" value="deny"/)
    expect(page.match(/type="checkbox" name="scopes"/g)).toHaveLength(1)
  })

  it('A.2 prompts only the first time, and again when consent is asked for', async () => {
    await signIn(google, { email: 'prompt@example.com' })
    const again = await shown({ login_hint: 'prompt@example.com' })
    expect(again.status).toBe(302)
    expect(new URL(again.location ?? '').searchParams.get('code')).toBeTruthy()
    expect((await shown({ login_hint: 'prompt@example.com', prompt: 'consent' })).status).toBe(200)
    expect((await shown({ login_hint: 'prompt@example.com', scope: DRIVE })).status).toBe(200)
  })
})

describe('A.3 the authorization response', () => {
  it('A.3 echoes the state and carries a code with a slash in it', async () => {
    const answer = await consent(authorizeUrl(), { decision: 'approve', account: 'a3@example.com' })
    expect(answer.get('state')).toBe('st/ate +1')
    expect(answer.get('code')).toMatch(/^4\/0A/)
    expect(answer.get('scope')?.split(' ')).toContain('https://www.googleapis.com/auth/userinfo.email')
  })

  it('A.3 answers a denial with access_denied and the state', async () => {
    const answer = await consent(authorizeUrl(), { decision: 'deny' })
    expect(Object.fromEntries(answer)).toEqual({ error: 'access_denied', state: 'st/ate +1' })
  })

  it.each([
    ['login_required', {}],
    ['consent_required', { login_hint: 'a3none@example.com' }],
  ])('A.3 answers prompt=none with %s', async (error, change) => {
    await signIn(google, { email: 'a3none@example.com', scope: DRIVE_FILE })
    await google.sim('POST', 'accounts/a3none@example.com/revoke')
    const { location } = await shown({ prompt: 'none', ...change })
    expect(new URL(location ?? '').searchParams.get('error')).toBe(error)
  })
})

describe('A.4 granular consent', () => {
  it('A.4 leaves unticked scopes out of the answer, and sign-in scopes in', async () => {
    const code = await newCode(
      { scope: `${DRIVE_FILE} ${DRIVE}.metadata.readonly openid email` },
      { scopes: `${DRIVE}.metadata.readonly` },
    )
    const tokens = await json(
      await tokenCall({ ...secret, grant_type: 'authorization_code', code, redirect_uri: REDIRECT }),
    )
    expect(new Set(String(tokens['scope']).split(' '))).toEqual(
      new Set([`${DRIVE}.metadata.readonly`, 'openid', 'https://www.googleapis.com/auth/userinfo.email']),
    )
  })

  it('A.4 refuses Drive calls when drive.file was unticked: 403 insufficientPermissions', async () => {
    const auth = await signIn(google, { email: 'untick@example.com', form: { scopes: '' } })
    const { drive } = driveClient(google, auth)
    expect(await clientFailure(drive.files.list())).toEqual({
      status: 403,
      reason: 'insufficientPermissions',
    })
  })
})

describe('A.5 token exchange', () => {
  it('A.5 gives the official client access, refresh and id token', async () => {
    const auth = await signIn(google, { email: 'a5@example.com' })
    expect(auth.credentials).toMatchObject({
      access_token: expect.stringMatching(/^ya29\./),
      refresh_token: expect.stringMatching(/^1\/\/0g/),
      token_type: 'Bearer',
      id_token: expect.any(String),
    })
    expect(auth.credentials.access_token?.length).toBeLessThan(2048)
    expect(auth.credentials.refresh_token?.length).toBeLessThan(512)
  })

  it('A.5 gives a refresh token only with offline access, and a second one only with prompt=consent', async () => {
    const email = 'offline@example.com'
    const online = await signIn(google, { email, query: { access_type: 'online' } })
    expect(online.credentials.refresh_token).toBeUndefined()
    const first = await signIn(google, { email, query: { prompt: 'select_account' } })
    expect(first.credentials.refresh_token).toBeTruthy()
    const second = await signIn(google, { email, query: { prompt: 'select_account' } })
    expect(second.credentials.refresh_token).toBeUndefined()
    const forced = await signIn(google, { email, query: { prompt: 'consent' } })
    expect(forced.credentials.refresh_token).toBeTruthy()
  })

  it('A.5 signs the id token with a key of the JWKS, nonce and at_hash included', async () => {
    const code = await newCode({ nonce: 'n-1' })
    const tokens = await json(
      await tokenCall({ ...secret, grant_type: 'authorization_code', code, redirect_uri: REDIRECT }),
    )
    const keys = createRemoteJWKSet(new URL(`${google.origin}/oauth2/v3/certs`))
    const { payload, protectedHeader } = await jwtVerify(String(tokens['id_token']), keys, {
      issuer: 'https://accounts.google.com',
      audience: CLIENT.clientId,
      currentDate: new Date(google.clock.now()),
    })
    const half = createHash('sha256').update(String(tokens['access_token'])).digest().subarray(0, 16)
    expect(protectedHeader.alg).toBe('RS256')
    expect(payload).toMatchObject({
      email: 'code@example.com',
      email_verified: true,
      nonce: 'n-1',
      at_hash: half.toString('base64url'),
    })
  })

  it('A.5 lets google-auth-library verify the id token with the published keys', async () => {
    // The library compares with the machine's own time, so this simulator runs on it as well.
    const present = await startGoogle({ clock: adjustableClock() })
    try {
      const auth = await signIn(present, { email: 'verify@example.com' })
      const idToken = auth.credentials.id_token ?? ''
      const ticket = await auth.verifyIdToken({ idToken, audience: CLIENT.clientId })
      expect(ticket.getPayload()).toMatchObject({
        email: 'verify@example.com',
        iss: 'https://accounts.google.com',
      })
      await expect(auth.verifyIdToken({ idToken, audience: 'somebody else' })).rejects.toThrow(
        'Wrong recipient',
      )
    } finally {
      await present.close()
    }
  })

  it('A.5 leaves the id token out when no OpenID scope was given', async () => {
    const auth = await signIn(google, { email: 'noid@example.com', scope: DRIVE_FILE })
    expect(auth.credentials.id_token).toBeUndefined()
  })

  it('A.5 tells the lifetime of refresh tokens of a project in Testing, and ends them after seven days', async () => {
    const testing = { ...CLIENT, clientId: '2002-testing', testing: true }
    await google.sim('POST', 'clients', testing)
    const code = await consent(authorizeUrl({ client_id: testing.clientId }), {
      decision: 'approve',
      account: 't@example.com',
    })
    const form = { client_id: testing.clientId, client_secret: testing.clientSecret }
    const tokens = await json(
      await tokenCall({
        ...form,
        grant_type: 'authorization_code',
        code: code.get('code') ?? '',
        redirect_uri: REDIRECT,
      }),
    )
    expect(tokens['refresh_token_expires_in']).toBe(604_799)
    google.clock.advance(7 * 86_400_000)
    const late = await tokenCall({
      ...form,
      grant_type: 'refresh_token',
      refresh_token: String(tokens['refresh_token']),
    })
    expect(await json(late)).toMatchObject({ error: 'invalid_grant' })
  })

  it('A.5 accepts a PKCE code only with its verifier', async () => {
    const auth = authClient(google.origin)
    const { codeVerifier, codeChallenge = '' } = await auth.generateCodeVerifierAsync()
    const url = (): string =>
      auth.generateAuthUrl({
        scope: DRIVE_FILE,
        code_challenge: codeChallenge,
        code_challenge_method: CodeChallengeMethod.S256,
      })
    const codeFor = async (): Promise<string> =>
      (await consent(url(), { decision: 'approve', account: 'pkce@example.com' })).get('code') ?? ''
    const { tokens } = await auth.getToken({ code: await codeFor(), codeVerifier })
    expect(tokens.access_token).toBeTruthy()
    const form = { ...secret, grant_type: 'authorization_code', redirect_uri: REDIRECT }
    expect(await json(await tokenCall({ ...form, code: await codeFor() }))).toEqual({
      error: 'invalid_grant',
      error_description: 'Missing code verifier.',
    })
    expect(
      await json(await tokenCall({ ...form, code: await codeFor(), code_verifier: 'x'.repeat(43) })),
    ).toEqual({
      error: 'invalid_grant',
      error_description: 'Invalid code verifier.',
    })
  })
})

describe('A.6 refresh', () => {
  it('A.6 gives a new access token, no new refresh token, and leaves the old access token alive', async () => {
    const auth = await signIn(google, { email: 'a6@example.com' })
    const before = auth.credentials.access_token
    const answer = await json(
      await tokenCall({
        ...secret,
        grant_type: 'refresh_token',
        refresh_token: auth.credentials.refresh_token ?? '',
      }),
    )
    expect(answer['access_token']).not.toBe(before)
    expect(answer).not.toHaveProperty('refresh_token')
    expect((await call(google, auth, 'GET', '/drive/v3/files')).status).toBe(200)
  })

  it('A.6 lets the official client refresh by itself', async () => {
    const auth = await signIn(google, { email: 'a6auto@example.com' })
    const before = auth.credentials.access_token
    auth.setCredentials({ ...auth.credentials, expiry_date: Date.now() - 1000 })
    expect((await driveClient(google, auth).drive.files.list()).status).toBe(200)
    expect(auth.credentials.access_token).not.toBe(before)
  })

  it('A.6 refreshes a combined grant into all that the project was given', async () => {
    const email = 'combined@example.com'
    await signIn(google, { email, scope: `${DRIVE}.metadata.readonly` })
    const auth = await signIn(google, { email, scope: DRIVE_FILE, query: { include_granted_scopes: 'true' } })
    const { credentials } = await auth.refreshAccessToken()
    expect(new Set(credentials.scope?.split(' '))).toEqual(
      new Set([`${DRIVE}.metadata.readonly`, DRIVE_FILE]),
    )
  })

  it('A.6 ends access tokens after their hour: 401 authError', async () => {
    const auth = await signIn(google, { email: 'hour@example.com' })
    google.clock.advance(3599 * 1000)
    const answer = await call(google, auth, 'GET', '/drive/v3/files')
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"')
  })

  it('0 the hundred-and-first refresh token silently kills the oldest', async () => {
    const tokens: string[] = []
    for (let i = 0; i < 101; i += 1) {
      const code = await newCode({ prompt: 'consent' }, { account: 'many@example.com' })
      const answer = await json(
        await tokenCall({ ...secret, grant_type: 'authorization_code', code, redirect_uri: REDIRECT }),
      )
      tokens.push(String(answer['refresh_token']))
    }
    expect([
      await refreshStatus(tokens[0]),
      await refreshStatus(tokens[1]),
      await refreshStatus(tokens[100]),
    ]).toEqual([400, 200, 200])
  })
})

describe('A.7 token endpoint errors', () => {
  const code = { ...secret, grant_type: 'authorization_code', redirect_uri: REDIRECT }
  it.each([
    ['an unknown code', { ...code, code: '4/0Anot' }, 400, 'invalid_grant'],
    [
      'an unknown refresh token',
      { ...secret, grant_type: 'refresh_token', refresh_token: '1//no' },
      400,
      'invalid_grant',
    ],
    ['an unknown client', { ...code, client_id: 'nobody', code: 'x' }, 401, 'invalid_client'],
    ['a wrong secret', { ...code, client_secret: 'wrong', code: 'x' }, 401, 'invalid_client'],
    ['an unknown grant type', { ...secret, grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['no grant type', secret, 400, 'invalid_request'],
    ['no code', code, 400, 'invalid_request'],
  ])('A.7 answers %s', async (_, form, status, error) => {
    const response = await tokenCall(form)
    expect(response.status).toBe(status)
    expect(await json(response)).toMatchObject({ error, error_description: expect.any(String) })
  })

  it('A.7 takes a code once, for its redirect URI, for ten minutes', async () => {
    const twice = await newCode()
    expect((await tokenCall({ ...code, code: twice })).status).toBe(200)
    expect(await json(await tokenCall({ ...code, code: twice }))).toMatchObject({ error: 'invalid_grant' })
    const other = await newCode()
    expect(
      await json(await tokenCall({ ...code, code: other, redirect_uri: 'http://127.0.0.1:9/other' })),
    ).toMatchObject({
      error: 'redirect_uri_mismatch',
    })
    const late = await newCode()
    google.clock.advance(10 * 60_000)
    expect(await json(await tokenCall({ ...code, code: late }))).toMatchObject({ error: 'invalid_grant' })
  })

  it('A.7 answers invalid_grant once the user revoked access', async () => {
    const auth = await signIn(google, { email: 'gone@example.com' })
    await google.sim('POST', 'accounts/gone@example.com/revoke')
    await expect(auth.refreshAccessToken()).rejects.toThrow('invalid_grant')
    expect((await call(google, auth, 'GET', '/drive/v3/files')).status).toBe(200)
  })
})

describe('A.8 revoke', () => {
  it('A.8 lets the official client revoke; an access token takes its refresh token along', async () => {
    const auth = await signIn(google, { email: 'revoke@example.com' })
    const refresh = auth.credentials.refresh_token ?? ''
    expect((await auth.revokeToken(auth.credentials.access_token ?? '')).status).toBe(200)
    expect((await tokenCall({ ...secret, grant_type: 'refresh_token', refresh_token: refresh })).status).toBe(
      400,
    )
    expect((await call(google, auth, 'GET', '/drive/v3/files')).status).toBe(401)
  })

  it('A.8 answers 400 invalid_token for one that is gone already', async () => {
    const response = await fetch(`${google.origin}/revoke?token=1//gone`, { method: 'POST' })
    expect(response.status).toBe(400)
    expect(await json(response)).toEqual({
      error: 'invalid_token',
      error_description: 'Token expired or revoked',
    })
  })

  it('A.8 revoking a combined token ends every link of the account to the project', async () => {
    const email = 'all@example.com'
    const one = await signIn(google, { email })
    const two = await signIn(google, { email, query: { include_granted_scopes: 'true' } })
    await two.revokeToken(two.credentials.refresh_token ?? '')
    await expect(one.refreshAccessToken()).rejects.toThrow('invalid_grant')
  })
})

describe('A.1 and A.9 who the user is', () => {
  it('A.1 names every endpoint in discovery, on the origin that the proxy tells', async () => {
    const response = await fetch(`${google.origin}/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'accounts.google.com' },
    })
    expect(await json(response)).toMatchObject({
      issuer: 'https://accounts.google.com',
      authorization_endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
      jwks_uri: 'https://accounts.google.com/oauth2/v3/certs',
    })
  })

  it('A.1 describes a token to the official client', async () => {
    const auth = await signIn(google, { email: 'info@example.com' })
    const info = await auth.getTokenInfo(auth.credentials.access_token ?? '')
    expect(info).toMatchObject({ aud: CLIENT.clientId, email: 'info@example.com' })
    expect(info.scopes).toContain(DRIVE_FILE)
    const byId = await fetch(`${google.origin}/tokeninfo?id_token=${auth.credentials.id_token}`)
    expect(await json(byId)).toMatchObject({ email: 'info@example.com', aud: CLIENT.clientId })
    expect((await fetch(`${google.origin}/tokeninfo?access_token=no`)).status).toBe(400)
  })

  it('A.9 answers userinfo with a stable sub, and nothing without an OpenID scope', async () => {
    const first = await json(
      await call(google, await signIn(google, { email: 'who@example.com' }), 'GET', '/v1/userinfo'),
    )
    const again = await json(
      await call(google, await signIn(google, { email: 'who@example.com' }), 'GET', '/v1/userinfo'),
    )
    expect(first).toEqual({
      sub: expect.stringMatching(/^\d{21}$/),
      email: 'who@example.com',
      email_verified: true,
      hd: 'example.com',
    })
    expect(again['sub']).toBe(first['sub'])
    const without = await signIn(google, { email: 'who@example.com', scope: DRIVE_FILE })
    expect((await call(google, without, 'GET', '/v1/userinfo')).status).toBe(401)
  })
})
