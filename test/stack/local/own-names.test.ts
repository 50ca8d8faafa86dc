import { connect as connectTo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LocalStack } from '../../support/local-stack.ts'
import { startLocalStack } from '../../support/local-stack.ts'

let stack: LocalStack
beforeAll(async () => {
  stack = await startLocalStack()
})
afterAll(() => stack.dispose())

const servers = [
  ['the gateway', 0],
  ['the Google simulator', 1],
  ['the Microsoft simulator', 2],
  ['S3', 3],
  ['DynamoDB', 4],
  ['SQS', 5],
  ['Secrets Manager', 6],
] as const

interface Asked {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** An answer's status and text, by a socket: no client would send some of these. */
function ask(offset: number, { method = 'GET', path = '/', headers = {}, body = '' }: Asked) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const socket = connectTo(stack.port + offset, '127.0.0.1')
    const given = { Host: `127.0.0.1:${stack.port + offset}`, Connection: 'close', ...headers }
    const lines = Object.entries({ ...given, 'Content-Length': String(Buffer.byteLength(body)) })
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text }))
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    socket.write(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`)
  })
}

describe.each(servers)('%s of a local stack', (_name, offset) => {
  it.each(['rebound.example', `rebound.example:8787`, '127.0.0.1.rebound.example', 'localhost.example', ''])(
    'answers nothing under the name %j, which a page of somebody else could have',
    async (Host) => {
      expect((await ask(offset, { headers: { Host } })).status).toBe(421)
    },
  )

  it.each(['127.0.0.1', 'localhost:1', '[::1]:9', 'LOCALHOST'])('answers under %s', async (Host) => {
    expect((await ask(offset, { headers: { Host } })).status).not.toBe(421)
  })

  it('is ended by no address, be it none', async () => {
    for (const path of ['//', '//[', '/\\\\', 'http://[', '/%', '/%zz']) {
      const { status } = await ask(offset, { path })
      expect([path, status >= 200 && status < 500]).toEqual([path, true])
    }
    const health = await ask(0, { path: '/healthz' })
    expect([health.status, health.text.includes('"ok":true')]).toEqual([200, true])
  })
})

describe('a page of another origin', () => {
  const page = { Origin: 'http://page.example', 'Content-Type': 'text/plain' }
  const token = { method: 'POST', path: '/local/token', body: '{"sub":"alice"}' }

  it('gets no token, and reads none of the stack’s own answers', async () => {
    const others = [
      'null',
      'http://localhost.page.example:5173',
      'http://192.168.0.2:5173',
      'https://localhost:5173',
    ]
    for (const Origin of [page.Origin, ...others]) {
      const refused = await ask(0, { ...token, headers: { ...page, Origin } })
      expect([Origin, refused.status]).toEqual([Origin, 403])
      expect(refused.text).not.toMatch(/access-control-allow-origin|eyJ/i)
    }
    for (const path of ['/healthz', '/settings.json', '/local/.well-known/openid-configuration'])
      expect((await ask(0, { path, headers: page })).status).toBe(403)
  })

  it('that a program of this machine serves gets both', async () => {
    for (const Origin of [
      'http://localhost:4200',
      'http://127.0.0.1:5173',
      'http://[::1]:8080',
      'http://localhost',
    ]) {
      const allowed = `access-control-allow-origin: ${Origin}`
      const given = await ask(0, { ...token, headers: { Origin } })
      expect([given.status, given.text.toLowerCase().includes(allowed)]).toEqual([200, true])
      const Authorization = `Bearer ${/"token":"([^"]+)"/.exec(given.text)?.[1] ?? ''}`
      const call = await ask(0, { path: '/v1/connections', headers: { Origin, Authorization } })
      expect([call.status, call.text.toLowerCase().includes(allowed)]).toEqual([200, true])
    }
  })

  it('uploads to a bucket only where the deployment’s rules let it, and reads from anywhere', async () => {
    const ask3 = async (Origin: string, method: string) => {
      const headers = { Origin, 'Access-Control-Request-Method': method }
      return (await ask(3, { method: 'OPTIONS', path: '/driveway-intake/k', headers })).status
    }
    expect(await ask3('http://localhost:4200', 'PUT')).toBe(200)
    expect(await ask3('https://page.example', 'PUT')).toBe(403)
    expect(await ask3('https://page.example', 'GET')).toBe(200)
    expect(await ask3('http://localhost:4200', 'DELETE')).toBe(403)
  })

  it.each([1, 2])('does not reach the controls of the simulator at + %i', async (offset) => {
    const latency = { method: 'POST', path: '/_sim/latency', body: '{"ms":0}' }
    expect((await ask(offset, { ...latency, headers: page })).status).toBe(403)
    expect((await ask(offset, latency)).status).toBeLessThan(300)
  })
})

describe('the emulators', () => {
  it.each([
    ['Secrets Manager', 6, 'secretsmanager.ListSecrets'],
    ['EventBridge', 6, 'AWSEvents.PutEvents'],
    ['SQS', 5, 'AmazonSQS.ListQueues'],
    ['DynamoDB', 4, 'DynamoDB_20120810.ListTables'],
  ])('tell nobody anything without a signature: %s', async (_service, offset, target) => {
    const headers = { 'X-Amz-Target': target, 'Content-Type': 'application/x-amz-json-1.1' }
    const refused = await ask(offset, { method: 'POST', headers, body: '{}' })
    expect(refused.status).toBe(400)
    expect(refused.text).toContain('MissingAuthenticationToken')
  })
})
