import type { ReauthReason } from '../errors.ts'
import type { Secret } from '../secret.ts'

/** An access token as callers hold it. `version` grows with every refresh of the connection. */
export interface AccessToken {
  readonly token: Secret
  readonly version: number
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

/** The tokens of one connection, as a backend's transport sees them. */
export interface TokenSource {
  /** A token that is good for at least 60 more seconds. CloudConnectionError when the grant is dead. */
  get(signal?: AbortSignal): Promise<AccessToken>
  /** After a 401: a token newer than `stale`, refreshed at most once whoever asks. */
  renew(stale: AccessToken, signal?: AbortSignal): Promise<AccessToken>
  /** The grant itself does not do, whatever the token: the connection says so from now on. */
  lost(reason: ReauthReason): Promise<void>
}
