import { beforeEach, describe, expect, it } from 'vitest'
import { Webhook as Official } from 'standardwebhooks'
import { deliveryStore, webhookStore } from '../../../lib/catalog/webhooks.ts'
import { createSealer, sealKey } from '../../../lib/grants/seal.ts'
import { sendRequest } from '../../../lib/net/http-client.ts'
import type { Reach } from '../../../lib/net/reach.ts'
import type { DrivewayEvent } from '../../../lib/telemetry/events.ts'
import { deliver } from '../../../lib/webhooks/deliver.ts'
import {
  createWebhook,
  listDeliveries,
  resendDelivery,
  rotateSecret,
  testWebhook,
} from '../../../lib/webhooks/endpoints.ts'
import { busWithWebhooks } from '../../../lib/webhooks/fan-out.ts'
import { memoryDynamo } from '../../support/memory-aws.ts'
import { serve } from '../../support/serve.ts'

const hour = 3_600_000
const key = sealKey('a test key that is long enough to be one, is it not?')

/** An app's endpoint and a deployment's deliveries, on a clock that a test moves. */
function openWorld(reach: Reach = 'public or loopback') {
  let now = Date.now()
  let ids = 0
  const dynamo = memoryDynamo()
  const clock = { now: () => now, sleep: () => Promise.reject(new Error('nobody waits here')) }
  const queue: string[] = []
  const deps = {
    clock,
    random: () => 0,
    newId: () => `id-${String((ids += 1))}`,
    webhooks: webhookStore(dynamo, 'webhooks', clock.now),
    deliveries: deliveryStore(dynamo, 'deliveries', clock.now),
    sealer: createSealer(() => Promise.resolve({ current: 'k1', keys: new Map([['k1', key]]) })),
    send: sendRequest,
    reach,
    enqueue: (messages: readonly object[]) => {
      queue.push(...messages.map((message) => JSON.stringify(message)))
      return Promise.resolve([])
    },
  }
  return {
    deps,
    queue,
    advance: (ms: number) => void (now += ms),
    /** Delivers what is due until nothing is left, or only later; answers the pauses, in seconds. */
    async drain(most = Infinity): Promise<number[]> {
      const pauses: number[] = []
      for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
        for (;;) {
          const handled = await deliver(deps, message)
          if (handled.kind === 'done') break
          pauses.push(handled.afterSeconds)
          if (pauses.length >= most) return pauses
          now += handled.afterSeconds * 1000
        }
      }
      return pauses
    },
  }
}

interface Received {
  readonly headers: Record<string, string>
  readonly body: string
}

/** An endpoint that answers as it is told, the last of `statuses` for ever. */
async function endpoint(...statuses: number[]) {
  const received: Received[] = []
  const url = await serve((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      received.push({
        headers: req.headers as Record<string, string>,
        body: Buffer.concat(chunks).toString('utf8'),
      })
      const status = (statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 200
      res.writeHead(status, status === 302 ? { location: `${url}/elsewhere` } : {}).end('thanks')
    })
  })
  return { url, received }
}

const event = (eventId = 'event-1'): DrivewayEvent => ({
  type: 'Connection Activated',
  detail: {
    eventId,
    seq: 1,
    schemaVersion: 1,
    occurredAt: '2026-11-22T08:00:00.000Z',
    userId: 'alice',
    connectionId: 'c-1',
    provider: 's3',
  },
})

let world: ReturnType<typeof openWorld>
beforeEach(() => {
  world = openWorld()
})

async function tell(...events: DrivewayEvent[]): Promise<readonly boolean[]> {
  const bus = { put: (some: readonly DrivewayEvent[]) => Promise.resolve(some.map(() => true)) }
  return busWithWebhooks(bus, world.deps).put(events)
}

