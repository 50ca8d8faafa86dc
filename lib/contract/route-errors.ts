import type { ErrorCode } from '../errors.ts'

/** What every user route can answer. */
export const alwaysErrors: readonly ErrorCode[] = ['invalid_request', 'unauthorized', 'internal_error']

/** What every route that calls a provider can answer besides. */
export const providerErrors: readonly ErrorCode[] = [
  'connection_not_found',
  'connection_requires_reauth',
  'provider_throttled',
  'provider_error',
  'provider_unavailable',
  'provider_not_configured',
]
