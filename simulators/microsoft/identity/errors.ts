import { randomUUID } from 'node:crypto'
import { AADSTS } from './aadsts.ts'

/** An answer in the identity platform's error shape. */
export class IdentityFailure extends Error {
  readonly status: number
  readonly error: string
  readonly code: number
  readonly suberror: string | undefined

  constructor(status: number, error: string, code: number, message: string, suberror?: string) {
    super(message)
    this.status = status
    this.error = error
    this.code = code
    this.suberror = suberror
  }
}

/** The failure of that code; `message` replaces the usual text. */
export function identityError(code: number, message?: string): IdentityFailure {
  const known = AADSTS[code] ?? {
    status: 400,
    error: 'invalid_request',
    message: 'The request is not valid.',
  }
  return new IdentityFailure(known.status, known.error, code, message ?? known.message, known.suberror)
}

const BY_STATUS: Record<number, number> = { 400: 70008, 401: 7000215, 429: 90055, 503: 90033 }
const BY_ERROR: Record<string, number> = {
  invalid_grant: 70008,
  invalid_client: 7000215,
  invalid_scope: 70011,
  interaction_required: 50076,
  consent_required: 65001,
  unauthorized_client: 700016,
  temporarily_unavailable: 90033,
}

/**
 * What the token endpoint would say for a status; `reason` may be a
 * code (`50173`, `AADSTS50173`) or an `error` value.
 */
export function knownIdentityFailure(status: number, reason?: string): IdentityFailure {
  const code = Number(/^(?:AADSTS)?(\d{4,8})$/u.exec(reason ?? '')?.[1] ?? Number.NaN)
  const known = identityError(
    Number.isNaN(code) ? (BY_ERROR[reason ?? ''] ?? BY_STATUS[status] ?? 50000) : code,
  )
  const unnamed = status >= 500 ? 'server_error' : 'invalid_request'
  const error =
    Number.isNaN(code) && reason !== undefined ? reason : known.code === 50000 ? unnamed : known.error
  return new IdentityFailure(status, error, known.code, known.message, known.suberror)
}

/** `AADSTS70008: ...` with the trace lines, separated by CRLF as the service does. */
export function describe(failure: IdentityFailure, now: number, trace: string, correlation: string): string {
  return [
    `AADSTS${failure.code}: ${failure.message}`,
    `Trace ID: ${trace}`,
    `Correlation ID: ${correlation}`,
    `Timestamp: ${stamp(now)}`,
  ].join('\r\n')
}

export interface IdentityAnswer {
  status: number
  body: Record<string, unknown>
  headers: Record<string, string>
}

/**
 * The whole error answer of the token endpoint.
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
export function identityAnswer(
  failure: IdentityFailure,
  now: number,
  correlation: string = randomUUID(),
): IdentityAnswer {
  const trace = randomUUID()
  return {
    status: failure.status,
    body: {
      error: failure.error,
      error_description: describe(failure, now, trace, correlation),
      error_codes: [failure.code],
      timestamp: stamp(now),
      trace_id: trace,
      correlation_id: correlation,
      error_uri: `https://login.microsoftonline.com/error?code=${failure.code}`,
      ...(failure.suberror === undefined ? {} : { suberror: failure.suberror }),
    },
    headers: { ...tokenHeaders(trace), 'x-ms-clitelem': `1,${failure.code},0,,` },
  }
}

/** The headers of every token answer. */
export function tokenHeaders(trace: string = randomUUID()): Record<string, string> {
  return {
    'cache-control': 'no-store, no-cache',
    pragma: 'no-cache',
    'x-ms-request-id': trace,
    'x-ms-ests-server': '2.1.99999.1 - SIM',
  }
}

function stamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')}Z`
}
