import type { ConnectionId } from '../../ids.ts'
import type { ServiceError } from '../../errors.ts'
import { CloudConnectionError } from '../../errors.ts'
import type { FailedAnswer } from '../../net/provider-http.ts'
import { parseJson } from '../../net/provider-http.ts'
import { meaningsFor, meant, type Meaning } from '../meanings.ts'
import { about } from './about.ts'
import { errorSchema } from './wire.ts'

const { throttled, full, down, missing, refused } = meaningsFor(about.name)
const taken: Meaning = { code: 'provider_error', detail: 'Another file has this id already.' }
const misconfigured: Meaning = {
  code: 'provider_error',
  detail: 'The Google Cloud project of this deployment does not allow the request.',
  operatorFault: true,
}

/**
 * The reason decides, then the status: 403 alone may be a rate limit, a full drive or a missing permission.
 * https://developers.google.com/workspace/drive/api/guides/handle-errors
 */
const byReason: Readonly<Record<string, Meaning>> = {
  rateLimitExceeded: throttled,
  userRateLimitExceeded: throttled,
  sharingRateLimitExceeded: throttled,
  downloadQuotaExceeded: { ...throttled, retryable: false },
  // A cap that the owner of the project has set; it ends with the day.
  dailyLimitExceeded: { ...throttled, retryable: false, operatorFault: true },
  storageQuotaExceeded: full,
  teamDriveFileLimitExceeded: full,
  activeItemCreationLimitExceeded: full,
  notFound: missing,
  fileIdInUse: taken,
  accessNotConfigured: misconfigured,
  SERVICE_DISABLED: misconfigured,
  backendError: down,
  internalError: down,
}

function byStatus(status: number): Meaning {
  if (status === 404) return missing
  if (status === 409) return taken
  if (status === 429) return throttled
  if (status === 408 || status >= 500) return down
  return refused
}

/**
 * What Drive said, as this project's error. Its text goes no further; its reason stands in
 * `context.providerCode`.
 */
export function driveError(connectionId: ConnectionId, answer: FailedAnswer): ServiceError {
  const reason = reasonOf(answer)
  const context = {
    connectionId,
    providerStatus: answer.status,
    ...(reason === undefined ? {} : { providerCode: reason }),
  }
  if (reason === 'insufficientPermissions' || reason === 'ACCESS_TOKEN_SCOPE_INSUFFICIENT') {
    return new CloudConnectionError(connectionId, 'scope_missing', { context })
  }
  const meaning = (reason === undefined ? undefined : byReason[reason]) ?? byStatus(answer.status)
  return meant(meaning, {
    context,
    // A 5xx may stand in front of work that was done all the same.
    ambiguous: answer.status >= 500 && answer.method !== 'GET',
    afterSeconds: answer.retryAfterSeconds,
  })
}

/** `errors[0].reason`, when it is a plain word: it goes into logs. */
function reasonOf(answer: FailedAnswer): string | undefined {
  const parsed = errorSchema.safeParse(parseJson(answer.text))
  const reason = parsed.success ? parsed.data.error.errors?.[0]?.reason : undefined
  return reason !== undefined && /^\w{1,64}$/.test(reason) ? reason : undefined
}
