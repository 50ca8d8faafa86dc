import type { ReauthReason } from '../errors.ts'

export interface ReasonWords {
  /** What has happened. */
  readonly why: string
  /** What lets the drive in again. */
  readonly next: string
}

/** Why a grant is dead, for its owner: read by the console, the command line and `docs/events.md`. */
export const reasonWords: Readonly<Record<ReauthReason, ReasonWords>> = {
  grant_revoked: {
    why: 'Access was taken back at the account, or its password was changed.',
    next: 'Reconnect the drive.',
  },
  grant_expired: {
    why: 'The permission has run out, as it does after a long time without use.',
    next: 'Reconnect the drive.',
  },
  consent_required: {
    why: 'The account has not agreed, or has to agree anew.',
    next: 'Reconnect the drive and agree on its page; an organisation may ask its administrator first.',
  },
  scope_missing: {
    why: 'Not everything was allowed that storing documents needs.',
    next: 'Reconnect the drive and leave every box on its page ticked.',
  },
  interaction_required: {
    why: 'The account wants you to sign in again.',
    next: 'Reconnect the drive.',
  },
  account_disabled: {
    why: 'The account is locked or closed.',
    next: 'Sign in to it at the drive itself first, then reconnect the drive.',
  },
  policy_blocked: {
    why: 'A rule of your organisation blocks the access.',
    next: 'Ask its administrator to allow this app, then reconnect the drive.',
  },
  refresh_token_missing: {
    why: 'The permission was not kept.',
    next: 'Reconnect the drive to renew it.',
  },
}

/** The words for a `reason` as the API answers it; undefined for one that is not of a dead grant. */
export function wordsForReason(reason: string | undefined): ReasonWords | undefined {
  return isReauthReason(reason) ? reasonWords[reason] : undefined
}

function isReauthReason(reason: string | undefined): reason is ReauthReason {
  return reason !== undefined && Object.hasOwn(reasonWords, reason)
}

/** Why a dropped object is no document, for who drops it: read by `docs/events.md`. */
export const rejectionWords = {
  key_not_in_scheme: 'The key is not made as above.',
  connection_unknown: 'The user has no such connection, or it was given up.',
  document_elsewhere: 'The document is stored through another connection.',
  name_taken: 'The document is stored with another extension.',
  content_encoded: 'It has a `Content-Encoding`, which no drive keeps.',
  name_invalid: 'Its metadata `name` is no name of 1 to 255 characters, percent-encoded.',
  archived: 'Its storage class cannot be read at once.',
} as const
export type RejectionReason = keyof typeof rejectionWords
