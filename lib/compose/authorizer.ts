import { listed, required } from '../contract/env.ts'
import type { TokenVerifier } from '../http/token-verifier.ts'
import type { BareProcess } from './bare-process.ts'

/** For the authorizer. A verifier keeps the issuer's keys, so a process makes one. */
export async function openTokenVerifier({ settings, outside }: BareProcess): Promise<TokenVerifier> {
  const { createTokenVerifier } = await import('../http/token-verifier.ts')
  return createTokenVerifier({
    issuer: required(settings, 'OIDC_ISSUER'),
    audiences: listed(settings, 'OIDC_AUDIENCE'),
    machines: listed(settings, 'OIDC_MACHINES'),
    jwksUri: settings['OIDC_JWKS_URI'],
    send: outside.http,
  })
}
