import { once } from 'node:events'
import { createServer } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ServiceError } from '../../../lib/errors.ts'
import { sendRequest } from '../../../lib/net/http-client.ts'
import { breaking, bytesOf, generated, ofWrongLength } from '../../support/content.ts'
import { serve } from '../../support/serve.ts'

const mebibyte = 1024 * 1024

describe('a request', () => {
  it('carries its method, headers and length, and follows no redirect', async () => {
    const seen: unknown[] = []
    const origin = await serve((req, res) => {
      seen.push(
        req.method,
        req.headers['x-test'],
        req.headers['content-length'],
        req.headers['transfer-encoding'],
      )
      res.writeHead(302, { location: '/elsewhere' }).end('moved')
    })
    const answer = await sendRequest({
      method: 'POST',
      url: `${origin}/a`,
      headers: { 'x-test': 'yes' },
      body: Buffer.from('four'),
    })
    expect(answer.status).toBe(302)
    expect(answer.headers.location).toBe('/elsewhere')
    expect(await text(answer.body)).toBe('moved')
    expect(seen).toEqual(['POST', 'yes', '4', undefined])
  })

  it.each(['POST', 'PUT', 'PATCH'])('says that it has no body with %s', async (method) => {
    const lengths: unknown[] = []
    const origin = await serve((req, res) => {
      lengths.push(req.headers['content-length'])
      res.end()
    })
    await sendRequest({ method, url: origin })
    expect(lengths).toEqual(['0'])
  })

  it('streams a body with its length and uses connections again', async () => {
    const ports = new Set<number | undefined>()
    const origin = await serve((req, res) => {
      ports.add(req.socket.remotePort)
      let bytes = 0
      req.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      req.on('end', () => res.end(`${String(req.headers['content-length'])} ${String(bytes)}`))
    })
    const content = generated(3 * mebibyte)
    for (let turn = 0; turn < 3; turn += 1) {
      const body = { size: content.size, open: () => content.open() }
      const answer = await sendRequest({ method: 'PUT', url: origin, body })
      expect(await text(answer.body)).toBe(`${String(content.size)} ${String(content.size)}`)
    }
    expect(ports.size).toBe(1)
  })

  it('reads no more of its source than the other side takes', async () => {
    let read = 0
    const origin = await serve((req) => {
      // One chunk, and then nothing more.
      req.once('data', () => req.pause())
    })
    const body = {
      size: 200 * mebibyte,
      open: () =>
        new Readable({
          read() {
            read += mebibyte
            this.push(Buffer.alloc(mebibyte))
          },
        }),
    }
    const error = await sendRequest({ method: 'PUT', url: origin, body, timeouts: { idle: 1_500 } }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({
      code: 'provider_unavailable',
      retry: { retryable: true, ambiguous: false },
    })
    expect(read).toBeLessThan(32 * mebibyte)
  })

  it('takes no more of an answer than its reader does', async () => {
    let sent = 0
    const origin = await serve((_req, res) => {
      const push = (): void => {
        while (sent < 200 * mebibyte) {
          sent += mebibyte
          if (!res.write(Buffer.alloc(mebibyte))) {
            res.once('drain', push)
            return
          }
        }
      }
      push()
    })
    const { body } = await sendRequest({ method: 'GET', url: origin, timeouts: { idle: 1_500 } })
    await new Promise((resolve) => body.once('close', resolve))
    expect(body.errored).toMatchObject({ code: 'provider_unavailable' })
    expect(sent).toBeLessThan(32 * mebibyte)
  })
})

describe('a source that goes wrong', () => {
  it.each([
    ['too short', ofWrongLength(100_000, 70_000), 'invalid_request'],
    ['too long', ofWrongLength(100_000, 170_000), 'invalid_request'],
    ['broken', breaking(100_000, 70_000, new Error('gone')), 'internal_error'],
  ])('and is %s never makes a whole request', async (_what, content, code) => {
    let whole = false
    let closed: Promise<unknown> = Promise.resolve()
    const origin = await serve((req, res) => {
      closed = once(req, 'close')
      req.on('error', () => undefined)
      req.resume()
      req.on('end', () => {
        whole = true
        res.end()
      })
    })
    const body = { size: content.size, open: () => content.open() }
    await expect(sendRequest({ method: 'PUT', url: origin, body })).rejects.toMatchObject({ code })
    await closed
    expect(whole).toBe(false)
  })

  it('hands a ServiceError of its own through', async () => {
    const origin = await serve((req) => req.resume())
    const own = new ServiceError('document_not_found', 'not there')
    const body = { size: 10, open: () => breaking(10, 0, own).open() }
    await expect(sendRequest({ method: 'PUT', url: origin, body })).rejects.toBe(own)
  })
})

describe('an answer that comes early', () => {
  it('ends the sending and is read to its end', async () => {
    let pulled = 0
    const origin = await serve((_req, res) => {
      res.writeHead(413).end('too much')
    })
    const body = {
      size: 500 * mebibyte,
      open: () =>
        new Readable({
          read() {
            pulled += mebibyte
            this.push(Buffer.alloc(mebibyte))
          },
        }),
    }
    const answer = await sendRequest({ method: 'PUT', url: origin, body })
    expect(answer.status).toBe(413)
    expect(await text(answer.body)).toBe('too much')
    expect(pulled).toBeLessThan(100 * mebibyte)
  })
})

describe('no answer', () => {
  it('from a port where nobody listens cannot have done anything', async () => {
    const probe = createServer().listen(0, '127.0.0.1')
    await once(probe, 'listening')
    const address = probe.address()
    probe.close()
    await once(probe, 'close')
    const port = typeof address === 'object' && address ? address.port : 0
    await expect(
      sendRequest({ method: 'POST', url: `http://127.0.0.1:${String(port)}` }),
    ).rejects.toMatchObject({
      code: 'provider_unavailable',
      retry: { retryable: true, ambiguous: false },
      context: { providerCode: 'ECONNREFUSED' },
    })
  })

  it('after the whole request leaves open whether it was done', async () => {
    const origin = await serve((req) => {
      req.resume()
      req.on('end', () => req.socket.destroy())
    })
    await expect(
      sendRequest({ method: 'POST', url: origin, body: Buffer.from('work') }),
    ).rejects.toMatchObject({ code: 'provider_unavailable', retry: { retryable: true, ambiguous: true } })
  })

  it('in time is an error', async () => {
    const origin = await serve(() => undefined)
    const started = sendRequest({ method: 'GET', url: origin, timeouts: { answer: 50 } })
    await expect(started).rejects.toMatchObject({ retry: { retryable: true, ambiguous: true } })
  })

  it('to a handshake that never ends is an error of the connection', async () => {
    const deaf = createServer(() => undefined).listen(0, '127.0.0.1')
    await once(deaf, 'listening')
    onTestFinished(() => void deaf.close())
    const address = deaf.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const url = `https://127.0.0.1:${String(port)}`
    await expect(sendRequest({ method: 'POST', url, timeouts: { connect: 50 } })).rejects.toMatchObject({
      retry: { retryable: true, ambiguous: false },
    })
  })
})

describe('a caller that gives up', () => {
  it('before the start sends nothing', async () => {
    let requests = 0
    const origin = await serve((_req, res) => {
      requests += 1
      res.end()
    })
    await expect(
      sendRequest({ method: 'GET', url: origin, signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'provider_unavailable' })
    expect(requests).toBe(0)
  })

  it('while waiting ends the request with its own reason', async () => {
    const reason = new ServiceError('provider_unavailable', 'time is up')
    const given = new AbortController()
    const origin = await serve(() => given.abort(reason))
    await expect(sendRequest({ method: 'GET', url: origin, signal: given.signal })).rejects.toBe(reason)
  })

  it('while reading ends the body with an error', async () => {
    const given = new AbortController()
    const origin = await serve((_req, res) => {
      res.writeHead(200, { 'content-length': '1000' }).write('beginning')
    })
    const { body } = await sendRequest({ method: 'GET', url: origin, signal: given.signal })
    given.abort()
    await expect(bytesOf(body)).rejects.toMatchObject({ code: 'provider_unavailable' })
  })

  it('leaves no listener behind when everything went well', async () => {
    const given = new AbortController()
    let added = 0
    const { signal } = given
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      added += 1
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      added -= 1
      remove(...args)
    }
    const origin = await serve((_req, res) => res.end('done'))
    const { body } = await sendRequest({ method: 'GET', url: origin, signal })
    await text(body)
    await expect.poll(() => added).toBe(0)
  })
})
