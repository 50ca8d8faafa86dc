import type { KeyObject } from 'node:crypto'
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { Tables } from '../drive/records.ts'
import { lasting } from '../drive/tables.ts'

/** The key that signs id tokens and work accounts' access tokens; made once per state directory. */
export interface SigningKey {
  /** The members of the JWKS. */
  jwk: Record<string, unknown>
  /** A compact RS256 JWT. */
  sign(claims: Record<string, unknown>): string
}

export function openSigningKey(tables: Tables): SigningKey {
  let opened: SigningKey | undefined
  // Made on first use: a key takes a tenth of a second, and not every start signs anything.
  const key = (): SigningKey => (opened ??= makeSigningKey(tables))
  return {
    get jwk() {
      return key().jwk
    },
    sign: (claims) => key().sign(claims),
  }
}

function makeSigningKey(tables: Tables): SigningKey {
  const pem = lasting(tables, 'signing-key', () =>
    generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString(),
  )
  const key: KeyObject = createPrivateKey(pem)
  const { n, e } = createPublicKey(key).export({ format: 'jwk' })
  const kid = createHash('sha256').update(`${n}`).digest('base64url').slice(0, 27)
  const header = encode({ typ: 'JWT', alg: 'RS256', kid })
  return {
    jwk: { kty: 'RSA', use: 'sig', alg: 'RS256', kid, x5t: kid, n, e },
    sign(claims) {
      const body = `${header}.${encode(claims)}`
      return `${body}.${sign('RSA-SHA256', Buffer.from(body), key).toString('base64url')}`
    },
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
