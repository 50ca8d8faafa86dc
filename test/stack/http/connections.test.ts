import { CreateSecretCommand, DeleteSecretCommand } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Api, ConnectionAnswer, DocumentAnswer, Problem } from '../../support/api.ts'
import { apiOf, callback, connect, consent } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import type { StackControl } from '../../support/stack-control.ts'
import { drives, expectProblem, stackControl } from '../../support/stack-control.ts'

const returnUrl = 'https://app.example.com/drives/back?tab=2'

let stack: LocalStack
let control: StackControl
beforeAll(async () => {
  stack = await startLocalStack({
    env: { ALLOWED_RETURN_URLS: 'https://app.example.com/drives,http://127.0.0.1:*/' },
  })
  control = stackControl(stack)
})
afterAll(async () => {
  control.close()
  await stack.dispose()
})

interface Begun {
  readonly id: string
  readonly authorizationUrl: string
}
const begin = async (api: Api, provider: string, back: string | undefined = returnUrl): Promise<Begun> => {
  const json = { provider, ...(back === '' ? {} : { returnUrl: back }) }
  const { status, body } = await api.request<ConnectionAnswer>('POST', '/v1/connections', { json })
  expect(status).toBe(201)
  return { id: body.connection.id, authorizationUrl: body.authorizationUrl ?? '' }
}
const approve = (url: string, account: string) => consent(url, { decision: 'approve', account })
/** Consents and follows the callback; answers the completion code. */
const codeFor = async (url: string, account: string): Promise<string> =>
  (await callback(await approve(url, account))).completionCode ?? 'none'
const complete = <Body = ConnectionAnswer>(api: Api, id: string, completionCode: string) =>
  api.request<Body>('POST', `/v1/connections/${id}/complete`, { json: { completionCode } })
const expectOver = async (query: Record<string, string>): Promise<void> => {
  const answer = await fetch(`${stack.base}/v1/oauth/callback?${new URLSearchParams(query).toString()}`, {
    redirect: 'manual',
  })
  expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8'])
  expect(await answer.text()).toContain('data-error="invalid_state"')
}
const show = async (api: Api, id: string) =>
  (await api.request<ConnectionAnswer>('GET', `/v1/connections/${id}`)).body.connection
/** A connection that was begun and has got nothing since. */
const expectUntouched = async (api: Api, id: string): Promise<void> => {
  const connection = await show(api, id)
  expect(connection).toMatchObject({ status: 'pending' })
  expect(connection).not.toHaveProperty('account')
  expect(await control.grant(id)).toBeUndefined()
  expect((await control.scan('tokens')).filter((row) => row['connectionId'] === id)).toEqual([])
  expect(await control.events(id)).toEqual([])
}

describe('a deployment without an OAuth client', () => {
  it('answers provider_not_configured, leaves no connection behind, and connects once there is one', async () => {
    const api = await apiOf(stack.base, 'early')
    const name = 'driveway/local/oauth/microsoft'
    const client = await control.secret('oauth/microsoft')
    await control.secrets.send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }))
    const answer = await api.request<Problem>('POST', '/v1/connections', { json: { provider: 'onedrive' } })
    expectProblem(answer, 503, 'provider_not_configured')
    expect((await api.request('GET', '/v1/connections')).body).toEqual({ connections: [] })
    await control.secrets.send(new CreateSecretCommand({ Name: name, SecretString: client ?? '' }))
    const id = await connect(api, 'onedrive', 'early@contoso.example')
    expect(await show(api, id)).toMatchObject({ status: 'active' })
  })
})

