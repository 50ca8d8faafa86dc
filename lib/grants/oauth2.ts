import * as z from 'zod/mini'
import type { Clock } from '../clock.ts'
import type { ReauthReason } from '../errors.ts'
import { ServiceError } from '../errors.ts'
import type { SendRequest, Timeouts } from '../net/http-client.ts'
import { sendRequest } from '../net/http-client.ts'
import { parseJson, readText } from '../net/provider-http.ts'
import { retryAfterSeconds } from '../net/retry-after.ts'
import { secret } from '../secret.ts'
import { count } from '../telemetry/metrics.ts'
import type { ClientSource, OAuthClient, TokenOutcome, TokenSet } from './grant.ts'

/** One provider's token endpoint, as it differs from the others'. */
export interface TokenEndpoint {
  /** Its id, for metrics. */
  readonly provider: string
  readonly client: ClientSource
  readonly scopes: readonly string[]
  /** What a refusal means that is neither an outage nor throttling nor about the OAuth client. */
  readonly readRefusal: (body: RefusalBody) => Verdict
}

/** An answer of a token or revocation endpoint. Holds tokens: only this file and the grants see it. */
export interface EndpointAnswer {
  readonly status: number
  readonly text: string
  readonly retryAfterSeconds?: number
}

/** An error answer (RFC 6749 5.2): its short code, and all of its JSON for what a provider adds. */
export interface RefusalBody {
  readonly error: string
  readonly json: unknown
}

/** What a token endpoint's refusal means, and so who has to act: nobody (wait), the operator, or the user. */
export type Verdict =
  | {
      readonly kind: 'retry'
      readonly code: 'provider_unavailable' | 'provider_throttled'
      readonly afterSeconds?: number
      readonly providerCode?: string
    }
  /** `client`: it is the OAuth client itself that was refused, so a fresh copy of its secret may help. */
  | { readonly kind: 'operator'; readonly providerCode: string; readonly client: boolean }
  | { readonly kind: 'reauth'; readonly reason: ReauthReason; readonly providerCode: string }

const answerBytes = 256 * 1024

/** Milliseconds; shorter than a refresh lease, so that a hanging endpoint does not outlive it. */
export const endpointTimeouts: Timeouts = { connect: 3_000, answer: 8_000, idle: 8_000 }

/** How calls to a provider's sign-in service are made. */
export interface CallSettings {
  readonly clock: Clock
  readonly timeouts?: Timeouts | undefined
  readonly send?: SendRequest | undefined
}

const tokenBody = z.object({
  access_token: z.string().check(z.minLength(1)),
  // Some proxies and older tenants send the number as text.
  expires_in: z.union([z.number(), z.pipe(z.string().check(z.regex(/^\d{1,9}$/)), z.transform(Number))]),
  refresh_token: z.optional(z.string().check(z.minLength(1))),
  scope: z.optional(z.string()),
  id_token: z.optional(z.string()),
})

/**
 * POSTs a form and reads the answer whole. `provider_unavailable`, worth another try, when none came: never
 * `ambiguous`, since asking a token endpoint twice does no harm and the caller's own work has not begun.
 */
export async function postForm(
  url: string,
  form: string,
  headers: Readonly<Record<string, string>>,
  { clock, timeouts = endpointTimeouts, send = sendRequest }: CallSettings,
): Promise<EndpointAnswer> {
  try {
    const response = await send({
      method: 'POST',
      url,
      headers: {
        ...headers,
        'content-type': 'application/x-www-form-urlencoded;charset=utf-8',
        accept: 'application/json',
        'accept-encoding': 'identity',
      },
      body: Buffer.from(form, 'utf8'),
      timeouts,
    })
    const afterSeconds = retryAfterSeconds(response.headers, clock.now())
    return {
      status: response.status,
      text: await readText(response.body, answerBytes),
      ...(afterSeconds === undefined ? {} : { retryAfterSeconds: afterSeconds }),
    }
  } catch (error) {
    throw unavailable(error)
  }
}

/** What a success says, or undefined when it cannot be a token answer (a proxy's page with status 200). */
export function parseTokens(text: string, requestedScopes: readonly string[]): TokenSet | undefined {
  const parsed = tokenBody.safeParse(parseJson(text))
  if (!parsed.success) return undefined
  const { data } = parsed
  return {
    accessToken: secret(data.access_token),
    expiresInSeconds: Math.max(0, data.expires_in),
    // RFC 6749 5.1: left out, it is what was asked for.
    scopes:
      data.scope === undefined ? requestedScopes : data.scope.split(' ').filter((scope) => scope !== ''),
    ...(data.refresh_token === undefined ? {} : { refreshToken: secret(data.refresh_token) }),
    ...(data.id_token === undefined ? {} : { idToken: secret(data.id_token) }),
  }
}

/** A provider's short code; descriptions are text for people and never read. */
export const shortCode = z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,64}$/))
const errorBody = z.object({ error: shortCode })

