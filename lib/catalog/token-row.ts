import * as z from 'zod/mini'
import type { ErrorCode, ReauthReason } from '../errors.ts'
import { errorCodes, reauthReasons, ServiceError } from '../errors.ts'
import type { ConnectionId } from '../ids.ts'

/** A refresh that failed without proving anything about the grant: those who waited for it share its outcome. */
export interface RefreshFailure {
  /** The lease under which it happened. */
  readonly fence: number
  readonly code: ErrorCode
  readonly operatorFault?: boolean
  /** Epoch milliseconds before which the provider asked not to be called again; 0 when it named no time. */
  readonly retryAt: number
}

/** The tokens of one connection and the lease of whoever refreshes them. Tokens are sealed; times are epoch milliseconds. */
export interface TokenRow {
  readonly connectionId: ConnectionId
  /** Grows with every lease: a write under an older one is refused. */
  readonly fence: number
  readonly leaseOwner?: string
  readonly leaseUntil?: number
  /** Grows with every new access token; 0 before the first. */
  readonly version: number
  readonly accessToken?: string
  readonly tokenExpiresAt?: number
  /** The newest refresh token, where the provider rotates them (Microsoft). */
  readonly refreshToken?: string
  readonly refreshIssuedAt?: number
  /** When a rotated refresh token last went into Secrets Manager. */
  readonly secretWrittenAt?: number
  /** There is no grant: it is proven dead, or the user has ended it. Nobody calls the provider until a reconnect writes its tokens here. */
  readonly dead?: ReauthReason | 'disconnected'
  readonly failure?: RefreshFailure
}

/** The attributes that a new token brings. */
export type TokenWrite = Required<Pick<TokenRow, 'version' | 'accessToken' | 'tokenExpiresAt'>> &
  Pick<TokenRow, 'refreshToken' | 'refreshIssuedAt' | 'secretWrittenAt'>

const rowSchema = z.object({
  connectionId: z.string(),
  fence: z._default(z.int(), 0),
  leaseOwner: z.optional(z.string()),
  leaseUntil: z.optional(z.int()),
  version: z._default(z.int(), 0),
  accessToken: z.optional(z.string()),
  tokenExpiresAt: z.optional(z.int()),
  refreshToken: z.optional(z.string()),
  refreshIssuedAt: z.optional(z.int()),
  secretWrittenAt: z.optional(z.int()),
  dead: z.optional(z.enum([...reauthReasons, 'disconnected'])),
  failure: z.optional(
    z.object({
      fence: z.int(),
      code: z.enum(errorCodes),
      operatorFault: z.optional(z.boolean()),
      retryAt: z.int(),
    }),
  ),
})

/** Narrows a stored item; `internal_error` when it is none of ours. */
export function parseTokenRow(item: unknown): TokenRow {
  const parsed = rowSchema.safeParse(item)
  // The key is a connection id of ours.
  if (parsed.success) return parsed.data as unknown as TokenRow
  throw new ServiceError('internal_error', 'A stored token row is malformed.')
}
