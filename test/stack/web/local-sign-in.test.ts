import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { consoleOf } from '../../../local/console.ts'
import { openIdentityProvider, localAudience } from '../../../local/identity-provider.ts'
import type { IdentityProvider } from '../../../local/identity-provider.ts'
import { identityRoutes } from '../../../local/identity-routes.ts'
import { consoleClientId, signInOf } from '../../../local/identity-sign-in.ts'

const redirectUri = 'http://127.0.0.1:5173/'
const base64url = (bytes: Buffer): string => bytes.toString('base64url')

let server: Server
let base: string
let identity: IdentityProvider
let stateDir: string

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'driveway-identity-'))
  server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', base)
    void routes(req, res, url).then(async (answered) => {
      if (answered || (await site.answer(req, res, url))) return
      res.writeHead(404).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  identity = await openIdentityProvider(`${base}/local`, stateDir)
  const routes = identityRoutes(identity)
  const site = consoleOf({
    built: Promise.reject(new Error('no space left')),
    settings: { apiUrl: base, issuer: identity.issuer, clientId: consoleClientId, scope: 'openid' },
    connectTo: [],
  })
})
afterAll(() => {
  server.close()
  rmSync(stateDir, { recursive: true, force: true })
})

interface Attempt {
  readonly verifier: string
  readonly url: URL
}

function attempt(change: Record<string, string> = {}): Attempt {
  const verifier = base64url(randomBytes(32))
  const url = new URL(`${base}/local/authorize`)
  const query = {
    response_type: 'code',
    client_id: consoleClientId,
    redirect_uri: redirectUri,
    scope: 'openid',
    state: 'the-state',
    nonce: 'the-nonce',
    code_challenge: base64url(createHash('sha256').update(verifier).digest()),
    code_challenge_method: 'S256',
    ...change,
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return { verifier, url }
}

const submit = (url: URL, user: string) =>
  fetch(url, { method: 'POST', body: new URLSearchParams({ user }), redirect: 'manual' })

async function codeOf({ url }: Attempt, user = 'dora'): Promise<string> {
  const back = new URL((await submit(url, user)).headers.get('location') ?? '')
  expect(back.origin + back.pathname).toBe(redirectUri)
  expect(back.searchParams.get('state')).toBe('the-state')
  return back.searchParams.get('code') ?? ''
}

async function exchange(form: Record<string, string>) {
  const answer = await fetch(`${base}/local/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: consoleClientId, redirect_uri: redirectUri, ...form }),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, string> }
}

const withCode = (code: string, verifier: string, more: Record<string, string> = {}) =>
  exchange({ grant_type: 'authorization_code', code, code_verifier: verifier, ...more })

describe('the local issuer', () => {
  it('says in its discovery document what it can', async () => {
    const found = (await (await fetch(`${base}/local/.well-known/openid-configuration`)).json()) as Record<
      string,
      unknown
    >
    expect(found).toMatchObject({
      issuer: `${base}/local`,
      authorization_endpoint: `${base}/local/authorize`,
      token_endpoint: `${base}/local/oauth/token`,
      code_challenge_methods_supported: ['S256'],
    })
  })

  it('gives tokens that verify through its keys for a code with its verifier, and again for the refresh token', async () => {
    const keys = createRemoteJWKSet(new URL(`${base}/local/.well-known/jwks.json`))
    const wanted = attempt()
    const { status, body } = await withCode(await codeOf(wanted), wanted.verifier)
    expect(status).toBe(200)
    const access = await jwtVerify(body['access_token'] ?? '', keys, {
      issuer: `${base}/local`,
      audience: localAudience,
    })
    expect(access.payload.sub).toBe('dora')
    const id = await jwtVerify(body['id_token'] ?? '', keys, { audience: consoleClientId })
    expect(id.payload).toMatchObject({ sub: 'dora', nonce: 'the-nonce', preferred_username: 'dora' })
    const again = await exchange({ grant_type: 'refresh_token', refresh_token: body['refresh_token'] ?? '' })
    expect((await jwtVerify(again.body['access_token'] ?? '', keys)).payload.sub).toBe('dora')
    const misused = await exchange({ grant_type: 'refresh_token', refresh_token: body['access_token'] ?? '' })
    expect(misused).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('takes a code once, only with its own verifier and redirect URI, and only for a minute', async () => {
    const once = attempt()
    const used = await codeOf(once)
    expect((await withCode(used, once.verifier)).status).toBe(200)
    expect((await withCode(used, once.verifier)).body).toEqual({ error: 'invalid_grant' })
    expect((await withCode(await codeOf(once), attempt().verifier)).body).toEqual({ error: 'invalid_grant' })
    const elsewhere = { redirect_uri: 'http://127.0.0.1:1/' }
    expect((await withCode(await codeOf(once), once.verifier, elsewhere)).status).toBe(400)

    let now = 0
    const signIn = signInOf(identity, () => now)
    const request = signIn.parse(once.url.searchParams)
    if (request === undefined) throw new Error('the request was refused')
    const late = new URL(signIn.approve(request, 'dora')).searchParams.get('code') ?? ''
    now = 60_001
    const form = { grant_type: 'authorization_code', client_id: consoleClientId, redirect_uri: redirectUri }
    const answer = await signIn.exchange(
      new URLSearchParams({ ...form, code: late, code_verifier: once.verifier }),
    )
    expect(answer.body).toEqual({ error: 'invalid_grant' })
  })

  it.each([
    ['another host', { redirect_uri: 'https://evil.example/' }],
    ['a host that only looks local', { redirect_uri: 'http://127.0.0.1.evil.example/' }],
    ['no PKCE', { code_challenge_method: 'plain' }],
    ['another client', { client_id: 'someone' }],
    ['the implicit flow', { response_type: 'token' }],
  ])('sends nobody anywhere for %s', async (_what, change) => {
    const answer = await submit(attempt(change).url, 'dora')
    expect(answer.status).toBe(400)
    expect(answer.headers.get('location')).toBeNull()
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  it('asks again for a name that is none', async () => {
    const answer = await submit(attempt().url, '   ')
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('User name')
  })

  it('keeps the one-request token for programs', async () => {
    const body = JSON.stringify({ sub: 'alice' })
    const answer = await fetch(`${base}/local/token`, { method: 'POST', body })
    expect(await answer.json()).toEqual({ token: expect.stringMatching(/^ey/) })
    const wrong = await fetch(`${base}/local/token`, { method: 'POST', body: '{"name":"alice"}' })
    expect(wrong.status).toBe(400)
  })
})

describe('a console that could not be built', () => {
  it('says why to a browser, and leaves every other request alone', async () => {
    const page = await fetch(base, { headers: { accept: 'text/html' } })
    expect(page.status).toBe(503)
    expect(await page.text()).toBe('The console could not be built: no space left\n')
    expect((await fetch(`${base}/anything`)).status).toBe(404)
    expect(await (await fetch(`${base}/settings.json`)).json()).toMatchObject({ clientId: consoleClientId })
  })
})
