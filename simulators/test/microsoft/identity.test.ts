import { createHash } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import {
  authorizeUrl,
  CLIENT,
  codeFor,
  control,
  DAY,
  decide,
  HOUR,
  MINUTE,
  redeemCode,
  REDIRECT,
  send,
  signIn,
  token,
  useSimulator,
} from './support.ts'

const simulator = useSimulator()
const PERSONAL_TENANT = '9188040d-6c67-4c5b-b112-36a304b66dad'
const verifier = 'v'.repeat(43)
const challenge = createHash('sha256').update(verifier).digest('base64url')

const approve = (tenant: string, account: string) =>
  decide(authorizeUrl(simulator.origin, {}, tenant), { decision: 'approve', account })

const logout = (uri: string) =>
  send(
    'GET',
    `${simulator.origin}/common/oauth2/v2.0/logout?post_logout_redirect_uri=${encodeURIComponent(uri)}`,
  )

describe('discovery', () => {
  it('C.1 the common document names this origin, and an issuer with the literal {tenantid}', async () => {
    const { body } = await send('GET', `${simulator.origin}/common/v2.0/.well-known/openid-configuration`)
    expect(body).toMatchObject({
      issuer: `${simulator.origin}/{tenantid}/v2.0`,
      authorization_endpoint: `${simulator.origin}/common/oauth2/v2.0/authorize`,
      token_endpoint: `${simulator.origin}/common/oauth2/v2.0/token`,
      jwks_uri: `${simulator.origin}/common/discovery/v2.0/keys`,
    })
    expect(body).not.toHaveProperty('revocation_endpoint')
  })

  it('C.1 the consumers document has the personal tenant in its issuer', async () => {
    const { body } = await send('GET', `${simulator.origin}/consumers/v2.0/.well-known/openid-configuration`)
    expect(body.issuer).toBe(`${simulator.origin}/${PERSONAL_TENANT}/v2.0`)
  })

  it('C.1 instance discovery knows the Microsoft hosts and itself, and refuses others with AADSTS50049', async () => {
    const ask = (authority: string) =>
      send(
        'GET',
        `${simulator.origin}/common/discovery/instance?api-version=1.1&authorization_endpoint=${encodeURIComponent(`${authority}/common/oauth2/v2.0/authorize`)}`,
      )
    const known = await ask('https://login.microsoftonline.com')
    expect(known.body.metadata.at(-1)?.aliases).toContain('login.windows.net')
    const own = await ask(simulator.origin)
    expect(own.body.tenant_discovery_endpoint).toBe(
      `${simulator.origin}/common/v2.0/.well-known/openid-configuration`,
    )
    const other = await ask('https://evil.example')
    expect(other.status).toBe(400)
    expect(other.body.error).toBe('invalid_instance')
    expect(other.body.error_description).toMatch(/^AADSTS50049: /)
  })
})

