import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tables } from '../../../lib/contract/tables.ts'
import type { Api, ConnectionAnswer, Problem } from '../../support/api.ts'
import { apiOf, callback, connect as connectByConsent, consent } from '../../support/api.ts'
import { startCloudBox } from '../../support/cloud-box-server.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import type { StackControl } from '../../support/stack-control.ts'
import type { Tree } from '../../support/tree.ts'
import { treeWith } from '../../support/tree.ts'
import { expectProblem, stackControl, until } from '../../support/stack-control.ts'

/** A whole local stack whose registry has one provider more: one that takes an app password. */
const returnUrl = 'https://app.example.com/drives/back'

let tree: Tree
let stack: LocalStack
let control: StackControl
let box: Awaited<ReturnType<typeof startCloudBox>>
beforeAll(async () => {
  box = await startCloudBox()
  tree = await treeWith(new URL('../../support/cloud-box', import.meta.url))
  stack = await startLocalStack({
    cwd: tree.root,
    env: { ALLOWED_RETURN_URLS: `${returnUrl}/`, LOG_LEVEL: 'DEBUG' },
  })
  control = stackControl(stack)
})
afterAll(async () => {
  control.close()
  box.close()
  await stack.dispose()
  await tree.dispose()
})

/** Every password that was typed anywhere in this file, and everything that anybody was answered. */
const typedPasswords: string[] = []
const seenByPeople: string[] = []
const newPassword = (): string => {
  const password = `${randomBytes(12).toString('hex')}<&">${randomBytes(12).toString('hex')}`
  typedPasswords.push(password)
  return password
}

let users = 0
/** A person with an account on the server. */
async function person(): Promise<{ api: Api; name: string; password: string }> {
  users += 1
  const name = `person-${users}`
  const password = newPassword()
  box.user(name, password)
  return { api: await apiOf(stack.base, name), name, password }
}

interface Begun {
  readonly id: string
  readonly url: string
}
async function begin(api: Api, path = '/v1/connections', back = returnUrl): Promise<Begun> {
  const provider = path === '/v1/connections' ? { provider: 'cloud-box' } : {}
  const json = { ...provider, ...(back === '' ? {} : { returnUrl: back }) }
  const { status, text, body } = await api.request<ConnectionAnswer>('POST', path, { json })
  expect([status, text]).toEqual([path === '/v1/connections' ? 201 : 200, text])
  seenByPeople.push(text)
  return { id: body.connection.id, url: body.authorizationUrl ?? '' }
}

interface Page {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly mistake: string | undefined
  /** What the browser is sent on with. */
  readonly query: Readonly<Record<string, string>> | undefined
}
async function visit(url: string, form?: Readonly<Record<string, string>>): Promise<Page> {
  const body = form && { method: 'POST', body: new URLSearchParams(form) }
  const answer = await fetch(url, { redirect: 'manual', ...body })
  const text = await answer.text()
  const location = answer.headers.get('location')
  seenByPeople.push(url, text, JSON.stringify([...answer.headers]))
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    mistake: /<p role="alert" data-mistake>([^<]*)</.exec(text)?.[1],
    query: location === null ? undefined : Object.fromEntries(new URL(location).searchParams),
  }
}
const submit = (url: string, userName: string, password: string, serverUrl = box.origin) =>
  visit(url, { serverUrl, userName, password })

const complete = <Body = ConnectionAnswer>(api: Api, id: string, completionCode: string | undefined) =>
  api.request<Body>('POST', `/v1/connections/${id}/complete`, { json: { completionCode } })
const show = async (api: Api, id: string) =>
  (await api.request<ConnectionAnswer>('GET', `/v1/connections/${id}`)).body.connection
const health = async (api: Api, id: string) =>
  (await api.request<{ healthy: boolean; reason?: string }>('GET', `/v1/connections/${id}/health`)).body

async function connect({ api, name, password }: Awaited<ReturnType<typeof person>>): Promise<string> {
  const { id, url } = await begin(api)
  const { query } = await submit(url, name, password)
  expect((await complete(api, id, query?.['completionCode'])).status).toBe(200)
  return id
}
const types = async (id: string) => (await control.events(id)).map((event) => event['detail-type'])

