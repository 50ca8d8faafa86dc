import type { KeyObject } from 'node:crypto'
import { createHash, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** The one key pair that the servers accept. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** What of a request is signed. */
export interface SignedMessage {
  readonly method: string
  /** As it was sent, without the query. */
  readonly path: string
  readonly query: Iterable<readonly [string, string]>
  readonly headers: IncomingHttpHeaders
}

/** What a request says of its signature. */
export interface Claim {
  readonly accessKeyId: string
  readonly scope: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  readonly timestamp: string
  readonly payloadHash: string
}

export type Refusal = 'unsigned' | 'malformed' | 'bad-date' | 'skewed' | 'unknown-key' | 'mismatch'

const words: Record<Refusal, string> = {
  unsigned: 'The request is not signed',
  malformed: 'The authorization header is malformed',
  'bad-date': 'X-Amz-Date is missing or malformed',
  skewed: 'The difference between the request time and the current time is too large',
  'unknown-key': 'The access key is not the one this server was started with',
  mismatch: 'The signature does not match the request',
}

/** A signature that is refused; each service has its own error code for it. */
export class SignatureError extends Error {
  override readonly name = 'SignatureError'
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(words[refusal])
    this.refusal = refusal
  }
}

const allowedSkewMs = 15 * 60 * 1000

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

const hmac = (key: string | Buffer | KeyObject, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest()

/** The time of `X-Amz-Date`. */
export const parseTimestamp = (text: string): number => {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (!match) throw new SignatureError('bad-date')
  const [, year, month, day, hour, minute, second] = match.map(Number)
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
}

/** The key and the scope of a credential. */
export const splitCredential = (credential: string): { accessKeyId: string; scope: string } => {
  const parts = credential.split('/')
  const scope = parts.slice(-4)
  if (parts.length < 5 || scope[3] !== 'aws4_request') throw new SignatureError('malformed')
  return { accessKeyId: parts.slice(0, -4).join('/'), scope: scope.join('/') }
}

/** What the `Authorization` header says. */
export const claimFromHeader = (headers: IncomingHttpHeaders, payloadHash: string): Claim => {
  if (headers.authorization === undefined) throw new SignatureError('unsigned')
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/.exec(
      headers.authorization,
    )
  const [, credential, signedHeaders, signature] = match ?? []
  if (credential === undefined || signedHeaders === undefined || signature === undefined)
    throw new SignatureError('malformed')
  return {
    ...splitCredential(credential),
    signedHeaders: signedHeaders.split(';'),
    signature,
    timestamp: String(headers['x-amz-date'] ?? ''),
    payloadHash,
  }
}

const canonicalRequest = (message: SignedMessage, claim: Claim): string => {
  const path = message.path
    .split('/')
    .map((part) => encode(decodeURIComponent(part)))
    .join('/')
  const query = [...message.query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
  const headers = claim.signedHeaders.map((name) => {
    const raw = message.headers[name]
    const value = Array.isArray(raw) ? raw.join(',') : (raw ?? '')
    return `${name}:${value.trim().replace(/ +/g, ' ')}\n`
  })
  return [
    message.method,
    path,
    query,
    headers.join(''),
    claim.signedHeaders.join(';'),
    claim.payloadHash,
  ].join('\n')
}

/** The keys of the scopes asked for: a scope is good for a day, and its key costs four hashes. */
const keys = new Map<string, KeyObject>()
const mostKeys = 32

const signingKey = (scope: string, secret: string): KeyObject => {
  const name = `${secret} ${scope}`
  const known = keys.get(name)
  if (known !== undefined) return known
  const key = createSecretKey(Buffer.from(scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`)))
  if (keys.size >= mostKeys) keys.clear()
  keys.set(name, key)
  return key
}

const expectedSignature = (message: SignedMessage, claim: Claim, secret: string): string => {
  const digest = createHash('sha256').update(canonicalRequest(message, claim)).digest('hex')
  const text = ['AWS4-HMAC-SHA256', claim.timestamp, claim.scope, digest].join('\n')
  return hmac(signingKey(claim.scope, secret), text).toString('hex')
}

/**
 * @throws SignatureError `skewed` when a request was signed more than a quarter of an hour away from `now`.
 */
export const requireRecent = (claim: Claim, now: number): void => {
  if (Math.abs(now - parseTimestamp(claim.timestamp)) > allowedSkewMs) throw new SignatureError('skewed')
}

/** @throws SignatureError when the claim is not that of `credentials` over this message. */
export const verifyClaim = (message: SignedMessage, claim: Claim, credentials: Credentials): void => {
  if (claim.accessKeyId !== credentials.accessKeyId) throw new SignatureError('unknown-key')
  const expected = Buffer.from(expectedSignature(message, claim, credentials.secretAccessKey))
  const given = Buffer.from(claim.signature)
  if (expected.length !== given.length || !timingSafeEqual(expected, given))
    throw new SignatureError('mismatch')
}
