import type { ClientErrorCode, Connection, Document, ErrorCode } from '../../client/src/browser.ts'
import { isDrivewayError } from '../../client/src/browser.ts'
import { wordsForReason } from '../../lib/contract/reasons.ts'

/** What the console says, in one place. */

export const connectionStatus: Readonly<Record<Connection['status'], string>> = {
  active: 'Connected',
  pending: 'Not finished',
  requires_reauth: 'Reconnect needed',
  disconnected: 'Disconnected',
}

export const documentStatus: Readonly<Record<Document['status'], string>> = {
  receiving: 'Waiting for the file',
  uploading: 'On its way',
  stored: 'Stored',
  parked: 'Waiting for reconnect',
  failed: 'Failed',
}

type Verdict = NonNullable<Document['checksum']>['verdict']
export const verdicts: Readonly<Record<Verdict, { readonly short: string; readonly long: string }>> = {
  verified: {
    short: 'verified',
    long: 'The drive’s own checksum equals the one of what was sent: every bit is there.',
  },
  provider_transformed: {
    short: 'rewritten by the drive',
    long: 'The drive rewrites files of this kind when it stores them, so its checksum differs. This is expected.',
  },
  unverified: {
    short: 'not verified',
    long: 'The drive gives no checksum of this document, or not yet. Its size is right.',
  },
  mismatch: {
    short: 'checksum differs',
    long: 'The drive holds something else than what was sent. Upload the document again.',
  },
}

export interface Advice {
  /** What happened. */
  readonly title: string
  /** What the reader does next. */
  readonly next: string
}

const advice: Readonly<Record<ErrorCode | ClientErrorCode, Advice>> = {
  invalid_request: { title: 'That was not accepted', next: 'The details below say what does not fit.' },
  connection_required: { title: 'Which drive?', next: 'Choose the drive to store in, then try again.' },
  unauthorized: { title: 'You are signed out', next: 'Sign in again to go on.' },
  not_found: { title: 'There is nothing of that kind', next: 'It may have been removed meanwhile.' },
  forbidden: { title: 'You may not do this', next: 'Sign in with an account that may.' },
  connection_not_found: {
    title: 'This drive is no longer connected',
    next: 'It may have been removed in another window. Connect it again under Drives.',
  },
  document_not_found: {
    title: 'This document is no longer here',
    next: 'It may have been deleted in another window.',
  },
  object_missing: {
    title: 'The file is gone from the drive',
    next: 'Somebody removed it there. Look in the drive’s bin, or upload it again.',
  },
  upload_not_found: {
    title: 'This upload has ended',
    next: 'It was finished, replaced or cancelled, maybe in another window. Upload the file again if it is not listed.',
  },
  upload_incomplete: {
    title: 'Some of the file has not arrived',
    next: 'Try again: only what is missing is sent.',
  },
  method_not_allowed: {
    title: 'That is not possible here',
    next: 'This page may be older than the server. Reload it, then try again.',
  },
  connection_requires_reauth: {
    title: 'The drive no longer lets us in',
    next: 'Reconnect it under Drives. Documents that wait for it are then stored by themselves.',
  },
  account_mismatch: {
    title: 'That was another account',
    next: 'Reconnect with the account that this drive was connected with, or connect the other one as a new drive.',
  },
  document_not_stored: {
    title: 'The document is not in the drive yet',
    next: 'Try again when its status says Stored.',
  },
  document_busy: {
    title: 'The document is being written',
    next: 'Try again in a few seconds.',
  },
  precondition_failed: {
    title: 'A document of this name exists',
    next: 'Rename the file, or delete the other document first.',
  },
  payload_too_large: { title: 'The file is too large', next: 'One document may have up to 5 GB.' },
  unsupported_media_type: {
    title: 'The file did not arrive as a file',
    next: 'Upload it again. If it stays, tell your support the number below.',
  },
  range_not_satisfiable: {
    title: 'The document has become shorter',
    next: 'It was replaced meanwhile. Download it again.',
  },
  digest_mismatch: {
    title: 'The file changed on its way',
    next: 'Nothing was kept. Upload it again; close programs that are still writing to it.',
  },
  provider_throttled: {
    title: 'The drive asks for a pause',
    next: 'It takes only so many requests at a time. Try again in a minute.',
  },
  rate_limited: {
    title: 'A limit is reached',
    next: 'Disconnect a drive that you do not use any more, then try again.',
  },
  presigned_url_not_supported: {
    title: 'This drive has no direct links',
    next: 'Download the document instead.',
  },
  provider_error: {
    title: 'The drive answered something unexpected',
    next: 'Try again. If it stays, tell your support the number below.',
  },
  provider_unavailable: {
    title: 'The drive cannot be reached',
    next: 'This is usually over within minutes. Try again later.',
  },
  provider_not_configured: {
    title: 'This drive is not available here',
    next: 'Choose another one, or ask whoever runs this deployment to set it up.',
  },
  operator_attention: {
    title: 'The drive does not let this app in',
    next: 'Whoever runs this deployment has to act, or your organisation’s administrator. What you have sent waits meanwhile.',
  },
  provider_quota_exceeded: {
    title: 'The drive is full',
    next: 'Free some space there (its bin counts too), then try again.',
  },
  internal_error: {
    title: 'Something went wrong on our side',
    next: 'Try again. If it stays, tell your support the number below.',
  },
  network_error: {
    title: 'The connection broke',
    next: 'Check that you are online, then try again.',
  },
  unexpected_answer: {
    title: 'The answer made no sense',
    next: 'Something between you and the server is in the way. Try again in a moment.',
  },
  download_changed: {
    title: 'The document was replaced during the download',
    next: 'Download it again to get the new one.',
  },
  stalled: {
    title: 'The drive makes no progress',
    next: 'The file has arrived with us and will be stored when the drive takes it. You need not wait here.',
  },
}

export function adviceOn(code: ErrorCode | ClientErrorCode): Advice {
  return advice[code]
}

/** Any error, in words for the person in front of it. */
export function adviceFor(error: unknown): Advice {
  return isDrivewayError(error) ? advice[error.code] : advice.internal_error
}

const refusals: Readonly<Record<string, string>> = {
  access_denied: 'Access was not granted, so nothing has changed.',
  interaction_required: 'The account needs attention first: sign in to it directly, then connect again.',
  temporarily_unavailable: 'Its sign-in is down at the moment. Try again in a few minutes.',
}

/** Why a drive's consent page sent the browser back without consent. */
export function refusalWords(error: string): string {
  return refusals[error] ?? 'Its sign-in did not succeed. Try again.'
}

/** Why a drive does not answer, and what to do; undefined when nobody knows. */
export function illnessWords(reason: string | undefined): string | undefined {
  const words = wordsForReason(reason)
  if (words !== undefined) return `${words.why} ${words.next}`
  return isAdvised(reason) ? `${advice[reason].title}.` : undefined
}

function isAdvised(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(advice, code)
}