describe('connecting with an app password', () => {
  it('leads over a page of the deployment to an active connection', async () => {
    const { api, name, password } = await person()
    const { id, url } = await begin(api)
    expect(new URL(url).origin).toBe(stack.base)
    expect(await show(api, id)).toMatchObject({ provider: 'cloud-box', status: 'pending' })

    const page = await visit(url)
    expect([page.status, page.mistake]).toEqual([200, undefined])
    expect(page.text).toContain('under “Security” &amp; “Devices”.')
    for (const field of ['serverUrl', 'userName', 'password']) expect(page.text).toContain(`name="${field}"`)
    expect(page.text).not.toMatch(/<script|<style|<link|<img|javascript:/i)

    const { status, query } = await submit(url, name, password, `${box.origin}/`)
    expect(status).toBe(302)
    expect(query).toEqual({ connectionId: id, completionCode: expect.any(String) })
    expect(await show(api, id)).toMatchObject({ status: 'pending' })
    expect(await control.grant(id)).toBeUndefined()

    const { body } = await complete(api, id, query?.['completionCode'])
    expect(body.connection).toMatchObject({ status: 'active', account: { email: `${name}@example.com` } })
    expect(body.connection).not.toHaveProperty('scopes')
    expect(JSON.parse((await control.grant(id)) ?? '')).toEqual({
      kind: 'password',
      serverUrl: box.origin,
      userName: name,
      password,
    })
    expect(await types(id)).toEqual(['Connection Activated'])
    expect(await health(api, id)).toMatchObject({ healthy: true, quota: { used: 0 } })
  })

  it('shows the completion code where the app gave no returnUrl, under the same policy as the callback', async () => {
    const { api, name, password } = await person()
    const { id, url } = await begin(api, '/v1/connections', '')
    const page = await submit(url, name, password)
    const code = /data-completion-code="([^"]+)"/.exec(page.text)?.[1]
    expect((await complete(api, id, code)).status).toBe(200)

    const consented = await api.request<ConnectionAnswer>('POST', '/v1/connections', {
      json: { provider: 'google-drive' },
    })
    const { authorizationUrl = '' } = consented.body
    const back = await fetch(
      await consent(authorizationUrl, { decision: 'approve', account: `${name}@example.com` }),
    )
    const policy = (headers: Headers) =>
      [...headers].filter(([header]) => !/^(x-request-id|date|content-length)$/.test(header))
    expect(policy(page.headers)).toEqual(policy(back.headers))
    expect(policy(page.headers)).toContainEqual([
      'content-security-policy',
      "default-src 'none'; frame-ancestors 'none'",
    ])
  })

  it('shows the form again after a wrong password, and takes the right one then', async () => {
    const { api, name, password } = await person()
    const { id, url } = await begin(api)
    const wrong = newPassword()
    const page = await submit(url, name, wrong)
    expect([page.status, page.mistake]).toEqual([
      200,
      'The server does not take this user name and app password.',
    ])
    expect(page.text).toContain(`value="${name}"`)
    expect(page.text).toContain(`value="${box.origin}"`)
    expect(await show(api, id)).toMatchObject({ status: 'pending' })
    const { query } = await submit(url, name, password)
    expect((await complete(api, id, query?.['completionCode'])).body.connection.status).toBe('active')
  })

  it('says on the form what cannot be tried, and tries nothing', async () => {
    const { api, name, password } = await person()
    const { url } = await begin(api)
    box.requests.length = 0
    for (const address of [
      '',
      'http://cloud.example.com',
      'https://10.0.0.1',
      'https://169.254.169.254/latest/meta-data',
      'https://[::ffff:10.0.0.1]',
      'https://user:secret@cloud.example.com',
      'file:///etc/passwd',
    ])
      expect((await submit(url, name, password, address)).mistake).toMatch(/^The server address has to be/)
    expect((await submit(url, ' ', password)).mistake).toBe('User name and app password are both needed.')
    expect((await submit(url, name, '')).mistake).toBe('User name and app password are both needed.')
    const marked = await submit(url, '"><script>alert(1)</script>', '')
    expect(marked.text).not.toContain('<script>')
    expect(box.requests).toEqual([])
  })

  it('says on the form that a server is down or another one, and goes on when it is back', async () => {
    const { api, name, password } = await person()
    const { id, url } = await begin(api)
    const sentence = /^The server does not answer as it should/
    box.goDown(true)
    const page = await submit(url, name, password)
    box.goDown(false)
    expect([page.status, page.mistake]).toEqual([200, expect.stringMatching(sentence)])
    expect((await submit(url, name, password, `${box.origin}/elsewhere`)).mistake).toMatch(sentence)
    expect((await submit(url, name, password, 'http://127.0.0.1:1')).mistake).toMatch(sentence)
    const { query } = await submit(url, name, password)
    expect((await complete(api, id, query?.['completionCode'])).status).toBe(200)
  })

  it('lets ten passwords be tried with one start, however many come at once', async () => {
    const { api, name, password } = await person()
    const { id, url } = await begin(api)
    box.requests.length = 0
    const tries = await Promise.all(Array.from({ length: 25 }, () => submit(url, name, newPassword())))
    expect(box.requests.filter((request) => request === 'GET /me')).toHaveLength(10)
    expect(tries.some(({ query }) => query?.['error'] === 'access_denied')).toBe(true)
    expect((await submit(url, name, password)).query).toEqual({ connectionId: id, error: 'access_denied' })
    expect(box.requests.filter((request) => request === 'GET /me')).toHaveLength(10)
    expect((await api.request('GET', `/v1/connections/${id}`)).status).toBe(404)
  })

  it('can be called off', async () => {
    const { api, name } = await person()
    const { id, url } = await begin(api)
    const { status, query } = await visit(url, { cancel: 'yes', userName: name })
    expect([status, query]).toEqual([302, { connectionId: id, error: 'access_denied' }])
    expect((await visit(url)).status).toBe(400)
  })
})

