import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JWK } from 'jose'
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose'

export const localAudience = 'driveway-local'

/** A stand-in for the deployment's OIDC provider: mints the tokens that the real authorizer verifies through JWKS. */
export interface IdentityProvider {
  readonly issuer: string
  readonly jwks: { readonly keys: readonly JWK[] }
  /** A JWT for `sub` that is good for `seconds`. */
  mint(sub: string, seconds?: number): Promise<string>
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
  const key = await importJWK(jwk, 'ES256')
  const { d: _private, ...publicJwk } = jwk
  return {
    issuer,
    jwks: { keys: [publicJwk] },
    mint: (sub, seconds = oneDaySeconds) =>
      new SignJWT({ scope: 'driveway' })
        .setProtectedHeader({ alg: 'ES256', kid: jwk.kid ?? '' })
        .setIssuer(issuer)
        .setAudience(localAudience)
        .setSubject(sub)
        .setIssuedAt()
        .setExpirationTime(`${seconds}s`)
        .sign(key),
  }
}
