import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDriveway } from '../../../client/src/node.ts'
import { scopes, tokenScope } from '../../../lib/contract/scopes.ts'
import type { Scope } from '../../../lib/contract/scopes.ts'
import { routeList } from '../../../lib/contract/routes.ts'
import type { Api, ConnectionAnswer, DocumentAnswer, Problem } from '../../support/api.ts'
import { apiOf, apiWith, callback, connect, consent, machineToken, tokenFor } from '../../support/api.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'

const everything = Object.keys(scopes) as Scope[]
const userRoutes = routeList.filter((route) => route.access === 'user')
let stack: LocalStack

beforeAll(async () => {
  stack = await startLocalStack()
})
afterAll(() => stack.dispose())

async function machineFor(user: string, granted: readonly Scope[] = everything): Promise<Api> {
  const token = await machineToken(stack.base, 'backend', granted)
  return apiWith(stack.base, token, { 'driveway-user': encodeURIComponent(user) })
}

const concrete = (path: string) => path.replaceAll(/\{\w+\}/g, 'one')
const codeOf = ({ status, body }: { status: number; body: Problem | undefined }) => [status, body?.code]

interface AuditLine {
  readonly level: string
  readonly client: string
  readonly userKey: string
  readonly operation: string
  readonly requestId: string
}
const audited = (): AuditLine[] =>
  stack
    .output()
    .split('\n')
    .filter((line) => line.includes('"a machine acts for a user"'))
    .map((line) => JSON.parse(line.slice(line.indexOf('{'))) as AuditLine)

describe('a machine', () => {
  it('does for a user what the user can, under the user’s own key, and each call is audited', async () => {
    const machine = await machineFor('anna')
    const started = await machine.request<ConnectionAnswer>('POST', '/v1/connections', {
      json: { provider: 'google-drive' },
    })
    expect(started.status).toBe(201)
    // The app shows or mails the address; whoever follows it gives consent, and the machine completes.
    const page = await consent(started.body.authorizationUrl ?? '', {
      decision: 'approve',
      account: 'anna@example.com',
    })
    const { completionCode } = await callback(page)
    const { id } = started.body.connection
    const completed = await machine.request('POST', `/v1/connections/${id}/complete`, {
      json: { completionCode },
    })
    expect(completed.status).toBe(200)
    const put = await machine.request<DocumentAnswer>('PUT', '/v1/documents/from-server', {
      bytes: Buffer.from('x'),
    })
    expect(put.status).toBe(201)
    const anna = await apiOf(stack.base, 'anna')
    expect((await anna.request('GET', '/v1/documents/from-server/content')).text).toBe('x')
    expect((await machine.request('GET', '/v1/documents/from-server/content')).text).toBe('x')
    // Of anybody else it sees nothing.
    const other = await machineFor('anton')
    expect((await other.request('GET', '/v1/documents/from-server')).status).toBe(404)
    expect((await other.request('GET', `/v1/connections/${id}`)).status).toBe(404)

    const lines = audited().filter(({ userKey }) => userKey === 'anna')
    expect(lines.map(({ level, client, operation }) => [level, client, operation])).toEqual([
      ['AUDIT', 'backend', 'startConnection'],
      ['AUDIT', 'backend', 'completeConnection'],
      ['AUDIT', 'backend', 'putDocument'],
      ['AUDIT', 'backend', 'getDocument'],
    ])
    expect(lines[2]?.requestId).toBe(put.headers.get('x-request-id'))
  })

  it.each(['株式会社 👩‍👩‍👧', 'auth0|a b', '100%25', 'a,b', 'x'.repeat(43), 'ann@example.com'])(
    'means the very user %s',
    async (user) => {
      const own = await apiOf(stack.base, user)
      const connectionId = await connect(own, 's3', '')
      const list = await (
        await machineFor(user)
      ).request<{ connections: { id: string }[] }>('GET', '/v1/connections')
      expect(list.body.connections.map(({ id }) => id)).toEqual([connectionId])
    },
  )

  it.each(userRoutes.map((route) => [route.operation, route] as const))(
    'needs the scope of %s, and a user',
    async (_name, route) => {
      const path = concrete(route.path)
      for (const method of route.methods) {
        const others = everything.filter((scope) => scope !== route.scope)
        const refused = await (await machineFor('alice', others)).request<Problem>(method, path)
        expect(refused.status).toBe(403)
        if (method !== 'HEAD') {
          expect(codeOf(refused)).toEqual([403, 'forbidden'])
          expect(refused.body.detail).toContain(tokenScope(route.scope))
        }
        const nobody = apiWith(stack.base, await machineToken(stack.base, 'backend', [route.scope]))
        const unnamed = await nobody.request<Problem>(method, path)
        expect(unnamed.status).toBe(400)
        if (method !== 'HEAD') expect(unnamed.body.detail).toContain('driveway-user')
      }
    },
  )

  it.each<[string, string[]]>([
    ['nothing', ['']],
    ['blanks', ['%20%20']],
    ['what is no percent-encoding', ['100%']],
    ['a control character', ['ali%00ce']],
    ['bytes that are no ASCII', ['\u00e9va']],
    ['too much', ['a'.repeat(256)]],
    ['two users', ['alice', 'bob']],
  ])('that names %s is refused', async (_what, values) => {
    const token = await machineToken(stack.base, 'backend', everything)
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'driveway-user': values }
      const sent = httpRequest(`${stack.base}/v1/connections`, { headers }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      sent.on('error', reject).end()
    })
    expect(status).toBe(400)
  })

  it('is refused when its token has ended, and known to nobody by another name of its scopes', async () => {
    const ended = await machineToken(stack.base, 'backend', everything, -60)
    const answer = await apiWith(stack.base, ended, { 'driveway-user': 'alice' }).request<Problem>(
      'GET',
      '/v1/connections',
    )
    expect(codeOf(answer)).toEqual([401, 'unauthorized'])
    await expect(machineToken(stack.base, 'backend', ['documents.burn'])).rejects.toThrow('documents.read')
    await expect(machineToken(stack.base, 'back end', everything)).rejects.toThrow('client')
  })
})