describe('authorize', () => {
  it('C.2 the page is a plain form that carries the login hint, escaped', async () => {
    const { status, text, headers } = await send(
      'GET',
      authorizeUrl(simulator.origin, { login_hint: 'a"<b>@outlook.com' }),
    )
    expect(status).toBe(200)
    expect(headers.get('content-type')).toContain('text/html')
    expect(text).toContain('<form method="post">')
    expect(text).toContain('a&quot;&lt;b&gt;@outlook.com')
  })

  it('C.2 select_account does not take the login hint', async () => {
    const url = authorizeUrl(simulator.origin, { login_hint: 'ann@outlook.com', prompt: 'select_account' })
    expect((await send('GET', url)).text).not.toContain('ann@outlook.com"')
  })

  it('C.2 approval redirects with a code and the state exactly as sent', async () => {
    const state = 'a b+c/é&d=1'
    const url = authorizeUrl(simulator.origin, { state, client_info: '1' })
    const { answer, location } = await decide(url, { decision: 'approve', account: 'ann@outlook.com' })
    expect(answer.status).toBe(302)
    expect(location.origin + location.pathname).toBe(REDIRECT)
    expect(location.searchParams.get('state')).toBe(state)
    expect(location.searchParams.get('code')).not.toBe('')
    expect(location.searchParams.get('client_info')).not.toBeNull()
  })

  it('C.2 denial redirects with access_denied and AADSTS65004', async () => {
    const { location } = await decide(authorizeUrl(simulator.origin), { decision: 'deny' })
    expect(location.searchParams.get('error')).toBe('access_denied')
    expect(location.searchParams.get('error_description')).toMatch(/^AADSTS65004: /)
    expect(location.searchParams.get('state')).toBe('xyz')
  })

  it.each([
    ['another path', 'https://app.example/Callback'],
    ['another host', 'https://app.example.evil/callback'],
    ['a trailing slash', 'https://app.example/callback/'],
  ])('C.2 a redirect URI with %s is shown as AADSTS50011 and never redirected', async (_name, uri) => {
    const page = await send('GET', authorizeUrl(simulator.origin, { redirect_uri: uri }))
    expect(page.status).toBe(400)
    expect(page.text).toContain('AADSTS50011')
    expect(page.headers.get('location')).toBeNull()
  })

  it('C.2 on localhost the port of the redirect URI does not count', async () => {
    const url = authorizeUrl(simulator.origin, { redirect_uri: 'http://localhost:5173/callback' })
    const { location } = await decide(url, { decision: 'approve', account: 'ann@outlook.com' })
    expect(location.host).toBe('localhost:5173')
  })

  it('C.2 an unknown app is shown as AADSTS700016', async () => {
    const page = await send('GET', authorizeUrl(simulator.origin, { client_id: 'nobody' }))
    expect(page.text).toContain('AADSTS700016')
  })

  it.each([
    ['response_type', { response_type: 'token' }, 'unsupported_response_type'],
    ['an empty scope', { scope: '' }, 'invalid_request'],
    ['a scope that is none', { scope: 'openid no/such' }, 'invalid_scope'],
    ['two prompts', { prompt: 'login consent' }, 'invalid_request'],
    ['a short code_challenge', { code_challenge: 'abc' }, 'invalid_request'],
    [
      'an unknown challenge method',
      { code_challenge: challenge, code_challenge_method: 'md5' },
      'invalid_request',
    ],
  ])('C.2 %s that is not allowed goes to the redirect URI as an error', async (_name, query, error) => {
    const { status, headers } = await send(
      'GET',
      authorizeUrl(simulator.origin, { prompt: 'none', ...query }),
    )
    expect(status).toBe(302)
    expect(new URL(headers.get('location') ?? '').searchParams.get('error')).toBe(error)
  })

  it('C.2 prompt=none answers login_required, then interaction_required, then a code', async () => {
    const silently = async (scope: string) => {
      const url = authorizeUrl(simulator.origin, { prompt: 'none', login_hint: 'silent@outlook.com', scope })
      const { headers } = await send('GET', url)
      return new URL(headers.get('location') ?? '').searchParams
    }
    expect((await silently('openid')).get('error')).toBe('login_required')
    await codeFor(simulator.origin, 'silent@outlook.com', { scope: 'openid' })
    expect((await silently('openid Files.Read')).get('error')).toBe('interaction_required')
    expect((await silently('openid')).get('code')).not.toBeNull()
  })

  it('C.2 response_mode fragment and form_post carry the answer their way', async () => {
    const form = { decision: 'approve', account: 'ann@outlook.com' }
    const hashed = await decide(authorizeUrl(simulator.origin, { response_mode: 'fragment' }), form)
    expect(hashed.location.hash).toContain('code=')
    expect(hashed.location.search).toBe('')
    const posted = await decide(authorizeUrl(simulator.origin, { response_mode: 'form_post' }), form)
    expect(posted.answer.status).toBe(200)
    expect(posted.answer.text).toMatch(/<input type="hidden" name="code" value=".+">/)
  })

  it('C.2 a tenant takes its own accounts only', async () => {
    expect((await approve('consumers', 'bob@contoso.com')).answer.text).toContain('AADSTS50020')
    expect((await approve('organizations', 'ann@outlook.com')).answer.text).toContain('AADSTS9002332')
    expect((await approve('organizations', 'bob@contoso.com')).location.searchParams.has('code')).toBe(true)
    expect((await approve('no_tenant', 'bob@contoso.com')).answer.text).toContain('AADSTS90002')
  })
})