const commonCodes: ReadonlyMap<string, 'provider_unavailable' | 'provider_throttled' | 'client'> = new Map([
  ...['temporarily_unavailable', 'server_error', 'internal_failure', 'backend_error'].map(
    (error) => [error, 'provider_unavailable'] as const,
  ),
  ...['rate_limit_exceeded', 'slow_down', 'quota_exceeded'].map(
    (error) => [error, 'provider_throttled'] as const,
  ),
  ...['invalid_client', 'unauthorized_client', 'deleted_client', 'disabled_client'].map(
    (error) => [error, 'client'] as const,
  ),
])

/**
 * Reads a refusal by its codes, never by its text. Only what a provider says about the grant itself is a dead
 * grant; an answer that is not the token endpoint's own (a proxy's HTML page) is an outage.
 * https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export function classify(readRefusal: TokenEndpoint['readRefusal'], refusal: EndpointAnswer): Verdict {
  const after = refusal.retryAfterSeconds === undefined ? {} : { afterSeconds: refusal.retryAfterSeconds }
  if (refusal.status === 429) return { kind: 'retry', code: 'provider_throttled', ...after }
  const json = parseJson(refusal.text)
  const error = errorBody.safeParse(json).data?.error
  if (refusal.status >= 500 || refusal.status === 408 || error === undefined) {
    return { kind: 'retry', code: 'provider_unavailable', ...after }
  }
  const common = commonCodes.get(error)
  if (common === 'client') return { kind: 'operator', providerCode: error, client: true }
  if (common !== undefined) return { kind: 'retry', code: common, ...after, providerCode: error }
  const verdict = readRefusal({ error, json })
  return verdict.kind === 'retry' ? { ...verdict, ...after } : verdict
}

/**
 * The error for a verdict that is not about the grant. Never ambiguous: nothing of the user's was touched.
 */
export function verdictError(
  verdict: Exclude<Verdict, { kind: 'reauth' }>,
  providerStatus: number,
): ServiceError {
  const providerCode = verdict.providerCode === undefined ? {} : { providerCode: verdict.providerCode }
  if (verdict.kind === 'operator') {
    return new ServiceError(
      'provider_error',
      'The provider refuses this deployment’s OAuth client. Its operator has to act; the connection is fine.',
      {
        context: { ...providerCode, providerStatus, operatorFault: true },
      },
    )
  }
  const seconds = verdict.afterSeconds
  const detail =
    verdict.code === 'provider_throttled'
      ? 'The provider’s sign-in service asks for a pause.'
      : 'The provider’s sign-in service cannot be reached or is failing.'
  return new ServiceError(verdict.code, detail, {
    retry: { retryable: true, ...(seconds === undefined ? {} : { afterSeconds: seconds }) },
    context: {
      ...providerCode,
      providerStatus,
      ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
    },
  })
}

/**
 * Asks the token endpoint once, and once more when the cached OAuth client is refused and has been replaced:
 * an operator can rotate the secret with no failed request.
 */
export async function requestTokens(
  endpoint: TokenEndpoint,
  send: (client: OAuthClient) => Promise<EndpointAnswer>,
): Promise<TokenOutcome> {
  const client = await endpoint.client(false)
  const first = interpret(endpoint, await send(client))
  if (!('verdict' in first)) return first
  if (!first.verdict.client) throw operatorFault(endpoint, first)
  const fresh = await endpoint.client(true)
  if (fresh.clientId === client.clientId && fresh.clientSecret.equals(client.clientSecret))
    throw operatorFault(endpoint, first)
  const second = interpret(endpoint, await send(fresh))
  if ('verdict' in second) throw operatorFault(endpoint, second)
  return second
}

interface Refused {
  readonly verdict: Extract<Verdict, { kind: 'operator' }>
  readonly status: number
}

function interpret(endpoint: TokenEndpoint, answer: EndpointAnswer): TokenOutcome | Refused {
  if (answer.status >= 200 && answer.status < 300) {
    const tokens = parseTokens(answer.text, endpoint.scopes)
    if (tokens !== undefined) return { granted: true, tokens }
    throw verdictError({ kind: 'retry', code: 'provider_unavailable' }, answer.status)
  }
  const verdict = classify(endpoint.readRefusal, answer)
  if (verdict.kind === 'reauth')
    return { granted: false, reason: verdict.reason, providerCode: verdict.providerCode }
  if (verdict.kind === 'operator') return { verdict, status: answer.status }
  throw verdictError(verdict, answer.status)
}

function operatorFault({ provider }: TokenEndpoint, { verdict, status }: Refused): ServiceError {
  count('OperatorFaults', { provider })
  return verdictError(verdict, status)
}

function unavailable(error: unknown): ServiceError {
  const context = error instanceof ServiceError ? error.context : {}
  return new ServiceError('provider_unavailable', 'The provider’s sign-in service cannot be reached.', {
    retry: { retryable: true },
    context,
    cause: error,
  })
}
