import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../lib/clock.ts'
import { CloudConnectionError } from '../../../lib/errors.ts'
import { classify } from '../../../lib/grants/oauth2.ts'
import type { TokenSet } from '../../../lib/grants/grant.ts'
import { newConnectionId } from '../../../lib/ids.ts'
import { dropboxGrant, readRefusal } from '../../../lib/providers/dropbox/grant.ts'
import { secret } from '../../../lib/secret.ts'
import type { Simulator } from '../../support/simulators.ts'
import { startSimulator } from '../../support/simulators.ts'
import { failureOf } from '../storage/support.ts'

const redirectUri = 'https://app.example/v1/oauth/callback'
const connectionId = newConnectionId()
let simulator: Simulator
beforeAll(async () => {
  simulator = await startSimulator('dropbox')
})
afterAll(() => simulator.close())

const grant = (clientSecret = 'conformance-secret') =>
  dropboxGrant({
    client: () => Promise.resolve({ clientId: 'conformance', clientSecret: secret(clientSecret) }),
    clock: systemClock,
    endpoint: simulator.origin,
  })

/** Goes through the consent as a browser does, with what `change` makes of the address. */
async function tokensFor(account: string, change = (_url: URL): void => undefined): Promise<TokenSet> {
  const verifier = 'v'.repeat(64)
  const codeChallenge = createHash('sha256').update(verifier).digest('base64url')
  const url = new URL(await grant().authorizationUrl({ state: 's', codeChallenge, redirectUri }))
  change(url)
  const body = new URLSearchParams({ decision: 'approve', account })
  const answer = await fetch(url, { method: 'POST', redirect: 'manual', body })
  const code = new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? ''
  const outcome = await grant().exchangeCode({
    code: secret(code),
    codeVerifier: secret(verifier),
    redirectUri,
  })
  if (!outcome.granted) throw new Error(outcome.reason)
  return outcome.tokens
}

const refreshTokenOf = ({ refreshToken }: TokenSet) => refreshToken ?? expect.unreachable()

describe('the grant of a Dropbox', () => {
  it('asks for offline use of what it needs, and for the page, whoever is signed in', async () => {
    const url = new URL(
      await grant().authorizationUrl({ state: 's t', codeChallenge: 'c'.repeat(43), redirectUri }),
    )
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: 'conformance',
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'account_info.read files.metadata.read files.content.read files.content.write',
      state: 's t',
      code_challenge: 'c'.repeat(43),
      code_challenge_method: 'S256',
      token_access_type: 'offline',
      force_reapprove: 'true',
    })
  })

  it('says whose it is, refreshes without a new refresh token, and ends by itself alone', async () => {
    const tokens = await tokensFor('ada@example.com')
    const other = await tokensFor('ada@example.com')
    const account = await grant().identify(tokens, connectionId)
    expect(account).toEqual({ accountId: expect.stringMatching(/^dbid:/), email: 'ada@example.com' })
    const refreshed = await grant().refresh(refreshTokenOf(tokens))
    expect(refreshed.granted && refreshed.tokens).toMatchObject({ expiresInSeconds: 14_400 })
    expect(refreshed.granted && refreshed.tokens.refreshToken).toBeUndefined()
    expect(await grant().revoke(refreshTokenOf(tokens))).toBe('revoked')
    // What is ended already is success, too.
    expect(await grant().revoke(refreshTokenOf(tokens))).toBe('revoked')
    expect(await grant().refresh(refreshTokenOf(tokens))).toMatchObject({
      granted: false,
      reason: 'grant_revoked',
    })
    expect((await grant().refresh(refreshTokenOf(other))).granted).toBe(true)
  })

  it('a revocation that meets an outage may be tried again; one of a token that has just died is done', async () => {
    const tokens = await tokensFor('bob@example.com')
    await simulator.fault({ path: '^/2/auth/token/revoke' }, { type: 'status', status: 503 })
    expect(await failureOf(grant().revoke(refreshTokenOf(tokens)))).toMatchObject({
      code: 'provider_unavailable',
      retry: { retryable: true },
    })
    await simulator.fault({ path: '^/2/auth/token/revoke' }, { type: 'status', status: 401 })
    expect(await grant().revoke(refreshTokenOf(tokens))).toBe('revoked')
  })

  it('that lacks a scope is said to, before anything is asked', async () => {
    const less = await tokensFor('cas@example.com', (url) =>
      url.searchParams.set('scope', 'account_info.read files.content.read'),
    )
    const error = await failureOf(grant().identify(less, connectionId))
    expect(error).toBeInstanceOf(CloudConnectionError)
    expect(error).toMatchObject({ reason: 'scope_missing' })
  })

  it('whose account cannot be asked for fails as the drive does, by the same classes', async () => {
    const tokens = await tokensFor('dan@example.com')
    const account = { path: '^/2/users/get_current_account' }
    await simulator.fault(account, { type: 'status', status: 429, headers: { 'retry-after': '9' } })
    expect(await failureOf(grant().identify(tokens, connectionId))).toMatchObject({
      code: 'provider_throttled',
      retry: { retryable: true, afterSeconds: 9 },
    })
    await simulator.fault(account, { type: 'status', status: 403 })
    expect(await failureOf(grant().identify(tokens, connectionId))).toMatchObject({
      code: 'operator_attention',
    })
  })

  it('a wrong secret is the operator’s, although words stand behind its code', async () => {
    const tokens = await tokensFor('eve@example.com')
    expect(await failureOf(grant('wrong').refresh(refreshTokenOf(tokens)))).toMatchObject({
      code: 'operator_attention',
      context: { operatorFault: true, providerCode: 'invalid_client' },
    })
    const text = JSON.stringify({ error: 'invalid_client: Invalid client_id or client_secret' })
    expect(classify(readRefusal, { status: 400, text })).toEqual({
      kind: 'operator',
      providerCode: 'invalid_client',
      client: true,
    })
  })
})
