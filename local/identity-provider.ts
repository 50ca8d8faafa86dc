import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JWK, JWTPayload } from 'jose'
import type { Scope } from '../lib/contract/scopes.ts'
import { tokenScope } from '../lib/contract/scopes.ts'
import { exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT } from 'jose'

export const localAudience = 'driveway-local'

/**
 * A stand-in for the deployment's OIDC provider: mints the tokens
 * that the real authorizer verifies through JWKS.
 */
export interface IdentityProvider {
  readonly issuer: string
  readonly jwks: { readonly keys: readonly JWK[] }
  /** A JWT for `sub` that is good for `seconds`. */
  mint(sub: string, seconds?: number): Promise<string>
  /** The own JWT of a machine, as client credentials give one. */
  mintMachine(client: string, scopes: readonly Scope[], seconds?: number): Promise<string>
  /** Any other token of this issuer: for `audience`, with `claims`, good for `seconds`. */
  sign(claims: JWTPayload, audience: string, seconds: number): Promise<string>
  /**
   * The claims of a token that this issuer signed for `audience`; undefined when it is none, or has expired.
   */
  read(token: string, audience: string): Promise<JWTPayload | undefined>
}

const oneDaySeconds = 24 * 60 * 60

async function loadKey(file: string): Promise<JWK> {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as JWK
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(privateKey)), kid: crypto.randomUUID(), alg: 'ES256', use: 'sig' }
  writeFileSync(file, JSON.stringify(jwk), { mode: 0o600 })
  return jwk
}

/** Opens the local identity provider; its key lives in `stateDir`, so tokens survive a restart. */
export async function openIdentityProvider(issuer: string, stateDir: string): Promise<IdentityProvider> {
  mkdirSync(stateDir, { recursive: true })
  const jwk = await loadKey(join(stateDir, 'identity-key.json'))
  const { d: _private, ...publicJwk } = jwk
  const [key, publicKey] = await Promise.all([importJWK(jwk, 'ES256'), importJWK(publicJwk, 'ES256')])
  const sign = (claims: JWTPayload, audience: string, seconds: number): Promise<string> =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: jwk.kid ?? '' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(`${seconds}s`)
      .sign(key)
  return {
    issuer,
    jwks: { keys: [publicJwk] },
    sign,
    mint: (sub, seconds = oneDaySeconds) => sign({ sub, scope: 'driveway' }, localAudience, seconds),
    mintMachine(client, scopes, seconds = oneDaySeconds) {
      const scope = scopes.map(tokenScope).join(' ')
      return sign({ sub: client, client_id: client, scope }, localAudience, seconds)
    },
    async read(token, audience) {
      try {
        return (await jwtVerify(token, publicKey, { issuer, audience })).payload
      } catch {
        return undefined
      }
    },
  }
}
