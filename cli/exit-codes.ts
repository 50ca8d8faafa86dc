import { isDrivewayError } from '../client/src/errors.ts'
import type { DrivewayError } from '../client/src/errors.ts'

/** One exit code for each kind of failure: scripts act on it. `driveway help` prints the table. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  signIn: 3,
  notFound: 4,
  userNeeded: 5,
  conflict: 6,
  provider: 7,
  driveFull: 8,
  integrity: 9,
  network: 10,
  notSupported: 11,
  interrupted: 130,
} as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

export const exitCodeWords: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'done',
  failure: 'something unexpected',
  usage: 'wrong arguments, or a value that the API refuses',
  signIn: 'not signed in, or the token was refused',
  notFound: 'no such document or connection, or its file was removed from the drive',
  userNeeded: 'a person has to act: connect, reconnect, or name a connection',
  conflict: 'the document exists, or is not stored yet',
  provider: 'the provider fails or throttles, or is not set up; try again later',
  driveFull: 'the drive is full',
  integrity: 'the bytes that arrived are not those that were sent',
  network: 'the API cannot be reached, or the connection broke',
  notSupported: 'the provider cannot do this',
  interrupted: 'interrupted',
}

/** A mistake in the command line itself. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A failure of the command line's own, with the exit code that it means. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: ExitCode
  constructor(exitCode: ExitCode, message: string) {
    super(message)
    this.exitCode = exitCode
  }
}

/** The exit code for whatever was thrown. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return exitCodes.usage
  if (error instanceof CommandError) return error.exitCode
  if (error instanceof Error && error.name === 'AbortError') return exitCodes.interrupted
  return isDrivewayError(error) ? apiExitCodes[error.code] : exitCodes.failure
}

const apiExitCodes: Readonly<Record<DrivewayError['code'], ExitCode>> = {
  invalid_request: exitCodes.usage,
  payload_too_large: exitCodes.usage,
  unsupported_media_type: exitCodes.usage,
  method_not_allowed: exitCodes.usage,
  range_not_satisfiable: exitCodes.usage,
  unauthorized: exitCodes.signIn,
  forbidden: exitCodes.signIn,
  not_found: exitCodes.notFound,
  connection_not_found: exitCodes.notFound,
  document_not_found: exitCodes.notFound,
  object_missing: exitCodes.notFound,
  upload_not_found: exitCodes.notFound,
  connection_required: exitCodes.userNeeded,
  connection_requires_reauth: exitCodes.userNeeded,
  account_mismatch: exitCodes.userNeeded,
  document_not_stored: exitCodes.conflict,
  document_busy: exitCodes.conflict,
  upload_incomplete: exitCodes.conflict,
  precondition_failed: exitCodes.conflict,
  provider_throttled: exitCodes.provider,
  rate_limited: exitCodes.conflict,
  provider_error: exitCodes.provider,
  provider_unavailable: exitCodes.provider,
  provider_not_configured: exitCodes.provider,
  operator_attention: exitCodes.provider,
  stalled: exitCodes.provider,
  provider_quota_exceeded: exitCodes.driveFull,
  digest_mismatch: exitCodes.integrity,
  download_changed: exitCodes.integrity,
  network_error: exitCodes.network,
  presigned_url_not_supported: exitCodes.notSupported,
  internal_error: exitCodes.failure,
  unexpected_answer: exitCodes.failure,
}
