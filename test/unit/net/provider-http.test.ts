import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import * as z from 'zod/mini'
import { describe, expect, it } from 'vitest'
import { ServiceError } from '../../../lib/errors.ts'
import type { FailedAnswer, ProviderCall } from '../../../lib/net/provider-http.ts'
import { providerHttp, readJson, readText } from '../../../lib/net/provider-http.ts'
import type { TokenSource } from '../../../lib/net/token-source.ts'
import { secret } from '../../../lib/secret.ts'
import { bytesOf, generated } from '../../support/content.ts'
import { instantClock } from '../../support/instant-clock.ts'
import { serve } from '../../support/serve.ts'

function at(number: number) {
  return { token: secret(`token-${String(number)}`), version: number, expiresAt: 0 }
}

function source(): TokenSource & { renewals: number } {
  let version = 1
  const tokens = {
    renewals: 0,
    lostFor: [] as string[],
    lost: (reason: string) => Promise.resolve(void tokens.lostFor.push(reason)),
    get: () => Promise.resolve(at(version)),
    renew() {
      tokens.renewals += 1
      version += 1
      return Promise.resolve(at(version))
    },
  }
  return tokens
}

function client(options: { plainHttp?: boolean } = {}) {
  const calls: ProviderCall[] = []
  const failed: FailedAnswer[] = []
  const tokens = source()
  const http = providerHttp({
    provider: 'onedrive',
    tokens,
    clock: instantClock(),
    userAgent: 'test/1',
    plainHttp: options.plainHttp ?? true,
    observe: (call) => void calls.push(call),
    mapError(answer) {
      failed.push(answer)
      return new ServiceError('provider_error', 'mapped')
    },
  })
  return { http, tokens, calls, failed }
}

describe('a provider call', () => {
  it('is signed, named and observed', async () => {
    const seen: unknown[] = []
    const origin = await serve((req, res) => {
      seen.push(req.headers.authorization, req.headers['user-agent'], req.headers['accept-encoding'])
      res.end('12345')
    })
    const { http, calls } = client()
    const response = await http({
      operation: 'file.put',
      method: 'PUT',
      url: origin,
      body: Buffer.from('abc'),
    })
    expect(await text(response.body)).toBe('12345')
    expect(seen).toEqual(['Bearer token-1', 'test/1', 'identity'])
    expect(calls).toEqual([{ provider: 'onedrive', operation: 'file.put', status: 200, ms: 0, bytes: 8 }])
  })

  it('renews a refused token once, sends everything again once, and no more', async () => {
    const bodies: number[] = []
    const bearers: unknown[] = []
    const origin = await serve((req, res) => {
      bearers.push(req.headers.authorization)
      void bytesOf(req).then((bytes) => {
        bodies.push(bytes.length)
        res.writeHead(401).end('{}')
      })
    })
    const { http, tokens, failed } = client()
    const content = generated(200_000)
    const body = { size: content.size, open: () => content.open() }
    await expect(http({ operation: 'x', method: 'PUT', url: origin, body })).rejects.toThrow('mapped')
    expect(tokens.renewals).toBe(1)
    expect(bearers).toEqual(['Bearer token-1', 'Bearer token-2'])
    expect(bodies).toEqual([200_000, 200_000])
    expect(failed[0]?.status).toBe(401)
  })

  it('never shows the token to a URL that is its own credential', async () => {
    const seen: unknown[] = []
    const origin = await serve((req, res) => {
      seen.push(req.headers.authorization)
      res.writeHead(401).end()
    })
    const { http, tokens } = client()
    const response = await http({ operation: 'x', method: 'PUT', url: origin, auth: 'none', expect: [401] })
    expect(response.status).toBe(401)
    expect(seen).toEqual([undefined])
    expect(tokens.renewals).toBe(0)
  })

  it('maps what it did not expect, with a part of the body and the pause that was asked for', async () => {
    const origin = await serve((_req, res) => {
      res.writeHead(503, { 'retry-after': '9' }).end('x'.repeat(1_000_000))
    })
    const { http, failed } = client()
    await expect(http({ operation: 'x', method: 'GET', url: origin })).rejects.toThrow('mapped')
    expect(failed[0]).toMatchObject({ status: 503, retryAfterSeconds: 9, operation: 'x', method: 'GET' })
    expect(failed[0]?.text).toHaveLength(64 * 1024)
  })

  it('tells of a call that got no answer', async () => {
    const origin = await serve((req) => req.socket.destroy())
    const { http, calls } = client()
    await expect(http({ operation: 'x', method: 'GET', url: origin })).rejects.toThrow(ServiceError)
    expect(calls).toMatchObject([{ status: 0, bytes: 0 }])
  })

  it('refuses an address that is not secure, unless one was configured', async () => {
    const { http, calls } = client({ plainHttp: false })
    const url = 'http://127.0.0.1:9/upload?secret=1'
    const error = await http({ operation: 'x', method: 'PUT', url, auth: 'none' }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ code: 'provider_error' })
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('secret=1')
    expect(calls).toEqual([])
  })
})

describe('a JSON answer', () => {
  const schema = z.object({ id: z.string() })
  it.each([
    ['an HTML page', '<html>no</html>', 'text/html'],
    ['nothing', '', 'application/json'],
    ['something else', '{"id":7}', 'application/json'],
  ])(
    'that is %s is an error which leaves open what was done, and shows none of it',
    async (_what, body, type) => {
      const origin = await serve((_req, res) => {
        res.writeHead(200, { 'content-type': type }).end(body)
      })
      const { http } = client()
      const response = await http({ operation: 'x', method: 'POST', url: origin })
      const error = await readJson(response, schema).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ code: 'provider_error', retry: { retryable: true, ambiguous: true } })
      expect(inspect(error, { showHidden: true, depth: 9 })).not.toMatch(/html|"id"/)
    },
  )

  it('that breaks off is one too', async () => {
    const origin = await serve((_req, res) => {
      res.writeHead(200, { 'content-length': '100' }).write('{"id":', () => res.destroy())
    })
    const { http } = client()
    const response = await http({ operation: 'x', method: 'POST', url: origin })
    await expect(readJson(response, schema)).rejects.toMatchObject({
      code: 'provider_unavailable',
      retry: { retryable: true, ambiguous: true },
    })
  })

  it('is read only so far', async () => {
    const origin = await serve((_req, res) => {
      res.end(Buffer.alloc(10_000_000, 'a'))
    })
    const { http } = client()
    const { body } = await http({ operation: 'x', method: 'GET', url: origin })
    expect(await readText(body, 1000)).toHaveLength(1000)
    expect(body.destroyed).toBe(true)
  })
})
