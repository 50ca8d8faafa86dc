import type { ServiceError } from '../../errors.ts'
import type { ConnectionId } from '../../ids.ts'
import type { FailedAnswer } from '../../net/provider-http.ts'
import { parseJson } from '../../net/provider-http.ts'
import { meaningsFor, meant, reauth, type Meaning } from '../meanings.ts'
import { about } from './about.ts'
import { errorSchema } from './wire.ts'

const { throttled, full, down, missing, refused, distrusted, harmful, barred } = meaningsFor(about.name)
/**
 * A work account keeps the name for as long as an upload session is open: about 15 minutes after its last
 * fragment.
 */
const held: Meaning = {
  code: 'provider_unavailable',
  detail: 'Another upload to the same place is not finished yet. Try again later.',
  retryable: true,
  afterSeconds: 30,
}
const locked: Meaning = {
  code: 'provider_unavailable',
  detail: 'The file is open in another program. Try again later.',
  retryable: true,
  afterSeconds: 30,
}
const changed: Meaning = {
  code: 'provider_unavailable',
  detail: 'The file was changed by somebody else at the same moment.',
  retryable: true,
}
/** For the time being, as Microsoft has it: during a move, or while an administrator has locked the site. */
const readOnly: Meaning = {
  code: 'provider_unavailable',
  detail: 'The OneDrive takes no changes for the time being. Try again later.',
  retryable: true,
  afterSeconds: 30,
}
/** Minutes to a day after the licence. */
const notYet: Meaning = {
  code: 'provider_unavailable',
  detail: 'The account has no OneDrive yet. Microsoft makes it when it is opened for the first time.',
  retryable: true,
  afterSeconds: 30,
}

const byCode: Readonly<Record<string, Meaning>> = {
  activityLimitReached: throttled,
  throttledRequest: throttled,
  TooManyRequests: throttled,
  bandwidthLimitExceeded: throttled,
  quotaLimitReached: full,
  insufficientStorage: full,
  itemNotFound: missing,
  nameAlreadyExists: held,
  resourceLocked: locked,
  resourceModified: changed,
  entityTagDoesNotMatch: changed,
  malwareDetected: harmful,
  virusSuspicious: harmful,
  serviceReadOnly: readOnly,
  siteReadOnly: readOnly,
  // https://learn.microsoft.com/graph/errors
  accountSuspended: reauth('account_disabled'),
  accountUpgradeRequired: reauth('account_disabled'),
  provisioningNotAllowed: barred,
  // The token lacks a scope. A plain accessDenied may mean the one file only.
  Authorization_RequestDenied: reauth('scope_missing'),
  insufficientScope: reauth('scope_missing'),
  InsufficientScope: reauth('scope_missing'),
  generalException: down,
  internalServerError: down,
  serviceNotAvailable: down,
}

const byStatus: Readonly<Record<number, Meaning>> = {
  401: distrusted,
  404: missing,
  408: down,
  409: changed,
  412: changed,
  423: locked,
  429: throttled,
  507: full,
  509: throttled,
}

/**
 * What no code tells. A drive that is not there yet is said in three ways, none of which names a file: see
 * https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/579 and
 * https://github.com/skilion/onedrive/issues/276. Graph's outages may look like a client's mistake (its own
 * are `invalidRequest`), as in https://github.com/lavinir/hassio-onedrive-backup/issues/48, or be a page.
 */
function unnamed({ status, text }: FailedAnswer, [code]: readonly string[]): Meaning | undefined {
  if (status === 404 && (code === 'ResourceNotFound' || code === 'UnknownError')) return notYet
  if (status === 400 && code === 'BadRequest') return /mysite/i.test(text) ? notYet : down
  return (status === 400 || status === 403) && parseJson(text) === undefined ? down : undefined
}

/** What Graph said, as this project's error: the most specific known code decides, then the status. */
export function graphError(connectionId: ConnectionId, answer: FailedAnswer): ServiceError {
  const codes = codesOf(answer)
  const providerCode = codes[0]
  const context = {
    connectionId,
    providerStatus: answer.status,
    ...(providerCode === undefined ? {} : { providerCode }),
  }
  const known = codes.find((code) => byCode[code] !== undefined)
  const meaning =
    (known === undefined ? undefined : byCode[known]) ??
    unnamed(answer, codes) ??
    byStatus[answer.status] ??
    (answer.status >= 500 && answer.status !== 501 ? down : refused)
  return meant(meaning, {
    context,
    // A 5xx on the last fragment may have committed the file.
    // https://learn.microsoft.com/graph/api/driveitem-createuploadsession
    ambiguous:
      answer.status >= 500 && answer.status !== 507 && answer.status !== 509 && answer.method !== 'GET',
    afterSeconds: answer.retryAfterSeconds,
  })
}

/** The codes of the body, the innermost first; only plain words: they go into logs. */
function codesOf(answer: FailedAnswer): readonly string[] {
  const parsed = errorSchema.safeParse(parseJson(answer.text))
  const codes: string[] = []
  let level: Readonly<Record<string, unknown>> | undefined = parsed.success ? parsed.data.error : undefined
  // The depth that is looked at is bounded, whatever the body holds.
  for (let depth = 0; level && depth < 8; depth += 1) {
    const code = level['code']
    if (typeof code === 'string' && /^[\w.-]{1,64}$/.test(code)) codes.unshift(code)
    const inner: unknown = level['innerError'] ?? level['innererror']
    level = isRecord(inner) ? inner : undefined
  }
  return codes
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
