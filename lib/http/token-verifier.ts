import { JwtVerifier } from 'aws-jwt-verify'
import { SimpleJwksCache } from 'aws-jwt-verify/jwk'
import * as z from 'zod/mini'
import { systemClock } from '../clock.ts'
import { ServiceError } from '../errors.ts'
import type { UserId } from '../ids.ts'
import { parseUserId } from '../ids.ts'
import type { SendRequest } from '../net/http-client.ts'
import { sendRequest } from '../net/http-client.ts'
import type { Machine } from './machine-token.ts'
import { machineOf } from './machine-token.ts'

export interface TokenVerifierOptions {
  readonly issuer: string
  /** A token must have one of these as `aud`, or when it has none (Cognito) as `client_id`. */
  readonly audiences: readonly string[]
  /** Subjects that are machines; `*` for every client of the issuer. */
  readonly machines?: readonly string[]
  /** Where the keys are; from the issuer's discovery document when undefined. */
  readonly jwksUri: string | undefined
  readonly send?: SendRequest
}

/** Of a verified token: which user's or machine's it is, and when it ends (epoch seconds). */
export type VerifiedToken = { readonly exp: number } & (
  | { readonly sub: UserId; readonly machine?: undefined }
  | { readonly sub?: undefined; readonly machine: Machine }
)

/** Verifies a JWT; rejects with what is wrong with it, or `provider_unavailable` when the issuer is down. */
export type TokenVerifier = (token: string) => Promise<VerifiedToken>

const maxDocumentBytes = 256 * 1024
const discovery = z.looseObject({ jwks_uri: z.url() })

const keySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) })

/** A document of the issuer; `provider_unavailable` whatever keeps it from being read, be it only HTML. */
async function readDocument<Schema extends z.ZodMiniType>(
  url: string,
  schema: Schema,
  send: SendRequest = sendRequest,
): Promise<z.output<Schema>> {
  try {
    const { status, body } = await send({ method: 'GET', url, timeouts: { answer: 3_000 } })
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxDocumentBytes) throw new RangeError('The document is too long.')
      chunks.push(chunk)
    }
    if (status !== 200) throw new TypeError(`The issuer answered ${status}.`)
    return schema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')))
  } catch (error) {
    throw new ServiceError('provider_unavailable', 'The identity provider’s keys could not be read.', {
      retry: { retryable: true },
      cause: error,
    })
  }
}

function refused(why: string): ServiceError {
  return new ServiceError('unauthorized', `The token is not for this service: ${why}.`)
}

/**
 * Nothing that a token calls critical is understood here.
 * https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11
 */
function refuseCritical({ header }: { readonly header: object }): void {
  if ('crit' in header) throw refused('crit is not understood')
  // A type of its own is for something else: https://www.rfc-editor.org/rfc/rfc8725#section-3.11
  const typ = 'typ' in header ? String(header.typ) : 'JWT'
  if (!/^(application\/)?(at\+)?jwt$/i.test(typ)) throw refused(`it is a ${typ.slice(0, 40)}`)
}

/** How far an issuer's clock may be ahead of this one, for what a token says of its beginning. */
const leewaySeconds = 30
/** No token is good for longer. */
const longestSeconds = 7 * 24 * 60 * 60

/** What a token says about its time; its end has no leeway. */
function refuseTimes(exp: number, iat: number | undefined, now: number): void {
  if (exp <= now) throw refused('it has expired')
  if (exp > now + longestSeconds) throw refused('it ends more than a week ahead')
  if (iat !== undefined && iat > now + leewaySeconds) throw refused('it was issued in the future')
}

async function jwksUriOf({ issuer, jwksUri, send }: TokenVerifierOptions): Promise<string> {
  if (jwksUri !== undefined) return jwksUri
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  return (await readDocument(url, discovery, send)).jwks_uri
}

/**
 * A verifier for one OIDC issuer: signature by its published keys (asymmetric algorithms only), issuer,
 * expiry and audience. Keys are cached, and fetched again when a token names an unknown one.
 */
export async function createTokenVerifier(options: TokenVerifierOptions): Promise<TokenVerifier> {
  const fetcher = {
    async fetch(uri: string): Promise<ArrayBuffer> {
      const keys = await readDocument(uri, keySet, options.send)
      return new TextEncoder().encode(JSON.stringify(keys)).buffer
    },
  }
  const { issuer, audiences, machines = [] } = options
  const verifier = JwtVerifier.create(
    {
      issuer,
      audience: null,
      jwksUri: await jwksUriOf(options),
      customJwtCheck: refuseCritical,
      graceSeconds: leewaySeconds,
    },
    { jwksCache: new SimpleJwksCache({ fetcher }) },
  )
  return async (token) => {
    const payload = await verifier.verify(token)
    const { sub, aud, client_id: clientId, exp } = payload
    const machine = machineOf(payload, machines)
    // A token for another API of the same issuer is not for this one, whichever client it was given to.
    const carried = aud === undefined ? [machine?.client ?? clientId] : [aud].flat()
    const ours = aud === undefined && machine !== undefined ? machines : audiences
    if (!carried.some((audience) => typeof audience === 'string' && ours.includes(audience))) {
      throw refused('audience not allowed')
    }
    // A token without an end would be good for ever.
    if (exp === undefined) throw refused('exp is missing')
    refuseTimes(exp, payload.iat, systemClock.now() / 1000)
    // Cognito's refresh tokens are none of ours; ID tokens are, from issuers whose access tokens are opaque.
    const use = payload['token_use'] ?? 'access'
    if (use !== 'access' && use !== 'id') throw refused('it is for another use')
    if (machine !== undefined) return { machine, exp }
    const id = typeof sub === 'string' ? parseUserId(sub) : undefined
    if (id === undefined) throw refused('sub is missing, or no text of 1 to 255 printable characters')
    return { sub: id, exp }
  }
}
