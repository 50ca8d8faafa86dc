import { createHmac, timingSafeEqual } from 'node:crypto'

const LOOPBACK = new Map([
  ['127.0.0.1', 'localhost'],
  ['localhost', '127.0.0.1'],
  ['[::1]', 'localhost'],
])

/**
 * The origin of pre-authenticated URLs. Content lives on another host than Graph, and clients depend
 * on that: a bearer is not carried across. On one machine the other name for the same listener does;
 * behind a proxy that gives one public name there is no second, and the URL stays on it.
 */
export function contentOrigin(origin: string): string {
  const url = new URL(origin)
  const other = LOOPBACK.get(url.hostname)
  if (other === undefined) return origin
  return `${url.protocol}//${other}${url.port === '' ? '' : `:${url.port}`}`
}

/** Whether content has a host name of its own here; then a bearer on a pre-authenticated URL is refused. */
export function hasContentHost(origin: string): boolean {
  return LOOPBACK.has(new URL(origin).hostname)
}

/**
 * A credential for a URL: names what it opens and until when (epoch milliseconds, 0 for no end of its own).
 */
export function signLink(secret: string, subject: string, expiresAt: number): string {
  const end = expiresAt.toString(36)
  return `v1.${end}.${mac(secret, subject, end)}`
}

export type LinkCheck = { valid: false } | { valid: true; expiresAt: number }

/**
 * Checks what `signLink` made. The caller compares `expiresAt` with
 * its clock, since what it answers then varies.
 */
export function checkLink(secret: string, subject: string, credential: string): LinkCheck {
  const [version, end = '', signature = ''] = credential.split('.')
  const given = Buffer.from(signature)
  const expected = Buffer.from(mac(secret, subject, end))
  if (version !== 'v1' || given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return { valid: false }
  }
  return { valid: true, expiresAt: Number.parseInt(end, 36) }
}

function mac(secret: string, subject: string, end: string): string {
  return createHmac('sha256', secret).update(`${subject}\n${end}`).digest('base64url')
}

/** The path of every download URL. */
export const DOWNLOAD_PATH = '/_layouts/15/download.aspx'

/** What a download URL's credential is for. */
export function downloadSubject(id: string, version: string | null): string {
  return version === null ? `download:${id}` : `download:${id}@${version}`
}
