import type { KeyObject } from 'node:crypto'
import { createHash, createPrivateKey, createPublicKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { JWK } from 'jose'
import { exportJWK, SignJWT } from 'jose'
import type { GoogleState, Token } from '../state.ts'
import { ensureAccount } from '../state.ts'
import { SCOPE } from './scopes.ts'

export const ISSUER = 'https://accounts.google.com'

/** The public half of the key that signs id tokens. */
export interface SigningKey {
  kid: string
  jwk: JWK
  /** SubjectPublicKeyInfo, PEM */
  pem: string
}

/** Signs id tokens. */
export interface Signer {
  key(): Promise<SigningKey>
  idToken(token: Token, nonce?: string): Promise<string>
}

/**
 * The RS256 key is kept with the state, so id tokens stay verifiable across restarts. It is made on first
 * use: that takes a good part of a second, and many uses of the simulator never ask for an id token.
 */
export function openSigner(state: GoogleState): Signer {
  let opened: Promise<SigningKey & { secret: KeyObject }> | undefined
  const open = async (): Promise<SigningKey & { secret: KeyObject }> => {
    const kept = state.secrets.get('signing_key') ?? (await newKey())
    state.secrets.put('signing_key', kept)
    const secret = createPrivateKey(kept)
    const publicKey = createPublicKey(secret)
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const kid = createHash('sha1').update(pem).digest('hex')
    return { secret, kid, pem, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } }
  }
  const key = (): Promise<SigningKey & { secret: KeyObject }> => (opened ??= open())
  return {
    key,
    async idToken(token, nonce) {
      const { secret, kid } = await key()
      const issued = Math.floor(token.issuedAt / 1000)
      return new SignJWT({
        azp: token.clientId,
        ...userClaims(state, token),
        at_hash: createHash('sha256').update(token.token).digest().subarray(0, 16).toString('base64url'),
        ...(nonce === undefined ? {} : { nonce }),
      })
        .setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
        .setIssuer(ISSUER)
        .setAudience(token.clientId)
        .setIssuedAt(issued)
        .setExpirationTime(issued + 3600)
        .sign(secret)
    },
  }
}

/** Whether a token's scopes call for an id token. */
export function isOpenId(scopes: string[]): boolean {
  return scopes.includes(SCOPE.openid)
}

/**
 * `sub` always; the address with the email scope, the name with the
 * profile scope; `hd` for a Workspace domain.
 */
export function userClaims(state: GoogleState, token: Token): Record<string, string | boolean> {
  const { sub, email, displayName } = ensureAccount(state, token.account)
  const domain = email.split('@')[1] ?? ''
  return {
    sub,
    ...(token.scopes.includes(SCOPE.email) ? { email, email_verified: true } : {}),
    ...(token.scopes.includes(SCOPE.profile) ? { name: displayName, given_name: displayName } : {}),
    ...(/^(gmail|googlemail)\.com$/.test(domain) ? {} : { hd: domain }),
  }
}

/**
 * The OpenID Connect discovery document, its endpoints on `origin`;
 * the issuer is Google's, as in the id tokens.
 */
export function discovery(origin: string): Record<string, unknown> {
  return {
    issuer: ISSUER,
    authorization_endpoint: `${origin}/o/oauth2/v2/auth`,
    token_endpoint: `${origin}/token`,
    userinfo_endpoint: `${origin}/v1/userinfo`,
    revocation_endpoint: `${origin}/revoke`,
    jwks_uri: `${origin}/oauth2/v3/certs`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'profile'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    claims_supported: ['aud', 'email', 'email_verified', 'exp', 'given_name', 'iat', 'iss', 'name', 'sub'],
    code_challenge_methods_supported: ['plain', 'S256'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
  }
}

async function newKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
