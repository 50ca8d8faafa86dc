import { lookup } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import type { LookupFunction } from 'node:net'

/**
 * Which servers may be called at an address that a user has typed: those of the internet, and locally this
 * machine. Everything else is somebody's inside: Lambda's own interfaces, the metadata service, a company's
 * network.
 */
export type Reach = 'public' | 'public or loopback'

/** As the deployment is set; the setting is the local stack's. */
export function reachOf(settings: Readonly<Record<string, string | undefined>>): Reach {
  return settings['LOOPBACK_SERVERS'] === 'true' ? 'public or loopback' : 'public'
}

const familyOf = (address: string) => (isIP(address) === 4 ? 'ipv4' : 'ipv6')

// https://www.iana.org/assignments/iana-ipv4-special-registry and its sibling for IPv6
const special: readonly [network: string, prefix: number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  // Of IPv6 only 2000::/3 is the internet. In it stand addresses that lead on to IPv4, and those for
  // examples.
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]
const inside = new BlockList()
for (const [network, prefix] of special)
  inside.addSubnet(network, prefix, isIP(network) === 4 ? 'ipv4' : 'ipv6')
const internet = new BlockList()
internet.addSubnet('0.0.0.0', 0, 'ipv4')
internet.addSubnet('2000::', 3, 'ipv6')
const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

const isLoopback = (address: string): boolean =>
  isIP(address) !== 0 && loopback.check(address, familyOf(address))

/** Whether an IP address may be called. */
export function isWithin(address: string, reach: Reach): boolean {
  if (isIP(address) === 0) return false
  if (reach === 'public or loopback' && isLoopback(address)) return true
  return internet.check(address, familyOf(address)) && !inside.check(address, familyOf(address))
}

/**
 * Resolves names to addresses within `reach` only. The connection itself uses it, so that a name cannot be
 * looked at as one address and called as another.
 */
export function lookupWithin(reach: Reach): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first, ...others] = error ? [] : addresses.filter(({ address }) => isWithin(address, reach))
      if (first === undefined) callback(error ?? new Error(`${hostname} is no server of the internet.`), '')
      else if (options.all === true) callback(null, [first, ...others])
      else callback(null, first.address, first.family)
    })
  }
}

/**
 * A server's address as a user types it, in its normal form; undefined for what may not be called or
 * carries more than an address. `http` is for this machine alone. A name is resolved when it is called.
 */
export function serverAddress(typed: string, reach: Reach): string | undefined {
  const text = typed.trim()
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`
  if (text === '' || /[\s\\]/.test(text) || !URL.canParse(full)) return undefined
  const url = new URL(full)
  const host = hostOf(url)
  const local = reach === 'public or loopback' && (host === 'localhost' || isLoopback(host))
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  const secure = url.protocol === 'https:' || (url.protocol === 'http:' && local)
  const allowed = isIP(host) === 0 || isWithin(host, reach)
  return plain && secure && allowed ? url.href.replace(/\/+$/, '') : undefined
}

/** The host without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1')
}