describe('the page of an app password', () => {
  const expectOver = async (url: string, form?: Readonly<Record<string, string>>) => {
    const { status, text } = await visit(url, form)
    expect(status).toBe(400)
    expect(text).toContain('data-error="invalid_state"')
  }

  it('opens with a state that is known, young, unused and its own', async () => {
    const { api, name, password } = await person()
    const form = { serverUrl: box.origin, userName: name, password }
    for (const query of ['', '?state=', '?state=unknown'])
      await expectOver(`${stack.base}/v1/password${query}`)

    const used = await begin(api)
    const first = await visit(used.url, form)
    expect(first.status).toBe(302)
    await expectOver(used.url)
    // The form that is sent once more, since its answer was lost, is answered the same.
    expect((await visit(used.url, form)).query).toEqual(first.query)

    const old = await begin(api)
    await control.endAuthorizations(old.id)
    await expectOver(old.url, form)

    const other = await api.request<ConnectionAnswer>('POST', '/v1/connections', {
      json: { provider: 'onedrive' },
    })
    const state = new URL(other.body.authorizationUrl ?? '').searchParams.get('state') ?? ''
    await expectOver(`${stack.base}/v1/password?state=${state}`, form)
  })

  it('is not gone round by the callback', async () => {
    const { api, name } = await person()
    const { id, url } = await begin(api)
    const state = new URL(url).searchParams.get('state') ?? ''
    const code = JSON.stringify({
      kind: 'password',
      serverUrl: 'https://10.0.0.1',
      userName: name,
      password: 'x',
    })
    const query = new URLSearchParams({ state, code }).toString()
    expect((await callback(`${stack.base}/v1/oauth/callback?${query}`)).status).toBe(400)
    expect(await show(api, id)).toMatchObject({ status: 'pending' })
    expect((await visit(url)).status).toBe(200)
  })

  it('is no part of the HTTP API', async () => {
    const document = await (await fetch(`${stack.base}/v1/openapi.json`)).text()
    expect(document).toContain('/v1/oauth/callback')
    expect(document).not.toContain('/v1/password')
  })
})

