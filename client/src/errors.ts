import { errorCodes } from './generated.ts'
import type { ClientErrorCode, Document, ErrorCode, Problem } from './generated.ts'

export interface DrivewayErrorDetails {
  readonly status?: number
  readonly requestId?: string
  readonly retryAfterSeconds?: number
  readonly connectionId?: string
  readonly links?: Readonly<Record<string, string>>
  /** The document as it stands, when an upload ended without being stored. */
  readonly document?: Document
  readonly cause?: unknown
}

/** The one error of this client beside the abort reason of a signal. Act on `code`, show `detail`. */
export class DrivewayError extends Error {
  override readonly name = 'DrivewayError'
  readonly code: ErrorCode | ClientErrorCode
  readonly detail: string
  readonly status: number | undefined
  readonly requestId: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly connectionId: string | undefined
  readonly links: Readonly<Record<string, string>>
  readonly document: Document | undefined

  constructor(code: ErrorCode | ClientErrorCode, detail: string, details: DrivewayErrorDetails = {}) {
    super(`${code}: ${detail}`, details.cause === undefined ? {} : { cause: details.cause })
    this.code = code
    this.detail = detail
    this.status = details.status
    this.requestId = details.requestId
    this.retryAfterSeconds = details.retryAfterSeconds
    this.connectionId = details.connectionId
    this.links = details.links ?? {}
    this.document = details.document
  }
}

/** A DrivewayError of one of these codes, with what comes along with them. */
export type CodedError<Code extends ErrorCode | ClientErrorCode> = DrivewayError & {
  readonly code: Code
} & (Code extends 'connection_requires_reauth' ? { readonly connectionId: string } : unknown)

/**
 * True for a DrivewayError with one of `codes` (any when none is given), also of this package's other half:
 * a program may import one and require the other.
 */
export function isDrivewayError<Code extends ErrorCode | ClientErrorCode>(
  error: unknown,
  ...codes: Code[]
): error is CodedError<Code> {
  return isOne(error) && (codes.length === 0 || codes.some((code) => code === error.code))
}

function isOne(error: unknown): error is DrivewayError {
  return error instanceof DrivewayError || (error instanceof Error && error.name === 'DrivewayError')
}

export interface HeaderSource {
  get(name: string): string | null
}

/** An answer that is no success, as an error; also one that a proxy in between wrote. */
export function answerError(status: number, headers: HeaderSource, body: string): DrivewayError {
  const problem = parseProblem(body)
  const retryAfter = retryAfterSeconds(headers.get('retry-after'))
  const requestId = problem?.requestId ?? headers.get('x-request-id')
  const details: DrivewayErrorDetails = {
    status,
    ...(requestId !== null && { requestId }),
    ...(retryAfter !== undefined && { retryAfterSeconds: retryAfter }),
    ...(problem?.connectionId !== undefined && { connectionId: problem.connectionId }),
    ...(problem?.links !== undefined && { links: problem.links }),
  }
  if (problem !== undefined) return new DrivewayError(problem.code, problem.detail, details)
  if (status === 401) return new DrivewayError('unauthorized', 'The token was refused.', details)
  if (status === 413) return new DrivewayError('payload_too_large', 'The body is too large.', details)
  return new DrivewayError('unexpected_answer', `The server answered ${status}.`, details)
}

/**
 * Seconds from a Retry-After header, which holds seconds or a date.
 * https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
function retryAfterSeconds(text: string | null): number | undefined {
  if (text === null) return undefined
  if (/^\d+$/.test(text.trim())) return Number(text)
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - Date.now()) / 1000))
}

function parseProblem(text: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isProblem(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isProblem(value: unknown): value is Problem {
  if (typeof value !== 'object' || value === null) return false
  if (!('code' in value) || !('detail' in value) || typeof value.detail !== 'string') return false
  return errorCodes.some((code) => code === value.code)
}
