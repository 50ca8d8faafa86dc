import * as z from 'zod/mini'
import type { OAuthProviderId } from '../providers/registry.ts'
import type { ReauthReason } from '../errors.ts'
import { ServiceError } from '../errors.ts'
import { parseJson } from '../net/provider-http.ts'

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

/** A token endpoint's answer that was not a success. */
export interface Refusal {
  readonly status: number
  readonly text: string
  readonly retryAfterSeconds?: number
}

const shortCode = z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,64}$/))

/** RFC 6749 5.2 with Google's `error_subtype` and Microsoft's `error_codes` and `suberror`; descriptions are text for people. */
const errorBody = z.object({ error: shortCode })
// What refines `error` is taken where it has the right shape, and left out where it has not.
const refinements = {
  subtype: z.object({ error_subtype: shortCode }),
  suberror: z.object({ suberror: shortCode }),
  codes: z.object({ error_codes: z.array(z.int()) }),
  description: z.object({ error_description: z.string() }),
}

interface ErrorBody {
  readonly error: string
  readonly subtype?: string | undefined
  readonly suberror?: string | undefined
  readonly number?: number | undefined
}

function parseError(text: string): ErrorBody | undefined {
  const value = parseJson(text)
  const parsed = errorBody.safeParse(value)
  if (!parsed.success) return undefined
  const description = refinements.description.safeParse(value).data?.error_description
  return {
    error: parsed.data.error,
    subtype: refinements.subtype.safeParse(value).data?.error_subtype,
    suberror: refinements.suberror.safeParse(value).data?.suberror,
    number: refinements.codes.safeParse(value).data?.error_codes[0] ?? numberIn(description),
  }
}

const transient: ReadonlySet<string> = new Set([
  'temporarily_unavailable',
  'server_error',
  'internal_failure',
  'backend_error',
])
const throttled: ReadonlySet<string> = new Set(['rate_limit_exceeded', 'slow_down', 'quota_exceeded'])
const clientErrors: ReadonlySet<string> = new Set([
  'invalid_client',
  'unauthorized_client',
  'deleted_client',
  'disabled_client',
])

/**
 * Reads a refusal by its codes, never by its text. Only what a provider says about the grant in so many words is a dead grant;
 * an answer that is not the token endpoint's own (a proxy's HTML page, whatever its status) is an outage.
 * https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export function classify(provider: OAuthProviderId, refusal: Refusal): Verdict {
  const after = refusal.retryAfterSeconds === undefined ? {} : { afterSeconds: refusal.retryAfterSeconds }
  if (refusal.status === 429) return { kind: 'retry', code: 'provider_throttled', ...after }
  const body = parseError(refusal.text)
  if (refusal.status >= 500 || refusal.status === 408 || body === undefined) {
    return { kind: 'retry', code: 'provider_unavailable', ...after }
  }
  const { error } = body
  if (transient.has(error))
    return { kind: 'retry', code: 'provider_unavailable', ...after, providerCode: error }
  if (throttled.has(error))
    return { kind: 'retry', code: 'provider_throttled', ...after, providerCode: error }
  if (clientErrors.has(error)) return { kind: 'operator', providerCode: error, client: true }
  return provider === 'google-drive' ? google(body) : microsoft(body, after)
}

/** https://developers.google.com/identity/protocols/oauth2/web-server#errors */
function google(body: ErrorBody): Verdict {
  switch (body.error) {
    case 'invalid_grant':
      // `invalid_rapt`: a Workspace session-control policy wants the user to sign in again.
      return body.subtype === 'invalid_rapt'
        ? { kind: 'reauth', reason: 'interaction_required', providerCode: 'invalid_rapt' }
        : { kind: 'reauth', reason: 'grant_revoked', providerCode: body.error }
    case 'admin_policy_enforced':
    case 'access_denied':
      return { kind: 'reauth', reason: 'policy_blocked', providerCode: body.error }
    default:
      return { kind: 'operator', providerCode: body.error, client: false }
  }
}

/** Reasons by AADSTS number. The numbers are not promised to be stable, so they refine an answer and never decide it alone. */
const reasonByNumber: ReadonlyMap<number, ReauthReason> = new Map([
  ...[50173, 70000, 50132, 50133].map((code) => [code, 'grant_revoked'] as const),
  ...[70008, 700082, 700084, 70043].map((code) => [code, 'grant_expired'] as const),
  ...[65001, 65004, 90094].map((code) => [code, 'consent_required'] as const),
  ...[50074, 50076, 50078, 50079, 50072, 50055, 50126].map((code) => [code, 'interaction_required'] as const),
  ...[53000, 53001, 53002, 53003, 50105, 530032].map((code) => [code, 'policy_blocked'] as const),
  ...[50034, 50057, 50053].map((code) => [code, 'account_disabled'] as const),
])

const reasonBySubError: ReadonlyMap<string, ReauthReason> = new Map([
  ['bad_token', 'grant_revoked'],
  ['consent_required', 'consent_required'],
  ['basic_action', 'interaction_required'],
  ['additional_action', 'interaction_required'],
  ['user_password_expired', 'interaction_required'],
  ['message_only', 'policy_blocked'],
])

const grantErrors: ReadonlyMap<string, ReauthReason> = new Map([
  ['invalid_grant', 'grant_revoked'],
  ['interaction_required', 'interaction_required'],
  ['login_required', 'interaction_required'],
  ['consent_required', 'consent_required'],
  ['access_denied', 'policy_blocked'],
  // Seen as a code of its own and as a suberror.
  ['bad_token', 'grant_revoked'],
])

/** A client that asks in a loop is told so and has to pause; it says nothing about the grant. */
const loopDetected = 50196
const transientNumbers: ReadonlySet<number> = new Set([90024, 90033, 90055])

/** https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes */
function microsoft(body: ErrorBody, after: { readonly afterSeconds?: number }): Verdict {
  const { number } = body
  const providerCode = number === undefined ? body.error : `AADSTS${number}`
  if (number === loopDetected)
    return { kind: 'retry', code: 'provider_throttled', afterSeconds: 60, ...after, providerCode }
  if (number !== undefined && transientNumbers.has(number))
    return { kind: 'retry', code: 'provider_unavailable', ...after, providerCode }
  const general = grantErrors.get(body.error)
  if (general === undefined) return { kind: 'operator', providerCode, client: false }
  const precise = number === undefined ? undefined : reasonByNumber.get(number)
  const bySubError = body.suberror === undefined ? undefined : reasonBySubError.get(body.suberror)
  return { kind: 'reauth', reason: precise ?? bySubError ?? general, providerCode }
}

function numberIn(description: string | undefined): number | undefined {
  const digits = /^AADSTS(\d{4,8}):/.exec(description ?? '')?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/**
 * The error for a verdict that is not about the grant. Never ambiguous: nothing of the user's was touched, and a repeat is safe.
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
