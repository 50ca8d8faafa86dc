import type { ErrorCode, ErrorContext } from '../errors.ts'
import { ServiceError } from '../errors.ts'

/** What a provider's answer means here. */
export interface Meaning {
  readonly code: ErrorCode
  readonly detail: string
  readonly retryable?: boolean
  readonly operatorFault?: boolean
  /** A pause that is sensible although the answer asks for none. */
  readonly afterSeconds?: number
}

/** The five meanings that every drive's table of errors uses, with the drive's name in their sentences. */
export function meaningsFor(drive: string, place = drive) {
  return {
    throttled: {
      code: 'provider_throttled',
      detail: `${drive} asks for fewer requests. Try again later.`,
      retryable: true,
    },
    full: {
      code: 'provider_quota_exceeded',
      detail: `The ${place} is full. Ask the user to free some space.`,
    },
    down: {
      code: 'provider_unavailable',
      detail: `${drive} has a problem at the moment.`,
      retryable: true,
    },
    missing: { code: 'object_missing', detail: `The file is no longer in the ${place}.` },
    refused: { code: 'provider_error', detail: `${drive} refused the request.` },
  } as const satisfies Readonly<Record<string, Meaning>>
}

/** The error that says so. `ambiguous`: the work may have been done all the same. */
export function meant(
  meaning: Meaning,
  found: {
    readonly context: ErrorContext
    readonly ambiguous: boolean
    /** The pause that the answer asks for. */
    readonly afterSeconds?: number | undefined
    readonly cause?: unknown
  },
): ServiceError {
  const afterSeconds = found.afterSeconds ?? meaning.afterSeconds
  return new ServiceError(meaning.code, meaning.detail, {
    cause: found.cause,
    retry: meaning.retryable
      ? {
          retryable: true,
          ambiguous: found.ambiguous,
          ...(afterSeconds === undefined ? {} : { afterSeconds }),
        }
      : { retryable: false },
    context: {
      ...found.context,
      ...(meaning.operatorFault ? { operatorFault: true } : {}),
      ...(afterSeconds === undefined ? {} : { retryAfterSeconds: afterSeconds }),
    },
  })
}
