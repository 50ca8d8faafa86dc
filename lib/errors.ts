/**
 * The closed set of error codes: the HTTP contract's table plus `internal_error` for what is our own fault.
 * A caller acts on the code, never on the text.
 */
export const errorCodes = [
  'invalid_request',
  'connection_required',
  'unauthorized',
  'forbidden',
  'not_found',
  'connection_not_found',
  'document_not_found',
  'object_missing',
  'upload_not_found',
  'method_not_allowed',
  'connection_requires_reauth',
  'account_mismatch',
  'document_not_stored',
  'document_busy',
  'upload_incomplete',
  'precondition_failed',
  'payload_too_large',
  'unsupported_media_type',
  'range_not_satisfiable',
  'digest_mismatch',
  'provider_throttled',
  'rate_limited',
  'presigned_url_not_supported',
  'provider_error',
  'provider_unavailable',
  'provider_not_configured',
  'operator_attention',
  'provider_quota_exceeded',
  'internal_error',
] as const

export type ErrorCode = (typeof errorCodes)[number]

/** Why a grant is dead, in words that a program can act on; shown as `connection.reason`. */
export const reauthReasons = [
  'grant_revoked',
  'grant_expired',
  'consent_required',
  'scope_missing',
  'interaction_required',
  'account_disabled',
  'policy_blocked',
  'refresh_token_missing',
] as const
export type ReauthReason = (typeof reauthReasons)[number]

/**
 * Retry advice, attached where a provider's answer is parsed and read by the one layer that retries.
 * `ambiguous`: the work may have been done although no answer came, so ask before repeating it.
 */
export type RetryAdvice =
  | { readonly retryable: false; readonly ambiguous?: boolean }
  | { readonly retryable: true; readonly afterSeconds?: number; readonly ambiguous?: boolean }

export const never: RetryAdvice = { retryable: false }

/** What an error may carry to the caller beside its code and sentence. Nothing here may hold a secret. */
export interface ErrorContext {
  readonly connectionId?: string
  readonly documentId?: string
  readonly links?: Readonly<Record<string, string>>
  readonly retryAfterSeconds?: number
  /** The most that there can be, of what was too large. */
  readonly limitBytes?: number
  /** The object's size in bytes, for the 416 answer’s `Content-Range` on 416. */
  readonly size?: number
  readonly reason?: ReauthReason
  /** The provider's own short error code (an enum value such as `storageQuotaExceeded`), never its text. */
  readonly providerCode?: string
  readonly providerStatus?: number
  /** The limit of this deployment that was met, and how much it allows. */
  readonly limit?: { readonly policy: string; readonly quota: number }
  /** It is the deployment's own fault (an expired client secret, a disabled API): alarms watch for it. */
  readonly operatorFault?: boolean
}

export interface ServiceErrorOptions {
  readonly retry?: RetryAdvice
  readonly context?: ErrorContext
  readonly cause?: unknown
}

/** The one error type that crosses modules. `detail` tells a person what is wrong and what to do. */
export class ServiceError extends Error {
  override readonly name: string = 'ServiceError'
  readonly code: ErrorCode
  readonly detail: string
  readonly retry: RetryAdvice
  readonly context: ErrorContext

  constructor(code: ErrorCode, detail: string, options: ServiceErrorOptions = {}) {
    super(`${code}: ${detail}`)
    this.code = code
    this.detail = detail
    this.retry = options.retry ?? never
    this.context = options.context ?? {}
    // Non-enumerable, so that a logger which walks an error never prints what a library put into its own.
    if (options.cause !== undefined)
      Object.defineProperty(this, 'cause', { value: options.cause, enumerable: false })
  }
}

/** What a refusal says to whoever called; the others were good once and are not any more. */
const refusals: Partial<Readonly<Record<ReauthReason, string>>> = {
  scope_missing:
    'Not everything was allowed that storing needs. Ask the user to reconnect, with every box ticked.',
  policy_blocked: 'The account’s organisation blocks the access. Its administrator has to allow this app.',
}

/** The one error for a grant that does not do: the user has to reconnect. */
export class CloudConnectionError extends ServiceError {
  override readonly name = 'CloudConnectionError'
  readonly reason: ReauthReason

  constructor(connectionId: string, reason: ReauthReason, options: ServiceErrorOptions = {}) {
    super(
      'connection_requires_reauth',
      refusals[reason] ??
        'The connection is no longer authorised at the provider. Ask the user to reconnect it.',
      {
        ...options,
        context: {
          ...options.context,
          connectionId,
          reason,
          links: { reauthorize: `/v1/connections/${connectionId}/reauthorize` },
        },
      },
    )
    this.reason = reason
  }
}

/** The provider has no equivalent of a port method; `useInstead` names the method that does the job. */
export class NotSupportedError extends ServiceError {
  override readonly name = 'NotSupportedError'
  readonly useInstead: 'getObject' | 'putObject'

  constructor(what: string, useInstead: 'getObject' | 'putObject') {
    super(
      'presigned_url_not_supported',
      `${what} is not available on this provider. Use ${useInstead} instead.`,
    )
    this.useInstead = useInstead
  }
}

/**
 * True for what neither the caller nor the user can mend, but this deployment's operator, or the
 * administrator of the account's organisation. Nothing is given up for it: it waits until it is mended.
 */
export function waitsForOperator({ code }: ServiceError): boolean {
  return code === 'operator_attention' || code === 'provider_not_configured'
}

/** True when `error` is a ServiceError with one of `codes` (any code when none is given). */
export function isServiceError(error: unknown, ...codes: ErrorCode[]): error is ServiceError {
  return error instanceof ServiceError && (codes.length === 0 || codes.includes(error.code))
}

/** For `catch`: what is not there (any more) is undefined, every other error goes up. */
export function unlessMissing(error: unknown): undefined {
  if (!isServiceError(error, 'object_missing')) throw error
}
