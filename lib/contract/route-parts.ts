import type { ErrorCode } from '../errors.ts'
import { connectionPath, documentPath, none } from './schemas.ts'

/** A user's route that takes nothing; entries say what is otherwise. */
export const plain = {
  access: 'user',
  pathParameters: none,
  query: none,
  body: { kind: 'none' },
} as const

/** One about a document. */
export const ofDocument = { ...plain, pathParameters: documentPath } as const
/** One about a connection. */
export const ofConnection = { ...plain, pathParameters: connectionPath } as const

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
  'operator_attention',
]