describe.each(drives)('connecting $provider', ({ provider, name, domain, offset }) => {
  let alice: Api
  let mallory: Api
  beforeAll(async () => {
    alice = await apiOf(stack.base, `alice-${name}`)
    mallory = await apiOf(stack.base, `mallory-${name}`)
  })

  it('goes over the returnUrl to an active connection', async () => {
    const { id, authorizationUrl } = await begin(alice, provider)
    const arrived = await callback(await approve(authorizationUrl, `good@${domain}`))
    const location = new URL(arrived.location ?? '')
    expect([arrived.status, location.origin, location.pathname]).toEqual([
      302,
      'https://app.example.com',
      '/drives/back',
    ])
    expect(Object.fromEntries(location.searchParams)).toEqual({
      tab: '2',
      connectionId: id,
      completionCode: arrived.completionCode,
    })
    const completed = await complete(alice, id, arrived.completionCode ?? '')
    expect(completed.status).toBe(200)
    expect(completed.body.connection).toMatchObject({
      id,
      status: 'active',
      account: { email: `good@${domain}` },
    })
    const events = await control.events(id)
    expect(events.map((event) => event['detail-type'])).toEqual(['Connection Activated'])
  })

  it('shows the completion code on a page that nothing can be loaded into or framed', async () => {
    const { id, authorizationUrl } = await begin(alice, provider, '')
    const answer = await fetch(await approve(authorizationUrl, `page@${domain}`))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answer.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
    expect([answer.headers.get('referrer-policy'), answer.headers.get('cache-control')]).toEqual([
      'no-referrer',
      'no-store',
    ])
    const completionCode = /data-completion-code="([\w-]{43})"/.exec(await answer.text())?.[1]
    expect((await complete(alice, id, completionCode ?? '')).status).toBe(200)
  })

  it('answers a forged, a missing and an empty state with a page', async () => {
    for (const query of [
      { state: 'A'.repeat(43), code: 'x' },
      { code: 'x' },
      { state: '', code: 'x' },
      { state: '../state', code: 'x' },
    ])
      await expectOver(query)
    // So does what is no request at all: there is a person in front of it.
    const long = await fetch(`${stack.base}/v1/oauth/callback?state=${'x'.repeat(2000)}`)
    expect([long.status, long.headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8'])
  })

  it('answers a state that comes again the same, and the completion code stays good', async () => {
    const { id, authorizationUrl } = await begin(alice, provider)
    const location = await approve(authorizationUrl, `replay@${domain}`)
    const [first, ...others] = await Promise.all([location, location, location].map((url) => callback(url)))
    const codes = [first, ...others].flatMap((answer) => answer?.completionCode ?? [])
    expect(codes).toHaveLength(3)
    expect(new Set(codes).size).toBe(1)
    const stranger = new URL(location)
    stranger.searchParams.set('code', 'another')
    const other = new URL((await callback(stranger.href)).location ?? '')
    expect(Object.fromEntries(other.searchParams)).toEqual({
      tab: '2',
      connectionId: id,
      error: 'used_already',
    })
    await expectUntouched(alice, id)
    expect((await complete(alice, id, codes[0] ?? '')).status).toBe(200)
  })

  it('gives a state and a completion code ten minutes, and refuses them after that', async () => {
    const late = await begin(alice, provider)
    const [row] = await control.authorizations(late.id)
    const seconds = Number(row?.['expiresAt']) - Date.parse(String(row?.['startedAt'])) / 1000
    expect(Math.abs(seconds - 600)).toBeLessThan(1)
    const location = await approve(late.authorizationUrl, `late@${domain}`)
    await control.endAuthorizations(late.id)
    await expectOver(Object.fromEntries(new URL(location).searchParams))

    const slow = await begin(alice, provider)
    const completionCode = await codeFor(slow.authorizationUrl, `slow@${domain}`)
    await control.endAuthorizations(slow.id)
    expectProblem(await complete<Problem>(alice, slow.id, completionCode), 400, 'invalid_request')
    for (const { id } of [late, slow]) await expectUntouched(alice, id)
  })

  it('refuses a completion code that is forged or belongs to another connection, and repeats its answer', async () => {
    const used = await begin(alice, provider)
    const usedCode = await codeFor(used.authorizationUrl, `used@${domain}`)
    const other = await begin(alice, provider)
    const otherCode = await codeFor(other.authorizationUrl, `other@${domain}`)
    expectProblem(await complete<Problem>(alice, used.id, otherCode), 400, 'invalid_request')
    expectProblem(await complete<Problem>(alice, used.id, 'A'.repeat(43)), 400, 'invalid_request')
    await expectUntouched(alice, used.id)
    const answers = await Promise.all([1, 2, 3].map(() => complete<Problem>(alice, used.id, usedCode)))
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 200, 200])
    const before = await show(alice, used.id)
    expect((await complete(alice, used.id, usedCode)).body.connection).toEqual(before)
    expect(await show(alice, used.id)).toEqual(before)
    expect((await control.events(used.id)).map((event) => event['detail-type'])).toEqual([
      'Connection Activated',
    ])
    expect((await complete(alice, other.id, otherCode)).status).toBe(200)
  })

  it('lets nobody but the user who started complete: a victim’s approval ends in nobody’s account', async () => {
    // Mallory starts and has Alice approve; the code arrives in
    // Alice's browser, and Alice's app completes with her token.
    const { id, authorizationUrl } = await begin(mallory, provider)
    const completionCode = await codeFor(authorizationUrl, `victim@${domain}`)
    const stolen = await complete<Problem>(alice, id, completionCode)
    const unknown = await complete<Problem>(alice, '00000000-0000-4000-8000-000000000000', completionCode)
    for (const answer of [stolen, unknown]) expectProblem(answer, 404, 'connection_not_found')
    // But for the id that the caller named, both say the same.
    expect(stolen.body.detail.replace(id, '')).toBe(unknown.body.detail.replace(/[0-9a-f-]{36}/, ''))
    await expectUntouched(mallory, id)
    expect((await alice.request('GET', `/v1/connections/${id}`)).status).toBe(404)
    expect((await alice.request('POST', `/v1/connections/${id}/reauthorize`, { json: {} })).status).toBe(404)
    expect((await alice.request('DELETE', `/v1/connections/${id}`)).status).toBe(404)
    expect((await complete(mallory, id, completionCode)).status).toBe(200)
  })

  it('refuses a provider’s code that was swapped in from another start (PKCE)', async () => {
    const mine = await begin(alice, provider)
    const theirs = await begin(mallory, provider)
    const stolen = new URL(await approve(mine.authorizationUrl, `swapped@${domain}`)).searchParams.get('code')
    const swapped = new URL(await approve(theirs.authorizationUrl, `mallory@${domain}`))
    swapped.searchParams.set('code', stolen ?? '')
    const { completionCode } = await callback(swapped.href)
    expectProblem(await complete<Problem>(mallory, theirs.id, completionCode ?? ''), 400, 'invalid_request')
    await expectUntouched(mallory, theirs.id)
    await expectUntouched(alice, mine.id)
  })

  it('passes a denied consent on as an error, to the returnUrl or a page, and the connection is gone', async () => {
    const { id, authorizationUrl } = await begin(alice, provider)
    const denied = await consent(authorizationUrl, { decision: 'deny' })
    const location = new URL((await callback(denied)).location ?? '')
    expect(Object.fromEntries(location.searchParams)).toEqual({
      tab: '2',
      connectionId: id,
      error: 'access_denied',
    })
    expect((await callback(denied)).location).toBe(location.href)
    expect((await alice.request('GET', `/v1/connections/${id}`)).status).toBe(404)

    const paged = await begin(alice, provider, '')
    const page = await callback(await consent(paged.authorizationUrl, { decision: 'deny' }))
    expect(page.status).toBe(200)
    expect(page.text).toContain('data-error="access_denied"')
    expect(page.completionCode).toBeUndefined()
  })

  it('passes no text on that somebody put into the callback', async () => {
    const { authorizationUrl } = await begin(alice, provider, '')
    const state = new URL(authorizationUrl).searchParams.get('state') ?? ''
    const query = new URLSearchParams({
      state,
      error: '<script>alert(1)</script>',
      error_description: '<b>hello</b>',
    })
    const page = await callback(`${stack.base}/v1/oauth/callback?${query.toString()}`)
    expect(page.text).toContain('data-error="server_error"')
    expect(page.text).not.toMatch(/alert|hello/)
  })

  it('refuses another account in a reconnect, and nothing has changed', async () => {
    const id = await connect(alice, provider, `first@${domain}`)
    const path = `/v1/documents/kept-${name}`
    const put = await alice.request('PUT', `${path}?connectionId=${id}`, { bytes: Buffer.from('mine') })
    expect(put.status).toBe(201)
    const before = { connection: await show(alice, id), secret: await control.grant(id) }
    const { body } = await alice.request<ConnectionAnswer>('POST', `/v1/connections/${id}/reauthorize`, {
      json: { returnUrl },
    })
    expect(body.connection.id).toBe(id)
    const completionCode = await codeFor(body.authorizationUrl ?? '', `second@${domain}`)
    const refused = await complete<Problem>(alice, id, completionCode)
    expectProblem(refused, 409, 'account_mismatch')
    expect(refused.text).not.toContain('second@')
    const after = { connection: await show(alice, id), secret: await control.grant(id) }
    expect(after).toEqual(before)
    expect((await alice.request('GET', `${path}/content`)).text).toBe('mine')
    expect((await alice.request<DocumentAnswer>('GET', path)).body.document.connectionId).toBe(id)
    // What was decided uses the code up.
    expectProblem(await complete<Problem>(alice, id, completionCode), 400, 'invalid_request')
  })

  it('refuses a provider’s code that is older than the provider allows', async () => {
    const { id, authorizationUrl } = await begin(alice, provider)
    const completionCode = await codeFor(authorizationUrl, `stale@${domain}`)
    await control.simulator({ offset }).advance(11 * 60_000)
    expectProblem(await complete<Problem>(alice, id, completionCode), 400, 'invalid_request')
    await expectUntouched(alice, id)
  })
})