describe('a delivery', () => {
  it('is what the official library of the specification takes, once, and no forged or old one is', async () => {
    const { url, received } = await endpoint(204)
    const { secret } = await createWebhook(world.deps, { url: `${url}/hook?app=1` })
    expect(await tell(event())).toEqual([true])
    await world.drain()
    const [{ headers, body }] = received as [Received]
    const official = new Official(secret.reveal())
    expect(official.verify(body, headers)).toEqual({
      type: 'connection.activated',
      timestamp: '2026-11-22T08:00:00.000Z',
      data: event().detail,
    })
    expect(headers['webhook-id']).toBe('event-1')
    expect(() => official.verify(body.replace('alice', 'mallory'), headers)).toThrow('No matching')
    expect(() => official.verify(body, { ...headers, 'webhook-id': 'event-2' })).toThrow('No matching')
    const old = { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 3600) }
    expect(() => official.verify(body, old)).toThrow('too old')
    const other = await createWebhook(world.deps, { url })
    expect(() => new Official(other.secret.reveal()).verify(body, headers)).toThrow('No matching')
  })

  it('goes to each endpoint that wants the event, and to no other', async () => {
    const [all, some, none] = await Promise.all([endpoint(), endpoint(), endpoint()])
    await createWebhook(world.deps, { url: all.url })
    await createWebhook(world.deps, { url: some.url, types: ['connection.activated'] })
    await createWebhook(world.deps, { url: none.url, types: ['document.stored'] })
    await tell(event())
    await world.drain()
    expect([all, some, none].map(({ received }) => received.length)).toEqual([1, 1, 0])
  })

  it('that is told again, or whose message comes again, is sent once', async () => {
    const { url, received } = await endpoint(500, 200)
    await createWebhook(world.deps, { url })
    await tell(event())
    const message = world.queue[0] ?? ''
    await tell(event())
    await world.drain()
    await deliver(world.deps, message)
    expect(received).toHaveLength(2)
    expect(new Set(received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set(['event-1']))
  })

  it('is repeated with growing pauses for a day, and then given up', async () => {
    const { url, received } = await endpoint(503)
    const { webhook } = await createWebhook(world.deps, { url })
    await tell(event())
    const pauses = await world.drain()
    expect(pauses).toEqual(pauses.toSorted((a, b) => a - b))
    const hours = pauses.reduce((sum, pause) => sum + pause, 0) / 3600
    expect(hours).toBeGreaterThan(22)
    expect(hours).toBeLessThan(25)
    expect(received).toHaveLength(pauses.length + 1)
    const { deliveries } = await listDeliveries(world.deps, webhook.id, { status: 'dead' })
    expect(deliveries).toMatchObject([{ eventId: 'event-1', attempts: pauses.length + 1, answered: 503 }])
  })

  it('is sent again when it is asked for, with the same id, whatever has become of it', async () => {
    const { url, received } = await endpoint(200)
    const { webhook, secret } = await createWebhook(world.deps, { url })
    await tell(event())
    await world.drain()
    world.advance(hour)
    await resendDelivery(world.deps, webhook.id, 'event-1')
    await world.drain()
    expect(received).toHaveLength(2)
    expect(received[1]?.headers['webhook-id']).toBe('event-1')
    expect(received[1]?.body).toBe(received[0]?.body)
    expect(secret.reveal()).toMatch(/^whsec_/)
    await expect(resendDelivery(world.deps, webhook.id, 'nothing')).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(resendDelivery(world.deps, 'nobody', 'event-1')).rejects.toMatchObject({ code: 'not_found' })
  })

  it.each([
    ['a redirect', 302],
    ['a refusal', 401],
    ['a fault', 500],
  ])('that is answered with %s has failed, and nothing is followed', async (_what, status) => {
    const { url, received } = await endpoint(status)
    await createWebhook(world.deps, { url })
    await tell(event())
    await world.drain(2)
    expect(received).toHaveLength(2)
  })

  it('that is answered with 410 is the last one', async () => {
    const { url, received } = await endpoint(410)
    const { webhook } = await createWebhook(world.deps, { url })
    await tell(event('one'), event('two'))
    await world.drain()
    await tell(event('three'))
    expect(world.queue).toEqual([])
    expect(received).toHaveLength(1)
    expect((await world.deps.webhooks.get(webhook.id))?.status).toBe('disabled')
    // What was on its way to it is said to have come to its end, too.
    const { deliveries } = await listDeliveries(world.deps, webhook.id, {})
    expect(deliveries.map(({ eventId, status }) => [eventId, status])).toEqual([
      ['one', 'dead'],
      ['two', 'dead'],
    ])
  })

  it('that dies right after it was sent is sent again under the same id', async () => {
    const { url, received } = await endpoint(200)
    await createWebhook(world.deps, { url })
    await tell(event())
    const [message = ''] = world.queue
    const dying = { ...world.deps.deliveries, change: () => Promise.reject(new Error('killed')) }
    await expect(deliver({ ...world.deps, deliveries: dying }, message)).rejects.toThrow('killed')
    await deliver(world.deps, message)
    await deliver(world.deps, message)
    expect(received.map(({ headers }) => headers['webhook-id'])).toEqual(['event-1', 'event-1'])
  })

  it('of a webhook that was removed meanwhile is not sent', async () => {
    const { url, received } = await endpoint()
    const { webhook } = await createWebhook(world.deps, { url })
    await tell(event())
    await world.deps.webhooks.remove(webhook.id)
    await world.drain()
    expect(received).toEqual([])
  })

  it('that is a test goes to an endpoint that wants something else', async () => {
    const { url, received } = await endpoint()
    const { webhook } = await createWebhook(world.deps, { url, types: ['document.stored'] })
    await testWebhook(world.deps, webhook.id)
    await world.drain()
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({
      type: 'webhook.test',
      data: { webhookId: webhook.id },
    })
  })

  it('that the queue does not take is not told yet', async () => {
    const { url } = await endpoint()
    await createWebhook(world.deps, { url })
    const bus = { put: (some: readonly DrivewayEvent[]) => Promise.resolve(some.map(() => true)) }
    const enqueue = () => Promise.resolve([1])
    const told = busWithWebhooks(bus, { ...world.deps, enqueue }).put([event('one'), event('two')])
    expect(await told).toEqual([true, false])
  })
})

