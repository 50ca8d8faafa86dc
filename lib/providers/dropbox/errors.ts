import type { ServiceError } from '../../errors.ts'
import type { ConnectionId } from '../../ids.ts'
import type { FailedAnswer } from '../../net/provider-http.ts'
import { parseJson } from '../../net/provider-http.ts'
import { meaningsFor, meant, operators, reauth, type Meaning } from '../meanings.ts'
import { about } from './about.ts'
import { errorSchema } from './wire.ts'

const { throttled, full, down, missing, refused, distrusted, barred } = meaningsFor(about.name)
const changed: Meaning = {
  code: 'provider_unavailable',
  detail: 'The file was changed by somebody else at the same moment.',
  retryable: true,
}
const locked: Meaning = {
  code: 'provider_unavailable',
  detail: 'The file is locked by another user. Try again later.',
  retryable: true,
  afterSeconds: 30,
}
const restricted: Meaning = {
  code: 'provider_error',
  detail: 'Dropbox does not give out the file: its content is restricted. Its owner can ask Dropbox why.',
}

/** https://www.dropbox.com/developers/reference/data-transport-limit */
const usedUp: Meaning = {
  ...barred,
  detail:
    'The team of the account has used up its uploads of this month. They go on with the next, or when its plan is changed.',
}

/**
 * By the innermost tag that is known. https://github.com/dropbox/dropbox-api-spec has them all, and
 * https://www.dropbox.com/developers/reference/data-ingress-guide those of throttling: a lock of the account,
 * which other writes hold, comes as 409 and as 429.
 */
const byTag: Readonly<Record<string, Meaning>> = {
  too_many_requests: throttled,
  too_many_write_operations: throttled,
  insufficient_space: full,
  insufficient_quota: full,
  not_found: missing,
  conflict: changed,
  locked,
  lock_conflict: locked,
  restricted_content: restricted,
  internal_error: down,
  in_progress: down,
  // A team's rules, and an app that its administrator has not let in.
  access_restricted: barred,
  team_access_denied: barred,
  invalid_account_type: barred,
  feature: usedUp,
  missing_scope: reauth('scope_missing'),
  user_suspended: reauth('account_disabled'),
  // A call that this deployment's app may not make at all.
  route_access_denied: operators(
    'The Dropbox app of this deployment does not allow the request. Its operator has to act.',
  ),
}

function byStatus({ status, text }: FailedAnswer): Meaning {
  if (status === 401) return distrusted
  if (status === 429) return throttled
  // Dropbox says in plain text what is no request; a page stands for something in front of it.
  const isPage = /^\s*</.test(text)
  if (status === 408 || status >= 500 || isPage) return down
  return status === 403 ? barred : refused
}

/** Calls that change nothing, whatever has become of their answer. */
const reads: ReadonlySet<string> = new Set(['get', 'download', 'link', 'list', 'space', 'account'])

/** What Dropbox said, as this project's error; its tags stand in `context.providerCode`. */
export function dropboxError(connectionId: ConnectionId | undefined, answer: FailedAnswer): ServiceError {
  const tags = tagsOf(answer.text)
  const known = tags.toReversed().find((tag) => byTag[tag] !== undefined)
  return meant((known === undefined ? undefined : byTag[known]) ?? byStatus(answer), {
    context: {
      ...(connectionId === undefined ? {} : { connectionId }),
      providerStatus: answer.status,
      ...(tags.length === 0 ? {} : { providerCode: tags.join('.') }),
    },
    // A 5xx may stand in front of work that was done all the same.
    ambiguous: answer.status >= 500 && !reads.has(answer.operation.split('.')[1] ?? ''),
    afterSeconds: answer.retryAfterSeconds,
  })
}

/** The tags of an error, outermost first; only plain words: they go into logs. */
export function tagsOf(text: string): readonly string[] {
  const summary = errorSchema.safeParse(parseJson(text)).data?.error_summary ?? ''
  return summary.split('/').filter((tag) => /^[a-z][a-z0-9_]{1,63}$/.test(tag))
}
