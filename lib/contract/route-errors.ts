import type { ErrorCode } from '../errors.ts'

/** What every user route can answer; the last two also when the gateway throttles or time runs out. */
export const alwaysErrors: readonly ErrorCode[] = [
  'invalid_request',
  'unauthorized',
  'internal_error',
  'provider_throttled',
  'provider_unavailable',
]

/** What every route that calls a provider can answer besides. */
export const providerErrors: readonly ErrorCode[] = [
  'connection_not_found',
  'connection_requires_reauth',
  'provider_error',
  'provider_not_configured',
]
