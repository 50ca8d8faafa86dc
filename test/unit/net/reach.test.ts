import type { LookupAddress } from 'node:dns'
import { describe, expect, it } from 'vitest'
import { sendRequest } from '../../../lib/net/http-client.ts'
import { isWithin, lookupWithin, serverAddress } from '../../../lib/net/reach.ts'
import { serve } from '../../support/serve.ts'

describe('an address', () => {
  it.each(['8.8.8.8', '93.184.216.34', '100.128.0.1', '2606:4700::1111', '2a00:1450:4001::5'])(
    '%s is of the internet',
    (address) => {
      expect(isWithin(address, 'public')).toBe(true)
    },
  )

  const inside = [
    '0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8',
    '192.168.1.1 198.18.0.1 224.0.0.1 255.255.255.255 :: ::1 fe80::1 fc00::1 fd00:ec2::254 ff02::1',
    '2001:db8::1 2002:a00:1:: ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:a9fe:a9fe 64:ff9b::a00:1 localhost',
  ]
  it.each(inside.join(' ').split(' '))('%s is not', (address) => {
    expect(isWithin(address, 'public')).toBe(false)
  })

  it.each(['127.0.0.1', '127.9.9.9', '::1', '8.8.8.8'])('%s is within reach of a local stack', (address) => {
    expect(isWithin(address, 'public or loopback')).toBe(true)
  })

  it.each(['10.1.2.3', '169.254.169.254', 'fe80::1', '::ffff:10.0.0.1'])(
    '%s is not even there',
    (address) => {
      expect(isWithin(address, 'public or loopback')).toBe(false)
    },
  )
})

describe('a server’s address as it is typed', () => {
  it.each([
    ['cloud.example.com', 'https://cloud.example.com'],
    [' https://Cloud.Example.com/ ', 'https://cloud.example.com'],
    ['https://cloud.example.com:8443/nextcloud//', 'https://cloud.example.com:8443/nextcloud'],
    ['https://8.8.8.8', 'https://8.8.8.8'],
  ])('%s becomes %s', (typed, address) => {
    expect(serverAddress(typed, 'public')).toBe(address)
  })

  const wrong = [
    'https:// http://cloud.example.com ftp://cloud.example.com file:///etc/passwd javascript:alert(1)',
    'https://user:password@cloud.example.com https://cloud.example.com/?a=b https://a/#b https:\\\\10.0.0.1',
    'https://127.0.0.1 https://0x7f.1 https://2130706433 https://[::1] https://169.254.169.254',
    'https://[::ffff:10.0.0.1] http://localhost:8080',
  ]
  it.each(['', ' ', 'https://a b', ...wrong.join(' ').split(' ')])('%s is refused', (typed) => {
    expect(serverAddress(typed, 'public')).toBeUndefined()
  })

  it('may be plain http on this machine where that is allowed, and nowhere else', () => {
    expect(serverAddress('http://127.0.0.1:99/', 'public or loopback')).toBe('http://127.0.0.1:99')
    expect(serverAddress('http://localhost:99', 'public or loopback')).toBe('http://localhost:99')
    expect(serverAddress('http://8.8.8.8', 'public or loopback')).toBeUndefined()
    expect(serverAddress('http://cloud.example.com', 'public or loopback')).toBeUndefined()
  })
})

describe('a request to a server that a user named', () => {
  it.each(['127.0.0.1', 'localhost'])('does not reach %s in a deployment', async (host) => {
    let calls = 0
    const origin = await serve((_, res) => {
      calls += 1
      res.end()
    })
    const url = origin.replace('127.0.0.1', host)
    await expect(sendRequest({ method: 'GET', url, reach: 'public' })).rejects.toMatchObject({
      code: 'provider_unavailable',
    })
    expect(calls).toBe(0)
    const answer = await sendRequest({ method: 'GET', url, reach: 'public or loopback' })
    answer.body.resume()
    expect(calls).toBe(1)
    // A connection that another caller has left open is not taken for it.
    await expect(sendRequest({ method: 'GET', url, reach: 'public' })).rejects.toBeDefined()
    expect(calls).toBe(1)
  })

  it('goes to none of the private addresses of a name', async () => {
    const ask = (all: boolean) =>
      new Promise<unknown>((resolve) => {
        const found = (error: Error | null, address: string | LookupAddress[]): void =>
          resolve(error ?? address)
        lookupWithin('public or loopback')('localhost', { all }, found)
      })
    const every = (await ask(true)) as LookupAddress[]
    expect(every.length).toBeGreaterThan(0)
    for (const { address } of every) expect(isWithin(address, 'public or loopback')).toBe(true)
    expect(typeof (await ask(false))).toBe('string')
  })
})
