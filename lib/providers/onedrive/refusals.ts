import * as z from 'zod/mini'
import type { ReauthReason } from '../../errors.ts'
import type { RefusalBody, Verdict } from '../../grants/oauth2.ts'
import { shortCode } from '../../grants/oauth2.ts'

// What refines `error` is taken where it has the right shape, and left out where it has not.
const withCodes = z.object({ error_codes: z.array(z.int()) })
const withSubError = z.object({ suberror: shortCode })
const withDescription = z.object({ error_description: z.string() })

/**
 * Reasons by AADSTS number. The numbers are not promised to be stable, so they refine an answer and never
 * decide it alone.
 */
const reasonByNumber: ReadonlyMap<number, ReauthReason> = new Map([
  ...[50173, 70000, 50132, 50133].map((code) => [code, 'grant_revoked'] as const),
  ...[70008, 700082, 700084, 70043].map((code) => [code, 'grant_expired'] as const),
  ...[65001, 65004, 90094].map((code) => [code, 'consent_required'] as const),
  ...[50074, 50076, 50078, 50079, 50072, 50055, 50126].map((code) => [code, 'interaction_required'] as const),
  ...[53000, 53001, 53002, 53003, 530003, 50105, 530032, 50020, 90072].map(
    (code) => [code, 'policy_blocked'] as const,
  ),
  ...[50034, 50057, 50053, 500341].map((code) => [code, 'account_disabled'] as const),
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
/** The directory has not (or no longer) got the app, is blocked, or is not there: one customer's doing. */
const tenantNumbers: ReadonlySet<number> = new Set([700016, 90002, 5000224, 5000225])

/** https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes */
export function readRefusal({ error, json }: RefusalBody): Verdict | undefined {
  const number = withCodes.safeParse(json).data?.error_codes[0] ?? numberInDescription(json)
  const providerCode = number === undefined ? error : `AADSTS${number}`
  if (number === loopDetected)
    return { kind: 'retry', code: 'provider_throttled', afterSeconds: 60, providerCode }
  if (number !== undefined && transientNumbers.has(number))
    return { kind: 'retry', code: 'provider_unavailable', providerCode }
  if (number !== undefined && tenantNumbers.has(number)) return { kind: 'tenant', providerCode }
  const general = grantErrors.get(error)
  if (general === undefined) return undefined
  const precise = number === undefined ? undefined : reasonByNumber.get(number)
  const bySubError = reasonBySubError.get(withSubError.safeParse(json).data?.suberror ?? '')
  return { kind: 'reauth', reason: precise ?? bySubError ?? general, providerCode }
}

/**
 * Where the list of codes is missing, the text begins with the number: the one place where a description is
 * looked at.
 */
function numberInDescription(json: unknown): number | undefined {
  const text = withDescription.safeParse(json).data?.error_description
  const digits = /^AADSTS(\d{4,8}):/.exec(text ?? '')?.[1]
  return digits === undefined ? undefined : Number(digits)
}
