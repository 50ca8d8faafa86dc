import type { IncomingMessage } from 'node:http'

const ownName = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/i

/**
 * The status for a request that is not looked at: 421 for a name that is not this machine's, under which
 * a page of somebody else's could have this address (DNS rebinding); 403 for such a page that reaches for
 * the control API; 400 for an address that is none.
 */
export function refusalOf(
  { headers, url = '/' }: IncomingMessage,
  domains: readonly string[],
): 400 | 403 | 421 | undefined {
  const { host = '', origin } = headers
  const name = `.${host.replace(/:\d+$/, '')}`
  if (!ownName.test(host) && !domains.some((domain) => name.endsWith(`.${domain}`))) return 421
  if (!URL.canParse(url, 'http://simulator') || !decodes(url.split('?', 1)[0] ?? '')) return 400
  return url.startsWith('/_sim/') && origin !== undefined && origin !== `http://${host}` ? 403 : undefined
}

function decodes(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}