describe('a Google consent with the scope unticked', () => {
  const untick = (url: string) =>
    consent(url, { decision: 'approve', account: 'unticked@example.com', scopes: '' })

  it('is told to the user as something to mend, and nothing is saved', async () => {
    const api = await apiOf(stack.base, 'unticking')
    const { id, authorizationUrl } = await begin(api, 'google-drive')
    const { completionCode } = await callback(await untick(authorizationUrl))
    const answer = await complete<Problem>(api, id, completionCode ?? '')
    expectProblem(answer, 409, 'connection_requires_reauth')
    expect(answer.body.links).toEqual({ reauthorize: `/v1/connections/${id}/reauthorize` })
    await expectUntouched(api, id)
  })

  it('leaves the grant alone that a reconnect would have replaced', async () => {
    const api = await apiOf(stack.base, 'unticking-again')
    const id = await connect(api, 'google-drive', 'unticked@example.com')
    const before = { connection: await show(api, id), secret: await control.grant(id) }
    const { body } = await api.request<ConnectionAnswer>('POST', `/v1/connections/${id}/reauthorize`, {
      json: {},
    })
    const { completionCode } = await callback(await untick(body.authorizationUrl ?? ''))
    expectProblem(await complete<Problem>(api, id, completionCode ?? ''), 409, 'connection_requires_reauth')
    expect({ connection: await show(api, id), secret: await control.grant(id) }).toEqual(before)
    const put = await api.request('PUT', `/v1/documents/works?connectionId=${id}`, {
      bytes: Buffer.from('still'),
    })
    expect(put.status).toBe(201)
  })
})

