import { graphError } from '../graph/errors.ts'
import type { AccountKind, UploadSession } from '../drive/records.ts'

/**
 * Every fragment but the last is a multiple of this long.
 * https://learn.microsoft.com/graph/api/driveitem-createuploadsession
 */
export const FRAGMENT_UNIT = 327_680
/** A fragment must stay under this. */
export const FRAGMENT_LIMIT = 62_914_560

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/**
 * How long a session lives after it was last used: https://github.com/OneDrive/onedrive-api-docs/issues/1260
 */
const IDLE: Record<AccountKind, number> = { personal: 7 * DAY, business: 15 * MINUTE }

/** When a work account's upload URL ends, whatever the session's own expiration says; 0 for no such end. */
export function credentialEnd(kind: AccountKind, createdAt: number): number {
  return kind === 'business' ? createdAt + DAY : 0
}

/** The expiration after use at `now`: it slides, and for work accounts stops at 24 hours. */
export function nextExpiry(kind: AccountKind, createdAt: number, now: number): number {
  const sliding = now + IDLE[kind]
  return kind === 'business' ? Math.min(sliding, createdAt + DAY) : sliding
}

export interface ByteRange {
  start: number
  /** the last byte, included */
  end: number
  total: number
}

const invalid = (message: string, inner?: string) => graphError(400, 'invalidRequest', message, inner)
const range = (message: string, inner: string) => graphError(416, 'invalidRange', message, inner)

/** Reads `bytes a-b/total`; anything else, an unknown total included, is 400. */
export function parseContentRange(header: string | null): ByteRange {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/u.exec(header?.trim() ?? '')
  if (match === null) throw invalid('The Content-Range header is missing or malformed.')
  const found = { start: Number(match[1]), end: Number(match[2]), total: Number(match[3]) }
  if (found.total === 0) throw invalid('A zero-byte file cannot be uploaded with an upload session.')
  if (found.end < found.start || found.end >= found.total) {
    throw invalid('The byte range does not fit the total.', 'fragmentLengthMismatch')
  }
  return found
}

/**
 * Throws what the service answers when a fragment may not be
 * written now; the order is that of the checks there.
 */
export function assertFragment(
  session: Pick<UploadSession, 'received' | 'total'>,
  fragment: ByteRange,
  contentLength: number,
): void {
  const length = fragment.end - fragment.start + 1
  if (length !== contentLength) {
    throw invalid('The Content-Length does not match the byte range.', 'fragmentLengthMismatch')
  }
  if (session.total !== null && session.total !== fragment.total) {
    throw invalid('The total size must not change between fragments.', 'fragmentLengthMismatch')
  }
  if (length >= FRAGMENT_LIMIT) {
    throw invalid('The fragment is larger than the maximum allowed.', 'maxFragmentLengthExceeded')
  }
  if (fragment.start < session.received) {
    throw range('Uploaded fragment overlaps with existing data.', 'fragmentOverlap')
  }
  if (fragment.start > session.received) {
    throw range('Uploaded fragment is out of order.', 'fragmentOutOfOrder')
  }
  if (fragment.end + 1 < fragment.total && length % FRAGMENT_UNIT !== 0) {
    throw invalid('Every fragment but the last must be a multiple of 320 KiB (327,680 bytes).')
  }
}

/** What is to come next, as clients read it; empty when everything is here and only the commit is missing. */
export function nextExpectedRanges(session: Pick<UploadSession, 'received' | 'total'>): string[] {
  return session.received === session.total ? [] : [`${session.received}-`]
}

/** The body of a session, a fragment's 202 and a status query. */
export function sessionStatus(session: UploadSession): Record<string, unknown> {
  return {
    expirationDateTime: new Date(session.expiresAt).toISOString(),
    nextExpectedRanges: nextExpectedRanges(session),
  }
}
