import * as z from 'zod/mini'
import type { OAuthClient, TokenOutcome, TokenSet } from '../catalog/grant.ts'
import type { Clock } from '../clock.ts'
import type { OAuthProviderId } from '../providers/registry.ts'
import { ServiceError } from '../errors.ts'
import type { Timeouts } from '../net/http-client.ts'
import { sendRequest } from '../net/http-client.ts'
import { parseJson, readText } from '../net/provider-http.ts'
import { retryAfterSeconds } from '../net/retry-after.ts'
import { secret } from '../secret.ts'
import { count } from '../telemetry/metrics.ts'
import type { Refusal } from './errors.ts'
import { classify, verdictError } from './errors.ts'
import type { ClientSource } from './provider.ts'

/** A whole answer of a token or revocation endpoint. Holds tokens: it stays in this folder. */
export interface EndpointAnswer extends Refusal {}

const answerBytes = 256 * 1024

/** Milliseconds; shorter than a refresh lease, so that a hanging endpoint does not outlive it. */
export const endpointTimeouts: Timeouts = { connect: 3_000, answer: 8_000, idle: 8_000 }

/** How calls to a provider's sign-in service are made. */
export interface CallSettings {
  readonly clock: Clock
  readonly timeouts?: Timeouts | undefined
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
 * POSTs a form and reads the answer whole. Rejects with `provider_unavailable`, worth another try, when none came: the advice
 * is never `ambiguous`, since asking a token endpoint twice does no harm and the caller's own work has not begun.
 */
export async function postForm(
  url: string,
  form: string,
  headers: Readonly<Record<string, string>>,
  { clock, timeouts = endpointTimeouts }: CallSettings,
): Promise<EndpointAnswer> {
  try {
    const response = await sendRequest({
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

/**
 * Asks the token endpoint once, and once more with a fresh OAuth client when the cached one is refused and has been replaced
 * since: an operator can rotate the secret with no failed request.
 */
export async function requestTokens(
  provider: OAuthProviderId,
  clientSource: ClientSource,
  requestedScopes: readonly string[],
  send: (client: OAuthClient) => Promise<EndpointAnswer>,
): Promise<TokenOutcome> {
  const client = await clientSource(false)
  const first = interpret(provider, await send(client), requestedScopes)
  if (!('verdict' in first)) return first
  if (!first.verdict.client) throw operatorFault(provider, first)
  const fresh = await clientSource(true)
  if (fresh.clientId === client.clientId && fresh.clientSecret.equals(client.clientSecret))
    throw operatorFault(provider, first)
  const second = interpret(provider, await send(fresh), requestedScopes)
  if ('verdict' in second) throw operatorFault(provider, second)
  return second
}

type OperatorVerdict = {
  readonly verdict: Extract<ReturnType<typeof classify>, { kind: 'operator' }>
  readonly status: number
}

function interpret(
  provider: OAuthProviderId,
  answer: EndpointAnswer,
  requestedScopes: readonly string[],
): TokenOutcome | OperatorVerdict {
  if (answer.status >= 200 && answer.status < 300) {
    const tokens = parseTokens(answer.text, requestedScopes)
    if (tokens !== undefined) return { granted: true, tokens }
    throw verdictError({ kind: 'retry', code: 'provider_unavailable' }, answer.status)
  }
  const verdict = classify(provider, answer)
  if (verdict.kind === 'reauth')
    return { granted: false, reason: verdict.reason, providerCode: verdict.providerCode }
  if (verdict.kind === 'operator') return { verdict, status: answer.status }
  throw verdictError(verdict, answer.status)
}

function operatorFault(provider: OAuthProviderId, { verdict, status }: OperatorVerdict): ServiceError {
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
