import { ServiceError } from '../errors.ts'

const forbiddenText = /[\s\\]|[^\x21-\x7e]/
const hiddenSeparators = /%2f|%5c|%2e/i

/** Where a consent may end. */
export interface ReturnUrls {
  /** Origins and URL prefixes that `returnUrl` may start with. */
  readonly allowed: readonly string[]
  /** A consent without one would end on a page with a code, which strangers may ask for. */
  readonly areNeeded: boolean
}

/**
 * A `returnUrl` in its normal form when the deployment allows it, else `invalid_request`. An entry of
 * `allowed` is an origin, or a URL prefix that matches itself and what is below it. What browsers and servers
 * read differently (user names, backslashes, encoded slashes and dots) is refused.
 */
export function checkReturnUrl(returnUrl: string, allowed: readonly string[]): string {
  const url = forbiddenText.test(returnUrl) ? undefined : parse(returnUrl)
  if (url === undefined || !isPlain(url)) {
    throw refused('is no URL that a browser can be sent back to')
  }
  if (!allowed.some((entry) => matches(url, entry))) throw refused('is not on this deployment’s allow-list')
  return url.href
}

/** `returnUrl` with `parameters` in place of any of the same name. */
export function withParameters(returnUrl: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(returnUrl)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

function isPlain(url: URL): boolean {
  const web = url.protocol === 'https:' || url.protocol === 'http:'
  return (
    web &&
    url.username === '' &&
    url.password === '' &&
    url.hash === '' &&
    !hiddenSeparators.test(url.pathname)
  )
}

/** `http://127.0.0.1:*` allows any port of this machine: RFC 8252 §7.3, for programs without an address. */
const anyLoopbackPort = /^(http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])):\*(\/|$)/

function matches(url: URL, entry: string): boolean {
  const port = url.port === '' ? '' : `:${url.port}`
  const allowed = parse(entry.trim().replace(anyLoopbackPort, `$1${port}$2`))
  if (allowed === undefined || allowed.origin === 'null' || allowed.origin !== url.origin) return false
  const prefix = allowed.pathname.replace(/\/+$/, '')
  return url.pathname === prefix || url.pathname.startsWith(`${prefix}/`)
}

function refused(why: string): ServiceError {
  return new ServiceError('invalid_request', `returnUrl ${why}.`)
}
