import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../lib/clock.ts'
import { about } from '../../../lib/providers/onedrive/about.ts'
import { microsoftGrant } from '../../../lib/providers/onedrive/grant.ts'
import { newConnectionId } from '../../../lib/ids.ts'
import { secret } from '../../../lib/secret.ts'

/** A token endpoint that answers what a test wants, to show what msal does in between. */
let answer: { status: number; body: unknown; headers?: Record<string, string> }
const connectionId = newConnectionId()
const seen: { path: string; form: URLSearchParams }[] = []
const server = createServer((request, response) => void respond(request, response))

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  seen.push({ path: request.url ?? '', form: new URLSearchParams(Buffer.concat(chunks).toString()) })
  const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
  response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(body)
}

beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)))
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  seen.length = 0
})

const provider = (tenant?: string) =>
  microsoftGrant({
    client: () => Promise.resolve({ clientId: 'client-1', clientSecret: secret('s3cret') }),
    clock: systemClock,
    tenant,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  })

const idToken = (claims: object): string =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`
const claims = {
  aud: 'client-1',
  tid: 'tenant-1',
  oid: 'object-1',
  sub: 's',
  preferred_username: 'ada@example.com',
  ver: '2.0',
}
const tokens = {
  token_type: 'Bearer',
  scope: 'https://graph.microsoft.com/FILES.ReadWrite openid profile email',
  expires_in: 3599,
  access_token: 'access-1',
  refresh_token: 'rotated-1',
  id_token: idToken(claims),
}

describe('refreshing through msal', () => {
  it('keeps the rotated refresh token, which msal itself drops', async () => {
    answer = { status: 200, body: tokens }
    const outcome = await provider().refresh(secret('old-1'))
    if (!outcome.granted) throw new Error('refused')
    expect(outcome.tokens.refreshToken?.reveal()).toBe('rotated-1')
    expect(outcome.tokens.accessToken.reveal()).toBe('access-1')
    expect(outcome.tokens.expiresInSeconds).toBe(3599)
    expect(outcome.tokens.scopes).toContain('https://graph.microsoft.com/FILES.ReadWrite')
  })

  it('asks the token endpoint once and nothing else, in the directory that is set', async () => {
    answer = { status: 200, body: tokens }
    await provider('contoso.onmicrosoft.com').refresh(secret('old-1'))
    expect(seen).toHaveLength(1)
    expect(seen[0]?.path).toMatch(/^\/contoso\.onmicrosoft\.com\/oauth2\/v2\.0\/token/)
    expect(Object.fromEntries(seen[0]?.form ?? [])).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'old-1',
      client_id: 'client-1',
      client_secret: 's3cret',
    })
    const scopes = new Set(seen[0]?.form.get('scope')?.split(' '))
    for (const scope of about.grant.scopes) expect(scopes).toContain(scope)
  })

  it('does without an id token', async () => {
    answer = { status: 200, body: { ...tokens, id_token: undefined } }
    expect(await provider().refresh(secret('old-1'))).toMatchObject({ granted: true })
  })

  it('lets one user’s throttling not touch another’s call', async () => {
    answer = { status: 429, body: { error: 'temporarily_unavailable' }, headers: { 'retry-after': '60' } }
    const one = provider()
    await expect(one.refresh(secret('throttled'))).rejects.toMatchObject({
      code: 'provider_throttled',
      retry: { afterSeconds: 60 },
    })
    answer = { status: 200, body: tokens }
    expect(await one.refresh(secret('another'))).toMatchObject({ granted: true })
    expect(seen).toHaveLength(2)
  })

  it.each([
    [
      400,
      { error: 'invalid_grant', error_codes: [70008] },
      { granted: false, reason: 'grant_expired', providerCode: 'AADSTS70008' },
    ],
    [
      400,
      { error: 'interaction_required', error_codes: [50076], claims: '{}' },
      { granted: false, reason: 'interaction_required' },
    ],
  ])('answers a final refusal %i %j', async (status, body, outcome) => {
    answer = { status, body }
    expect(await provider().refresh(secret('old-1'))).toMatchObject(outcome)
  })

  it.each([
    [502, '<html>Bad Gateway</html>', 'provider_unavailable'],
    [200, '<html>Welcome to the hotel</html>', 'provider_unavailable'],
    [500, { error: 'server_error' }, 'provider_unavailable'],
    [401, { error: 'invalid_client', error_codes: [7000222] }, 'operator_attention'],
  ])('rejects what is not final, %i %j, as %s', async (status, body, code) => {
    answer = { status, body }
    await expect(provider().refresh(secret('old-1'))).rejects.toMatchObject({ code })
  })

  it('puts no secret into its errors', async () => {
    answer = { status: 400, body: { error: 'invalid_request', error_description: 'canary-old s3cret' } }
    const error: unknown = await provider()
      .refresh(secret('canary-old'))
      .catch((reason: unknown) => reason)
    const text = `${String(error)} ${JSON.stringify(error)} ${error instanceof Error ? error.stack : ''}`
    expect(text).not.toMatch(/canary-old|s3cret/)
  })
})

describe('exchanging a code through msal', () => {
  const exchange = {
    code: secret('M.C5/code'),
    codeVerifier: secret('v'.repeat(43)),
    redirectUri: 'https://api.example.com/v1/oauth/callback',
  }

  it('sends code, verifier and redirect URI as they were given, and names the account by tid and oid', async () => {
    answer = { status: 200, body: tokens }
    const outcome = await provider().exchangeCode(exchange)
    if (!outcome.granted) throw new Error('refused')
    expect(Object.fromEntries(seen[0]?.form ?? [])).toMatchObject({
      grant_type: 'authorization_code',
      code: 'M.C5/code',
      code_verifier: 'v'.repeat(43),
      redirect_uri: exchange.redirectUri,
    })
    expect(await provider().identify(outcome.tokens, connectionId)).toEqual({
      accountId: 'tenant-1.object-1',
      email: 'ada@example.com',
    })
  })

  it.each([
    ['no id token', undefined],
    ['one for another client', idToken({ ...claims, aud: 'client-2' })],
    ['one without oid', idToken({ ...claims, oid: undefined })],
    ['one that is none', 'nonsense'],
  ])('does not know the account from %s', async (_, token) => {
    const set = { accessToken: secret('a'), expiresInSeconds: 1, scopes: ['Files.ReadWrite'] }
    await expect(
      provider().identify(token === undefined ? set : { ...set, idToken: secret(token) }, connectionId),
    ).rejects.toMatchObject({
      code: 'provider_error',
    })
  })
})

describe('the authorization URL', () => {
  it('asks for the account on a first connect, and hints at it on a reconnect', async () => {
    const request = {
      state: 's',
      codeChallenge: 'c',
      redirectUri: 'https://api.example.com/v1/oauth/callback',
    }
    const first = new URL(await provider('consumers').authorizationUrl(request))
    expect(first.pathname).toBe('/consumers/oauth2/v2.0/authorize')
    expect(Object.fromEntries(first.searchParams)).toMatchObject({
      prompt: 'select_account',
      code_challenge: 'c',
      code_challenge_method: 'S256',
      response_type: 'code',
      scope: about.grant.scopes.join(' '),
    })
    const again = new URL(await provider().authorizationUrl({ ...request, loginHint: 'ada@example.com' }))
    expect(again.searchParams.get('login_hint')).toBe('ada@example.com')
    expect(again.searchParams.has('prompt')).toBe(false)
  })
})

describe('granted scopes', () => {
  const identify = (scopes: readonly string[]) =>
    provider().identify(
      { accessToken: secret('a'), expiresInSeconds: 1, scopes, idToken: secret(idToken(claims)) },
      connectionId,
    )
  it.each([
    [['Files.ReadWrite']],
    [['https://graph.microsoft.com/Files.ReadWrite', 'openid']],
    [['https://graph.microsoft.com/files.readwrite.all']],
  ])('%j are enough', async (granted) => {
    expect(await identify(granted)).toMatchObject({ accountId: 'tenant-1.object-1' })
  })

  it.each([[['Files.Read', 'openid']], [[]]])('%j are not', async (granted) => {
    await expect(identify(granted)).rejects.toMatchObject({ reason: 'scope_missing' })
  })
})
