import type { ErrorCode, ErrorContext, ReauthReason } from '../errors.ts'
import { CloudConnectionError, ServiceError } from '../errors.ts'

/** What a provider's answer means here. */
export interface Meaning {
  readonly code: ErrorCode
  readonly detail: string
  readonly retryable?: boolean
  readonly operatorFault?: boolean
  /** Its user has to act and to connect anew. */
  readonly reauth?: ReauthReason
  /** A pause that is sensible although the answer asks for none. */
  readonly afterSeconds?: number
}

/** How often it is asked whether somebody has mended what keeps a connection from working, seconds. */
const mendedAfterSeconds = 60

/** This deployment's own fault, whoever's connection it is. */
export const operators = (detail: string): Meaning => ({
  code: 'operator_attention',
  detail,
  operatorFault: true,
  afterSeconds: mendedAfterSeconds,
})

/** What is the account's, and passes once its owner has acted at the provider. */
export const reauth = (reason: ReauthReason): Meaning => ({
  code: 'connection_requires_reauth',
  detail: '',
  reauth: reason,
})

/** The meanings that every drive's table of errors uses, with the drive's name in their sentences. */
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
    // A token that was refused, and so was the one that was fetched after it.
    distrusted: {
      code: 'provider_unavailable',
      detail: `${drive} does not take a token that it has just given. Try again later.`,
      retryable: true,
      afterSeconds: 30,
    },
    crowded: {
      code: 'provider_quota_exceeded',
      detail: `The ${place} holds as many files as it may, whatever their size. Ask the user to remove some.`,
    },
    harmful: {
      code: 'provider_error',
      detail: `${drive} does not give out the file: it looks harmful. Its owner can get it at ${drive} itself.`,
    },
    barred: {
      code: 'operator_attention',
      detail: `The organisation of the account does not let this app into its ${drive}. Its administrator has to allow it.`,
      afterSeconds: mendedAfterSeconds,
    },
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
  const { context } = found
  if (meaning.reauth !== undefined)
    return new CloudConnectionError(context.connectionId ?? '', meaning.reauth, { context })
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
      ...context,
      ...(meaning.operatorFault ? { operatorFault: true } : {}),
      ...(afterSeconds === undefined ? {} : { retryAfterSeconds: afterSeconds }),
    },
  })
}
