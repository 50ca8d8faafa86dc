import type { ConnectionId } from '../../ids.ts'
import type { ServiceError } from '../../errors.ts'
import type { FailedAnswer } from '../../net/provider-http.ts'
import { parseJson } from '../../net/provider-http.ts'
import { meaningsFor, meant, operators, reauth, type Meaning } from '../meanings.ts'
import { about } from './about.ts'
import { errorSchema } from './wire.ts'

const { throttled, full, down, missing, refused, distrusted, crowded, harmful, barred } = meaningsFor(
  about.name,
)
const taken: Meaning = { code: 'provider_error', detail: 'Another file has this id already.' }
const misconfigured = operators(
  'The Google Cloud project of this deployment does not allow the request. Its operator has to act.',
)

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
  dailyLimitExceeded: operators(
    'The Google Cloud project of this deployment has used up its day’s requests.',
  ),
  // Where space is pooled it is the organisation's that is used up, whatever the account itself shows.
  storageQuotaExceeded: {
    ...full,
    detail:
      'The Google Drive is full, or the space of its organisation is. Ask the user to free some, or its administrator.',
  },
  teamDriveFileLimitExceeded: crowded,
  numChildrenInNonRootLimitExceeded: crowded,
  activeItemCreationLimitExceeded: crowded,
  // `abuse` in older answers. The owner alone may have such a file, once a person has confirmed it.
  cannotDownloadAbusiveFile: harmful,
  abuse: harmful,
  domainPolicy: barred,
  insufficientPermissions: reauth('scope_missing'),
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: reauth('scope_missing'),
  notFound: missing,
  fileIdInUse: taken,
  accessNotConfigured: misconfigured,
  SERVICE_DISABLED: misconfigured,
  backendError: down,
  internalError: down,
}

function byStatus({ status, text }: FailedAnswer): Meaning {
  if (status === 401) return distrusted
  if (status === 404) return missing
  if (status === 409) return taken
  if (status === 429) return throttled
  if (status === 408 || status >= 500) return down
  // Google's front end takes calls from shared addresses for a robot's now and then, and answers with a page.
  // https://github.com/googleapis/google-api-nodejs-client/issues/135
  return (status === 400 || status === 403) && parseJson(text) === undefined ? down : refused
}

/**
 * What Drive said, as this project's error. Its text goes no further; its reason stands in
 * `context.providerCode`.
 */
export function driveError(connectionId: ConnectionId, answer: FailedAnswer): ServiceError {
  const reasons = reasonsOf(answer)
  const known = reasons.find((reason) => byReason[reason] !== undefined)
  const providerCode = known ?? reasons[0]
  return meant((known === undefined ? undefined : byReason[known]) ?? byStatus(answer), {
    context: {
      connectionId,
      providerStatus: answer.status,
      ...(providerCode === undefined ? {} : { providerCode }),
    },
    // A 5xx may stand in front of work that was done all the same.
    ambiguous: answer.status >= 500 && answer.method !== 'GET',
    afterSeconds: answer.retryAfterSeconds,
  })
}

/**
 * The reasons of `errors`, and those of `details`, which newer answers have alone; only plain words: they go
 * into logs.
 */
function reasonsOf(answer: FailedAnswer): readonly string[] {
  const { errors = [], details = [] } = errorSchema.safeParse(parseJson(answer.text)).data?.error ?? {}
  return [...errors, ...details].flatMap(({ reason = '' }) => (/^\w{1,64}$/.test(reason) ? [reason] : []))
}
