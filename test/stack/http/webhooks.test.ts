import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Webhook as Official } from 'standardwebhooks'
import type { Api, Problem } from '../../support/api.ts'
import { apiOf, apiWith, connect, machineToken } from '../../support/api.ts'
import { deliveryFaults } from '../../support/event-faults.ts'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'
import type { StackControl } from '../../support/stack-control.ts'
import { stackControl, until } from '../../support/stack-control.ts'

interface Received {
  readonly headers: Record<string, string>
  readonly body: string
}
interface Hook {
  readonly webhook: {
    readonly id: string
    readonly url: string
    readonly types?: string[]
    readonly status: string
  }
  readonly secret: string
}

let stack: LocalStack
let control: StackControl
let machine: Api
let server: Server
let url: string
let status = 204
const received: Received[] = []

beforeAll(async () => {
  stack = await startLocalStack()
  control = stackControl(stack)
  machine = apiWith(stack.base, await machineToken(stack.base, 'backend', ['webhooks', 'users.erase']))
  server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      received.push({
        headers: req.headers as Record<string, string>,
        body: Buffer.concat(chunks).toString(),
      })
      res.writeHead(status).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  url = `http://127.0.0.1:${String(typeof address === 'object' && address ? address.port : 0)}/hook`
})
afterAll(async () => {
  server.close()
  server.closeAllConnections()
  control.close()
  await stack.dispose()
})

const register = async (json: object) => machine.request<Hook>('POST', '/v1/webhooks', { json })
const typesNow = () => received.map(({ body }) => (JSON.parse(body) as { type: string }).type)
const typesOf = async () => {
  await new Promise((resolve) => setImmediate(resolve))
  return typesNow()
}

describe('a webhook', () => {
  it('hears what becomes true, signed, from every door', async () => {
    const answer = await register({ url })
    expect(answer.status).toBe(201)
    const { webhook, secret } = answer.body
    expect(webhook).toMatchObject({ url, status: 'active' })
    const api = await apiOf(stack.base, 'hooked')
    await connect(api, 's3', '')
    await api.request('PUT', '/v1/documents/one', { bytes: Buffer.from('one') })
    await api.request('DELETE', '/v1/documents/one')
    const wanted = ['connection.activated', 'document.stored', 'document.deleted']
    await until(typesOf, (types) => wanted.every((type) => types.includes(type)))
    const official = new Official(secret)
    for (const { headers, body } of received)
      expect(official.verify(body, headers)).toMatchObject({ data: { eventId: headers['webhook-id'] } })
    for (const { body } of received) expect(deliveryFaults(body)).toEqual([])
    const stored = received[typesNow().indexOf('document.stored')]
    expect(JSON.parse(stored?.body ?? '')).toMatchObject({
      data: { documentId: 'one', eventId: stored?.headers['webhook-id'] },
    })

    const list = await machine.request<{ webhooks: Hook['webhook'][] }>('GET', '/v1/webhooks')
    expect(list.body.webhooks).toEqual([expect.objectContaining({ id: webhook.id })])
    expect(list.text).not.toContain('whsec_')
    expect(JSON.stringify(await control.scan('webhooks'))).not.toContain(secret.slice(6, 30))

    const path = `/v1/webhooks/${webhook.id}`
    const deliveries = await until(
      () =>
        machine.request<{ deliveries: { eventId: string; status: string }[] }>(
          'GET',
          `${path}/deliveries?status=delivered`,
        ),
      ({ body }) => body.deliveries.length === received.length,
    )
    const again = deliveries.body.deliveries[0]?.eventId ?? ''
    const before = received.length
    expect((await machine.request('POST', `${path}/deliveries/${again}/resend`)).status).toBe(202)
    await until(typesOf, (types) => types.length > before)
    expect(received.at(-1)?.headers['webhook-id']).toBe(again)

    const rotated = await machine.request<{ secret: string }>('POST', `${path}/rotate-secret`)
    expect((await machine.request('POST', `${path}/test`)).status).toBe(202)
    await until(typesOf, (types) => types.includes('webhook.test'))
    const test = received.at(-1)
    for (const each of [secret, rotated.body.secret])
      expect(new Official(each).verify(test?.body ?? '', test?.headers ?? {})).toMatchObject({
        type: 'webhook.test',
      })
    expect((await machine.request('DELETE', path)).status).toBe(204)
    expect((await machine.request('DELETE', path)).status).toBe(204)
    expect((await machine.request('POST', `${path}/test`)).status).toBe(404)
  })

  it('that says 410 is switched off, and what was about an erased user is gone from its deliveries', async () => {
    const kept = (await register({ url, types: ['connection.activated', 'user.erased'] })).body.webhook
    const gone = (await register({ url, types: ['connection.activated'] })).body.webhook
    status = 410
    await connect(await apiOf(stack.base, 'to-be-erased'), 's3', '')
    const statusOf = async (id: string) =>
      (await machine.request<{ webhooks: Hook['webhook'][] }>('GET', '/v1/webhooks')).body.webhooks.find(
        (each) => each.id === id,
      )?.status
    for (const { id } of [kept, gone])
      await until(
        () => statusOf(id),
        (is) => is === 'disabled',
      )
    status = 204
    const live = (await register({ url, types: ['user.erased'] })).body.webhook
    await machine.request('DELETE', '/v1/users/to-be-erased')
    await until(typesOf, (types) => types.includes('user.erased'))
    const rows = await until(
      () => control.scan('deliveries'),
      (all) => all.some(({ webhookId }) => webhookId === live.id),
    )
    const about = rows.filter(({ userKey }) => userKey === 'to-be-erased')
    expect(about.map(({ type }) => type)).toEqual(['user.erased'])
    for (const { id } of [kept, gone, live]) await machine.request('DELETE', `/v1/webhooks/${id}`)
  })

  it.each([
    ['a private address', { url: 'https://10.0.0.1/hook' }],
    ['the metadata service', { url: 'https://169.254.169.254/latest/meta-data' }],
    ['another scheme', { url: 'ftp://app.example.com' }],
    ['http of the internet', { url: 'http://app.example.com/hook' }],
    ['no address', { url: 'hook' }],
    ['a type that there is not', { url: 'https://app.example.com/hook', types: ['document.burnt'] }],
    ['no types', { url: 'https://app.example.com/hook', types: [] }],
    ['an unknown field', { url: 'https://app.example.com/hook', colour: 'red' }],
  ])('is refused for %s', async (_what, json) => {
    const answer = await machine.request<Problem>('POST', '/v1/webhooks', { json })
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request'])
  })

  it('is for machines with the scope alone', async () => {
    const alice = await apiOf(stack.base, 'alice')
    const weak = apiWith(stack.base, await machineToken(stack.base, 'backend', ['documents.read']))
    for (const caller of [alice, weak])
      expect((await caller.request('POST', '/v1/webhooks', { json: { url } })).status).toBe(403)
    for (const path of ['deliveries', 'rotate-secret', 'test', 'deliveries/one/resend'])
      expect(
        (await machine.request(path === 'deliveries' ? 'GET' : 'POST', `/v1/webhooks/nobody/${path}`)).status,
      ).toBe(404)
  })
})