describe('a user', () => {
  it('acts for nobody else, not even for themselves by the header, whatever they are called', async () => {
    for (const user of ['alice', 'backend', '*', 'driveway']) {
      const token = await tokenFor(stack.base, user)
      for (const named of ['bob', user, '']) {
        const answer = await apiWith(stack.base, token, { 'driveway-user': named }).request<Problem>(
          'GET',
          '/v1/connections',
        )
        expect(codeOf(answer)).toEqual([403, 'forbidden'])
      }
      expect((await apiWith(stack.base, token).request('GET', '/v1/connections')).status).toBe(200)
    }
  })

  it('by the name of a machine shares nothing with it', async () => {
    const user = await apiOf(stack.base, 'backend')
    await connect(user, 's3', '')
    const asItself = apiWith(stack.base, await machineToken(stack.base, 'backend', everything))
    expect((await asItself.request('GET', '/v1/connections')).status).toBe(400)
  })
})

it('pages may ask with the header, so that they can read the refusal', async () => {
  const answer = await fetch(`${stack.base}/v1/documents`, {
    method: 'OPTIONS',
    headers: { origin: stack.base },
  })
  expect(answer.headers.get('access-control-allow-headers')?.split(',')).toContain('driveway-user')
})

it('the client of a server sends, loads and waits for the user whom it is made for', async () => {
  const user = 'žofie@example.com'
  await connect(await apiOf(stack.base, user), 's3', '')
  const driveway = createDriveway({
    baseUrl: stack.base,
    token: () => machineToken(stack.base, 'backend', everything),
    user,
  })
  const small = await driveway.upload(new Blob(['small']), { documentId: 'small' })
  expect(small.status).toBe('stored')
  const large = await driveway.upload(new Blob(['x'.repeat(5 * 1024 ** 2)]), { documentId: 'large' })
  expect(large.size).toBe(5 * 1024 ** 2)
  const { body } = await driveway.download('large')
  expect((await new Response(body).bytes()).length).toBe(5 * 1024 ** 2)
  const unnamed = createDriveway({ baseUrl: stack.base, token: () => tokenFor(stack.base, 'somebody') })
  expect(await unnamed.documents.list()).toEqual({ documents: [] })
})