describe('a returnUrl that would lead elsewhere', () => {
  const tricks = [
    'https://evil.example/drives',
    'https://app.example.com.evil.example/drives',
    'https://app.example.com@evil.example/drives',
    'https://evil.example#https://app.example.com/drives',
    'https://evil.example/?https://app.example.com/drives',
    'https://app.example.com/drives/../admin',
    'https://app.example.com/drives/%2e%2e/admin',
    'https://app.example.com/drives%2f..%2fadmin',
    'https://app.example.com/drives\\..\\admin',
    'https://app.example.com/drivesandmore',
    'https://app.example.com/',
    'https://app.example.com:8443/drives',
    'http://app.example.com/drives',
    'https:\\\\evil.example/drives',
    'https://app.example.com\t.evil.example/drives',
    '//evil.example/drives',
    '/drives',
    'javascript:alert(1)//https://app.example.com/drives',
    'data:text/html,<script>alert(1)</script>',
    'http://127.0.0.1.evil.example:3000/',
    'http://0x7f000001@evil.example/',
    'https://app.example.com/drives#completionCode=forged',
  ]

  it.each(tricks)('%s is refused at the start and at a reconnect', async (trick) => {
    const api = await apiOf(stack.base, 'redirected')
    const list = async () => (await api.request('GET', '/v1/connections')).body
    const before = await list()
    for (const provider of [...drives.map((drive) => drive.provider), 's3']) {
      const started = await api.request<Problem>('POST', '/v1/connections', {
        json: { provider, returnUrl: trick },
      })
      expectProblem(started, 400, 'invalid_request')
      expect(started.body.detail).toContain('returnUrl')
    }
    expect(await list()).toEqual(before)
    const { id } = await begin(await apiOf(stack.base, 'redirected-again'), 'onedrive')
    const again = await (
      await apiOf(stack.base, 'redirected-again')
    ).request<Problem>('POST', `/v1/connections/${id}/reauthorize`, { json: { returnUrl: trick } })
    expectProblem(again, 400, 'invalid_request')
  })

  it.each(['https://app.example.com/drives', 'http://127.0.0.1:49152/back', returnUrl])(
    '%s is fine',
    async (url) => {
      const { authorizationUrl } = await begin(await apiOf(stack.base, 'returning'), 'google-drive', url)
      const { location } = await callback(await approve(authorizationUrl, 'returning@example.com'))
      const back = new URL(location ?? '')
      expect(`${back.origin}${back.pathname}`).toBe(url.split('?')[0])
    },
  )

  it('cannot bring a completion code of its own along', async () => {
    const url = 'https://app.example.com/drives?completionCode=forged&connectionId=forged'
    const { id, authorizationUrl } = await begin(await apiOf(stack.base, 'returning'), 'google-drive', url)
    const { location, completionCode } = await callback(
      await approve(authorizationUrl, 'returning@example.com'),
    )
    expect(location).not.toContain('forged')
    expect(Object.fromEntries(new URL(location ?? '').searchParams)).toEqual({
      connectionId: id,
      completionCode,
    })
  })
})