describe('completing with an app password', () => {
  it('is for the user who started', async () => {
    const { api, name, password } = await person()
    const { id, url } = await begin(api)
    const { query } = await submit(url, name, password)
    const stranger = (await person()).api
    expectProblem(
      await complete<Problem>(stranger, id, query?.['completionCode']),
      404,
      'connection_not_found',
    )
    for (let times = 0; times < 2; times += 1)
      expect((await complete(api, id, query?.['completionCode'])).status).toBe(200)
  })

  it('stores no password that has died since, and waits for a server that is down', async () => {
    const { api, name, password } = await person()
    const one = await begin(api)
    const { query } = await submit(one.url, name, password)
    box.goDown(true)
    const early = await complete<Problem>(api, one.id, query?.['completionCode'])
    box.goDown(false)
    expectProblem(early, 503, 'provider_unavailable')
    expect((await complete(api, one.id, query?.['completionCode'])).status).toBe(200)

    const two = await begin(api)
    const late = await submit(two.url, name, password)
    box.user(name, newPassword())
    const answer = await complete<Problem>(api, two.id, late.query?.['completionCode'])
    expectProblem(answer, 409, 'connection_requires_reauth')
    expect(await control.grant(two.id)).toBeUndefined()
  })

  it('refuses another account on a reconnect, and takes a new password of the first', async () => {
    const one = await person()
    const other = await person()
    const id = await connect(one)
    const before = await control.grant(id)

    const wrong = await begin(one.api, `/v1/connections/${id}/reauthorize`)
    const { query } = await submit(wrong.url, other.name, other.password)
    expectProblem(await complete<Problem>(one.api, id, query?.['completionCode']), 409, 'account_mismatch')
    expect(await control.grant(id)).toBe(before)
    expect(await show(one.api, id)).toMatchObject({ status: 'active' })

    const password = newPassword()
    box.user(one.name, password)
    const right = await begin(one.api, `/v1/connections/${id}/reauthorize`)
    const again = await submit(right.url, one.name, password)
    expect((await complete(one.api, id, again.query?.['completionCode'])).status).toBe(200)
    expect(JSON.parse((await control.grant(id)) ?? '')).toMatchObject({ password })
    expect(await health(one.api, id)).toMatchObject({ healthy: true })
  })
})

describe('an app password that the user took back', () => {
  it('is told once, in the connection and in one event; a server that is down proves nothing', async () => {
    const one = await person()
    const id = await connect(one)
    box.goDown(true)
    expect(await health(one.api, id)).toMatchObject({ healthy: false, reason: 'provider_unavailable' })
    box.goDown(false)
    expect(await show(one.api, id)).toMatchObject({ status: 'active' })

    const password = newPassword()
    box.user(one.name, password)
    const told = await Promise.all([health(one.api, id), health(one.api, id), health(one.api, id)])
    for (const { healthy } of told) expect(healthy).toBe(false)
    expect(await show(one.api, id)).toMatchObject({ status: 'requires_reauth', reason: 'grant_revoked' })
    const reauth = 'Connection Requires Reauth'
    await until(
      () => types(id),
      (all) => all.includes(reauth),
    )
    expect((await types(id)).filter((type) => type === reauth)).toHaveLength(1)

    box.requests.length = 0
    expect(await health(one.api, id)).toMatchObject({ healthy: false, reason: 'grant_revoked' })
    expect(box.requests).toEqual([])

    const { url } = await begin(one.api, `/v1/connections/${id}/reauthorize`)
    const { query } = await submit(url, one.name, password)
    expect((await complete(one.api, id, query?.['completionCode'])).status).toBe(200)
    expect(await health(one.api, id)).toMatchObject({ healthy: true })
  })
})

describe('disconnecting', () => {
  const disconnect = (api: Api, id: string) => api.request('DELETE', `/v1/connections/${id}`)

  it('ends the app password at the server and deletes the secret', async () => {
    const one = await person()
    const id = await connect(one)
    box.requests.length = 0
    expect((await disconnect(one.api, id)).status).toBe(204)
    expect(box.requests).toEqual(['DELETE /password'])
    expect(await control.grant(id)).toBeUndefined()
    expect(await show(one.api, id)).toMatchObject({ status: 'disconnected' })
    expect(await health(one.api, id)).toMatchObject({ healthy: false, reason: 'disconnected' })
  })

  it('works also when the server is gone for good', async () => {
    const one = await person()
    const id = await connect(one)
    box.goDown(true)
    const { status } = await disconnect(one.api, id)
    box.goDown(false)
    expect(status).toBe(204)
    expect(await control.grant(id)).toBeUndefined()
  })
})

it('no password stands in a table, a log line, an event, a page, a header or a URL', async () => {
  await connectByConsent((await person()).api, 's3', '')
  const rows = await Promise.all(tables.map(({ name }) => control.scan(name)))
  const events = await (await fetch(`${stack.at(6)}/_local/events`)).text()
  const places = { tables: JSON.stringify(rows), log: stack.output(), events, pages: seenByPeople.join('\n') }
  expect(places.log).toContain('"level":"')
  expect(typedPasswords.length).toBeGreaterThan(40)
  for (const [place, text] of Object.entries(places))
    for (const password of typedPasswords) {
      const [half = ''] = password.split('<')
      const base64 = Buffer.from(half).toString('base64').slice(0, 30)
      for (const form of [password, half, base64])
        expect([place, text.includes(form)]).toEqual([place, false])
    }
})
