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
  /** What a refusal means by the provider's own codes; undefined for one that only says what all do. */
  readonly readRefusal: (body: RefusalBody) => Verdict | undefined
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

/** What a token endpoint's refusal means, and so who has to act: nobody (wait), an operator, or the user. */
export type Verdict =
  | {
      readonly kind: 'retry'
      readonly code: 'provider_unavailable' | 'provider_throttled'
      readonly afterSeconds?: number
      readonly providerCode?: string
    }
  /** `client`: it is the OAuth client itself that was refused, so a fresh copy of its secret may help. */
  | { readonly kind: 'operator'; readonly providerCode: string; readonly client: boolean }
  /** The account's organisation has removed the app, or is gone; everybody else's connections work. */
  | { readonly kind: 'tenant'; readonly providerCode: string }
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

// Some proxies and older tenants send a number as text.
const seconds = z.union([z.number(), z.pipe(z.string().check(z.regex(/^\d{1,9}$/)), z.transform(Number))])
const tokenBody = z.object({
  access_token: z.string().check(z.minLength(1)),
  expires_in: seconds,
  // https://developers.google.com/identity/protocols/oauth2#expiration
  refresh_token_expires_in: z.optional(z.unknown()),
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
  const ends = seconds.safeParse(data.refresh_token_expires_in)
  return {
    accessToken: secret(data.access_token),
    expiresInSeconds: Math.max(0, data.expires_in),
    // RFC 6749 5.1: left out, it is what was asked for.
    scopes:
      data.scope === undefined ? requestedScopes : data.scope.split(' ').filter((scope) => scope !== ''),
    ...(data.refresh_token === undefined ? {} : { refreshToken: secret(data.refresh_token) }),
    ...(data.id_token === undefined ? {} : { idToken: secret(data.id_token) }),
    ...(ends.success ? { grantEndsInSeconds: ends.data } : {}),
  }
}

/** A provider's short code; descriptions are text for people and never read. */
export const shortCode = z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,64}$/))
// Some providers put words behind the code, and a colon between.
const beforeColon = z.transform((text: unknown) => String(text).split(':', 1)[0])
const errorBody = z.object({ error: z.pipe(beforeColon, shortCode) })

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
  const verdict = readRefusal({ error, json }) ?? commonVerdict(error)
  return verdict.kind === 'retry' ? { ...verdict, ...after } : verdict
}

function commonVerdict(error: string): Verdict {
  const common = commonCodes.get(error)
  return common === undefined || common === 'client'
    ? { kind: 'operator', providerCode: error, client: common === 'client' }
    : { kind: 'retry', code: common, providerCode: error }
}

/**
 * The error for a verdict that is not about the grant. Never ambiguous: nothing of the user's was touched.
 */
export function verdictError(
  verdict: Exclude<Verdict, { kind: 'reauth' }>,
  providerStatus: number,
): ServiceError {
  const { kind, providerCode } = verdict
  const context = { providerStatus, ...(providerCode === undefined ? {} : { providerCode }) }
  if (kind !== 'retry') {
    const waits = { ...context, retryAfterSeconds: mendedAfterSeconds }
    return new ServiceError('operator_attention', toBeMended[kind], {
      context: kind === 'operator' ? { ...waits, operatorFault: true } : waits,
    })
  }
  const after = verdict.afterSeconds === undefined ? {} : { afterSeconds: verdict.afterSeconds }
  const detail =
    verdict.code === 'provider_throttled'
      ? 'The provider’s sign-in service asks for a pause.'
      : 'The provider’s sign-in service cannot be reached or is failing.'
  return new ServiceError(verdict.code, detail, {
    retry: { retryable: true, ...after },
    context: {
      ...context,
      ...(verdict.afterSeconds === undefined ? {} : { retryAfterSeconds: verdict.afterSeconds }),
    },
  })
}

const mendedAfterSeconds = 60
const toBeMended = {
  operator:
    'The provider refuses this deployment’s OAuth client. Its operator has to act; the connection is fine.',
  tenant:
    'The organisation of the account does not let this app in. Its administrator has to allow it; what waits goes on by itself then.',
} as const

/**
 * Asks the token endpoint once, and once more when the cached OAuth client is refused and has been replaced:
 * an operator can rotate the secret with no failed request.
 */
export async function requestTokens(
  endpoint: TokenEndpoint,
  send: (client: OAuthClient) => Promise<EndpointAnswer>,
): Promise<TokenOutcome> {
  const client = await endpoint.client(false)
  const answer = await send(client)
  if (!refusesClient(endpoint, answer)) return outcomeOf(endpoint, answer)
  const fresh = await endpoint.client(true)
  const isSame = fresh.clientId === client.clientId && fresh.clientSecret.equals(client.clientSecret)
  return outcomeOf(endpoint, isSame ? answer : await send(fresh))
}

const isSuccess = ({ status }: EndpointAnswer): boolean => status >= 200 && status < 300

function refusesClient({ readRefusal }: TokenEndpoint, answer: EndpointAnswer): boolean {
  const verdict = isSuccess(answer) ? undefined : classify(readRefusal, answer)
  return verdict?.kind === 'operator' && verdict.client
}

function outcomeOf({ provider, scopes, readRefusal }: TokenEndpoint, answer: EndpointAnswer): TokenOutcome {
  const tokens = isSuccess(answer) ? parseTokens(answer.text, scopes) : undefined
  if (tokens !== undefined) return { granted: true, tokens }
  const verdict: Verdict = isSuccess(answer)
    ? { kind: 'retry', code: 'provider_unavailable' }
    : classify(readRefusal, answer)
  if (verdict.kind === 'reauth')
    return { granted: false, reason: verdict.reason, providerCode: verdict.providerCode }
  if (verdict.kind === 'operator') count('OperatorFaults', { provider })
  throw verdictError(verdict, answer.status)
}

function unavailable(error: unknown): ServiceError {
  const context = error instanceof ServiceError ? error.context : {}
  return new ServiceError('provider_unavailable', 'The provider’s sign-in service cannot be reached.', {
    retry: { retryable: true },
    context,
    cause: error,
  })
}