describe('a secret', () => {
  it('that was changed signs for a day beside the new one, and not longer', async () => {
    const { url, received } = await endpoint()
    const { webhook, secret: first } = await createWebhook(world.deps, { url })
    const second = await rotateSecret(world.deps, webhook.id)
    const verifies = (secret: string, { headers, body }: Received): boolean => {
      try {
        // The library's clock is the wall's: only the signature counts here.
        const [id, at] = [headers['webhook-id'] ?? '', new Date(Number(headers['webhook-timestamp']) * 1000)]
        const expected = new Official(secret).sign(id, at, body)
        return (headers['webhook-signature'] ?? '').split(' ').includes(expected)
      } catch {
        return false
      }
    }
    await tell(event('one'))
    await world.drain()
    world.advance(25 * hour)
    await tell(event('two'))
    await world.drain()
    const [during, after] = received as [Received, Received]
    expect([verifies(first.reveal(), during), verifies(second.reveal(), during)]).toEqual([true, true])
    expect([verifies(first.reveal(), after), verifies(second.reveal(), after)]).toEqual([false, true])
    expect(JSON.stringify(await world.deps.webhooks.list())).not.toContain(second.reveal())
  })
})

describe('an address', () => {
  const inside = [
    'http://app.example.com/hook https://10.0.0.1/ https://127.0.0.1/ https://[::1]/ https://169.254.169.254/latest',
    'https://0x7f.1 https://2130706433 https://[::ffff:10.0.0.1]/ https://[fd00:ec2::254]/ https://192.168.1.1',
    'https://user:password@app.example.com https://app.example.com/#x ftp://app.example.com app.example.com nonsense',
    'https://localhost/hook http://localhost:3000/hook',
  ]
  it.each(inside.join(' ').split(' '))(
    '%s is registered nowhere but, if at all, on a local stack',
    async (url) => {
      world = openWorld('public')
      await expect(createWebhook(world.deps, { url })).rejects.toMatchObject({ code: 'invalid_request' })
      expect(await world.deps.webhooks.list()).toEqual([])
    },
  )

  it.each(['https://app.example.com/hook?tenant=1', 'https://8.8.8.8:8443/hook'])(
    '%s is registered',
    async (url) => {
      world = openWorld('public')
      expect((await createWebhook(world.deps, { url })).webhook.url).toBe(url)
    },
  )

  it.each(['localhost', '127.0.0.1'])(
    'that has moved to %s since it was registered is not called',
    async (host) => {
      const { url, received } = await endpoint()
      const { webhook } = await createWebhook(world.deps, { url })
      await world.deps.webhooks.change(webhook, { url: url.replace('127.0.0.1', host) })
      world.deps.reach = 'public'
      await tell(event())
      await world.drain(2)
      expect(received).toEqual([])
      const row = await world.deps.deliveries.get(webhook.id, 'event-1')
      expect(row).toMatchObject({ status: 'pending', answered: 0, attempts: 2 })
    },
  )

  it('is one of at most twenty', async () => {
    const { url } = await endpoint()
    for (let count = 0; count < 20; count += 1) await createWebhook(world.deps, { url })
    await expect(createWebhook(world.deps, { url })).rejects.toMatchObject({ code: 'rate_limited' })
  })
})