describe('token: codes', () => {
  it('C.3 a code gives every token that its scopes call for, and client_info when asked', async () => {
    const code = await codeFor(simulator.origin, 'ann@outlook.com')
    const { status, body, headers } = await redeemCode(simulator.origin, code, { client_info: '1' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599 })
    expect(body.scope.split(' ')).toEqual(['User.Read', 'Files.ReadWrite', 'openid', 'profile', 'email'])
    const info: unknown = JSON.parse(Buffer.from(body.client_info, 'base64url').toString())
    expect(info).toMatchObject({ utid: PERSONAL_TENANT })
    expect(headers.get('cache-control')).toContain('no-store')
  })

  it('C.3 without offline_access, openid and client_info their members are absent', async () => {
    const code = await codeFor(simulator.origin, 'ann@outlook.com', { scope: 'Files.Read' })
    const { body } = await redeemCode(simulator.origin, code)
    expect(Object.keys(body).sort()).toEqual([
      'access_token',
      'expires_in',
      'ext_expires_in',
      'scope',
      'token_type',
    ])
  })

  it('C.3 .default stands for what the app was registered with', async () => {
    const user = await signIn(simulator, 'business', 'https://graph.microsoft.com/.default')
    expect(user.tokens.scope).toBe('User.Read Files.ReadWrite.All')
    expect((await user.graph('GET', '/me/drive')).status).toBe(200)
  })

  it('C.3 the id_token verifies against the published keys and names the account', async () => {
    const code = await codeFor(simulator.origin, 'bob@contoso.com', { nonce: 'n-1' })
    const { body } = await redeemCode(simulator.origin, code)
    const keys = createRemoteJWKSet(new URL(`${simulator.origin}/common/discovery/v2.0/keys`))
    const { payload, protectedHeader } = await jwtVerify(body.id_token, keys, { audience: CLIENT.clientId })
    expect(protectedHeader.alg).toBe('RS256')
    expect(payload).toMatchObject({ ver: '2.0', nonce: 'n-1', preferred_username: 'bob@contoso.com' })
    expect(payload.iss).toBe(`${simulator.origin}/${String(payload['tid'])}/v2.0`)
    expect(payload['tid']).not.toBe(PERSONAL_TENANT)
  })

  it('C.3 sub differs from app to app for the same person, oid does not', async () => {
    const second = { clientId: 'another-app', clientSecret: 's', redirectUris: [REDIRECT] }
    await control(simulator, 'POST', 'clients', second)
    const claims = async (client: { clientId: string; clientSecret: string }) => {
      const code = await codeFor(simulator.origin, 'bob@contoso.com', { client_id: client.clientId })
      const { body } = await redeemCode(simulator.origin, code, {
        client_id: client.clientId,
        client_secret: client.clientSecret,
      })
      const payload: { sub: string; oid: string } = JSON.parse(
        Buffer.from(body.id_token.split('.')[1] ?? '', 'base64url').toString(),
      )
      return payload
    }
    const [one, two] = [await claims(CLIENT), await claims(second)]
    expect(one.oid).toBe(two.oid)
    expect(one.sub).not.toBe(two.sub)
  })

  it('D.9 access tokens are opaque for personal accounts and JWTs for work accounts', async () => {
    const { tokens: personal } = await signIn(simulator, 'personal')
    const { tokens: business } = await signIn(simulator, 'business')
    expect(personal.access_token.split('.')).toHaveLength(1)
    expect(business.access_token.split('.')).toHaveLength(3)
  })

  it('C.2 a code works once: AADSTS54005', async () => {
    const code = await codeFor(simulator.origin, 'ann@outlook.com')
    await redeemCode(simulator.origin, code)
    const again = await redeemCode(simulator.origin, code)
    expect(again.status).toBe(400)
    expect(again.body).toMatchObject({ error: 'invalid_grant', error_codes: [54005] })
  })

  it('C.2 a code lives ten minutes', async () => {
    const code = await codeFor(simulator.origin, 'ann@outlook.com')
    simulator.clock.advance(10 * MINUTE)
    expect((await redeemCode(simulator.origin, code)).body.error).toBe('invalid_grant')
  })

  it('C.3 PKCE: the verifier must be there and match, S256 and plain', async () => {
    const query = { code_challenge: challenge, code_challenge_method: 'S256' }
    const code = await codeFor(simulator.origin, 'ann@outlook.com', query)
    expect((await redeemCode(simulator.origin, code)).body.error_codes).toEqual([501481])
    const wrong = await redeemCode(simulator.origin, code, { code_verifier: 'w'.repeat(43) })
    expect(wrong.body.error_codes).toEqual([501481])
    expect((await redeemCode(simulator.origin, code, { code_verifier: verifier })).status).toBe(200)
    const plain = await codeFor(simulator.origin, 'ann@outlook.com', { code_challenge: verifier })
    expect((await redeemCode(simulator.origin, plain, { code_verifier: verifier })).status).toBe(200)
  })

  it('C.3 the redirect URI must be the one of the authorization', async () => {
    const code = await codeFor(simulator.origin, 'ann@outlook.com')
    const answer = await redeemCode(simulator.origin, code, { redirect_uri: 'http://localhost/callback' })
    expect(answer.body).toMatchObject({ error: 'invalid_grant', error_codes: [500112] })
  })

  it('C.3 HTTP Basic authenticates the client too', async () => {
    const code = await codeFor(simulator.origin, 'ann@outlook.com')
    const credentials = `${CLIENT.clientId}:${encodeURIComponent(CLIENT.clientSecret)}`
    const response = await fetch(`${simulator.origin}/common/oauth2/v2.0/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT }),
    })
    expect(response.status).toBe(200)
  })
})

describe('token: refresh', () => {
  it('C.3 each redemption gives a new refresh token and leaves the old one working', async () => {
    const { tokens } = await signIn(simulator, 'personal')
    const refresh = (value: string) =>
      token(simulator.origin, { grant_type: 'refresh_token', refresh_token: value })
    const first = await refresh(tokens.refresh_token)
    expect(first.body.refresh_token).not.toBe(tokens.refresh_token)
    const second = await refresh(tokens.refresh_token)
    expect(second.status).toBe(200)
    expect((await refresh(first.body.refresh_token)).status).toBe(200)
  })

  it('C.3 a refresh may narrow the scope, and the next may widen it again up to what was granted', async () => {
    const { tokens } = await signIn(simulator, 'business')
    const refresh = (value: string, scope: string) =>
      token(simulator.origin, { grant_type: 'refresh_token', refresh_token: value, scope })
    const narrow = await refresh(tokens.refresh_token, 'https://graph.microsoft.com/User.Read')
    expect(narrow.body.scope).toBe('User.Read openid profile email')
    const wide = await refresh(narrow.body.refresh_token, 'files.readwrite')
    expect(wide.body.scope).toContain('Files.ReadWrite')
    const more = await refresh(tokens.refresh_token, 'Mail.Send')
    expect(more.body).toMatchObject({
      error: 'invalid_grant',
      suberror: 'consent_required',
      error_codes: [65001],
    })
  })

  it('C.3 a refresh token dies after 90 days, each redemption starts anew', async () => {
    const { tokens } = await signIn(simulator, 'business')
    simulator.clock.advance(89 * DAY)
    const fresh = await token(simulator.origin, {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
    })
    expect(fresh.status).toBe(200)
    simulator.clock.advance(2 * DAY)
    const dead = await token(simulator.origin, {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
    })
    expect(dead.body).toMatchObject({ error: 'invalid_grant', error_codes: [700082] })
    const alive = await token(simulator.origin, {
      grant_type: 'refresh_token',
      refresh_token: fresh.body.refresh_token,
    })
    expect(alive.status).toBe(200)
  })

  it.each([
    ['personal' as const, 70000, undefined],
    ['business' as const, 50173, 'bad_token'],
  ])('F.2 consent withdrawn kills every refresh token of a %s account', async (kind, code, suberror) => {
    const { account, tokens } = await signIn(simulator, kind)
    const refresh = () =>
      token(simulator.origin, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
    await control(simulator, 'POST', `accounts/${account}/revoke`)
    const { status, body } = await refresh()
    expect(status).toBe(400)
    expect(body).toMatchObject({ error: 'invalid_grant', error_codes: [code] })
    expect(body.suberror).toBe(suberror)
    const relinked = await redeemCode(simulator.origin, await codeFor(simulator.origin, account))
    expect(relinked.status).toBe(200)
  })
})

describe('token: errors', () => {
  it('C.4 the body has codes, ids and a description with CRLF lines', async () => {
    const { body, headers } = await token(simulator.origin, {
      grant_type: 'refresh_token',
      refresh_token: 'no',
    })
    const lines = body.error_description.split('\r\n')
    expect(lines[0]).toMatch(/^AADSTS70000: /)
    expect(lines[1]).toBe(`Trace ID: ${body.trace_id}`)
    expect(lines[2]).toBe(`Correlation ID: ${body.correlation_id}`)
    expect(lines[3]).toBe(`Timestamp: ${body.timestamp}`)
    expect(body.error_uri).toContain('code=70000')
    expect(headers.get('x-ms-clitelem')).toBe('1,70000,0,,')
    expect(headers.get('x-ms-request-id')).not.toBeNull()
  })

  it.each([
    ['a wrong secret', { client_secret: 'wrong' }, 401, 'invalid_client', 7000215],
    ['no secret', { client_secret: '' }, 401, 'invalid_client', 7000218],
    ['an unknown app', { client_id: 'nobody' }, 400, 'unauthorized_client', 700016],
    ['another grant type', { grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
    ['a malformed code', { code: 'no' }, 400, 'invalid_grant', 70000],
    ['a scope that is none', { scope: '1/2' }, 400, 'invalid_scope', 70011],
  ])('C.4 %s answers its own code', async (_name, form, status, error, code) => {
    const body = { grant_type: 'authorization_code', code: 'x', redirect_uri: REDIRECT, ...form }
    const answer = await token(simulator.origin, body)
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject({ error, error_codes: [code] })
  })

  it('C.4 injected failures have the token endpoint’s own bodies', async () => {
    await control(simulator, 'POST', 'faults', {
      match: { path: '/oauth2/v2.0/token' },
      times: 1,
      action: { type: 'status', status: 503, headers: { 'retry-after': '7' } },
    })
    const busy = await token(simulator.origin, { grant_type: 'refresh_token', refresh_token: 'x' })
    expect(busy.status).toBe(503)
    expect(busy.headers.get('retry-after')).toBe('7')
    expect(busy.body.error).toBe('temporarily_unavailable')
    await control(simulator, 'POST', 'faults', {
      match: { path: '/oauth2/v2.0/token' },
      times: 1,
      action: { type: 'status', status: 400, reason: 'AADSTS53003' },
    })
    const blocked = await token(simulator.origin, { grant_type: 'refresh_token', refresh_token: 'x' })
    expect(blocked.body).toMatchObject({
      error: 'invalid_grant',
      suberror: 'message_only',
      error_codes: [53003],
    })
  })
})

describe('after signing in', () => {
  it('C.1 userinfo gives sub, name and, with its scope, the e-mail', async () => {
    const { tokens, account } = await signIn(simulator, 'business')
    const { body } = await send('GET', `${simulator.origin}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    expect(body).toMatchObject({ email: account, name: expect.stringMatching(/^Bob/) })
    expect(body.sub).not.toBe('')
  })

  it('C.1 logout goes on to a registered URI only', async () => {
    expect((await logout(REDIRECT)).headers.get('location')).toBe(REDIRECT)
    expect((await logout('https://evil.example/')).status).toBe(200)
  })

  it('C.3 an access token ends after an hour and answers InvalidAuthenticationToken', async () => {
    const user = await signIn(simulator, 'personal')
    expect((await user.graph('GET', '/me')).status).toBe(200)
    simulator.clock.advance(HOUR)
    const late = await user.graph('GET', '/me')
    expect(late.status).toBe(401)
    expect(late.body.error).toMatchObject({
      code: 'InvalidAuthenticationToken',
      message: 'Lifetime validation failed, the token is expired.',
    })
  })

  it('D.2 mail is null on personal accounts and userPrincipalName always there', async () => {
    const personal = await signIn(simulator, 'personal')
    const { body } = await personal.graph('GET', '/me?$select=id,mail,userPrincipalName,displayName')
    expect(body).toMatchObject({ mail: null, userPrincipalName: personal.account })
    expect(body).not.toHaveProperty('jobTitle')
    const business = await signIn(simulator, 'business')
    expect((await business.graph('GET', '/me')).body.mail).toBe(business.account)
  })
})
