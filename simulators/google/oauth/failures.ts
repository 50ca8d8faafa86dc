import type { Headers } from '../../kernel/exchange.ts'

// https://developers.google.com/identity/protocols/oauth2/web-server#exchange-errors-invalid-grant
const DESCRIPTIONS: Record<string, string> = {
  invalid_grant: 'Token has been expired or revoked.',
  invalid_client: 'The OAuth client was not found.',
  deleted_client: 'The OAuth client was deleted.',
  invalid_token: 'Token expired or revoked',
  redirect_uri_mismatch: 'Bad Request',
  unsupported_grant_type: 'Invalid grant_type',
  admin_policy_enforced: 'The account administrator does not allow this application.',
  invalid_rapt: 'reauth related error (invalid_rapt)',
  rate_limit_exceeded: 'Rate Limit Exceeded',
  internal_failure: 'Internal error',
}

/** The body of an OAuth endpoint for a status that a fault asks for. */
export function oauthFailure(
  status: number,
  reason: string | undefined,
): { body: unknown; headers?: Headers } {
  const name = reason ?? defaultReason(status)
  // The Workspace session policy comes as a subtype: https://support.google.com/a/answer/9368756
  const subtype = name === 'invalid_rapt' ? { error_subtype: 'invalid_rapt' } : {}
  const error = name === 'invalid_rapt' ? 'invalid_grant' : name
  return { body: { error, error_description: DESCRIPTIONS[name] ?? 'Bad Request', ...subtype } }
}

function defaultReason(status: number): string {
  if (status === 401) return 'invalid_client'
  if (status === 429) return 'rate_limit_exceeded'
  if (status >= 500) return 'internal_failure'
  return status === 400 ? 'invalid_grant' : 'invalid_request'
}
