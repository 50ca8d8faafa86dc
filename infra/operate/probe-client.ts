import type { OAuth2About } from '../../lib/providers/about.ts'
import type { Secret } from '../../lib/secret.ts'

export interface ClientToProbe {
  /** Whose client it is: the secret goes to this provider's token endpoint and to nobody else. */
  readonly grant: OAuth2About
  readonly clientId: string
  readonly clientSecret: Secret
  readonly redirectUri: string
}

/**
 * What a provider thinks of an OAuth client. `unclear`: it answered
 * something that says nothing about the client.
 */
export type ProbeOutcome = 'accepted' | 'refused' | 'redirect_unknown' | 'unreachable' | 'unclear'

/**
 * Offers the provider an authorization code that cannot be valid: it refuses either the
 * client (`invalid_client`) or, when the client is right, the code (`invalid_grant`).
 * Nothing is changed anywhere. Throws for a provider that it does not know.
 * https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export async function probeClient(client: ClientToProbe): Promise<ProbeOutcome> {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: 'driveway-probe',
    code_verifier: 'driveway-probe-driveway-probe-driveway-probe',
    redirect_uri: client.redirectUri,
    client_id: client.clientId,
    client_secret: client.clientSecret.reveal(),
  })
  try {
    const answer = await fetch(client.grant.tokenUrl(process.env), {
      method: 'POST',
      body,
      signal: AbortSignal.timeout(10_000),
    })
    const { error: said } = (await answer.json()) as { error?: string }
    // Some put words behind the code, and a colon between.
    const error = said?.split(':', 1)[0]
    if (error === 'invalid_client' || error === 'unauthorized_client') return 'refused'
    if (error === 'redirect_uri_mismatch') return 'redirect_unknown'
    return error === 'invalid_grant' ? 'accepted' : 'unclear'
  } catch {
    return 'unreachable'
  }
}
