import { describe, expect, it } from 'vitest'
import { classify, verdictError } from '../../../lib/grants/oauth2.ts'
import { readRefusal as readGoogle } from '../../../lib/providers/google-drive/grant.ts'
import { readRefusal as readMicrosoft } from '../../../lib/providers/onedrive/refusals.ts'

const google = (error: string, extra: object = {}, status = 400) =>
  classify(readGoogle, {
    status,
    text: JSON.stringify({ error, error_description: 'Bad Request', ...extra }),
  })

const microsoft = (error: string, code?: number, extra: object = {}, status = 400) =>
  classify(readMicrosoft, {
    status,
    text: JSON.stringify({
      error,
      error_description: `AADSTS${code}: Something.\r\nTrace ID: 1`,
      ...(code === undefined ? {} : { error_codes: [code] }),
      ...extra,
    }),
  })

describe('a refusal by Google', () => {
  it.each([
    ['invalid_grant', {}, 'grant_revoked'],
    ['invalid_grant', { error_description: 'Bad Request' }, 'grant_revoked'],
    ['invalid_grant', { error_subtype: 'invalid_rapt' }, 'interaction_required'],
    ['access_denied', {}, 'policy_blocked'],
  ])('%s %j means that the user has to reconnect', (error, extra, reason) => {
    expect(google(error, extra)).toMatchObject({ kind: 'reauth', reason })
  })

  it.each(['invalid_client', 'deleted_client', 'unauthorized_client'])(
    '%s is about the OAuth client',
    (error) => {
      expect(google(error, {}, 401)).toEqual({ kind: 'operator', providerCode: error, client: true })
    },
  )

  it.each([
    'redirect_uri_mismatch',
    'unsupported_grant_type',
    'invalid_request',
    'invalid_scope',
    'something_new',
  ])('%s is the operator’s fault and says nothing about the grant', (error) => {
    expect(google(error)).toEqual({ kind: 'operator', providerCode: error, client: false })
  })

  it.each(['internal_failure', 'temporarily_unavailable', 'server_error'])('%s passes', (error) => {
    expect(google(error)).toMatchObject({ kind: 'retry', code: 'provider_unavailable' })
  })
})

describe('a refusal of one organisation', () => {
  const tenant = (providerCode: string) => ({ kind: 'tenant', providerCode })
  it.each(['admin_policy_enforced', 'org_internal'])('%s waits for its administrator', (error) => {
    expect(google(error)).toEqual(tenant(error))
  })
  it.each([
    ['unauthorized_client', 700016],
    ['invalid_request', 90002],
    ['invalid_grant', 5000224],
    ['invalid_grant', 5000225],
  ])('%s (%i) waits for its administrator', (error, code) => {
    expect(microsoft(error, code)).toEqual(tenant(`AADSTS${code}`))
  })

  it('is no alarm of the deployment, and says whose turn it is', () => {
    const error = verdictError({ kind: 'tenant', providerCode: 'AADSTS700016' }, 400)
    expect(error).toMatchObject({ code: 'operator_attention', context: { retryAfterSeconds: 60 } })
    expect(error.context.operatorFault).toBeUndefined()
    expect(error.detail).toMatch(/administrator/)
  })
})

describe('a refusal by Microsoft', () => {
  it.each([
    [50173, 'invalid_grant', { suberror: 'bad_token' }, 'grant_revoked'],
    [70000, 'invalid_grant', {}, 'grant_revoked'],
    [70008, 'invalid_grant', {}, 'grant_expired'],
    [700082, 'invalid_grant', {}, 'grant_expired'],
    [700084, 'invalid_grant', {}, 'grant_expired'],
    [70043, 'invalid_grant', {}, 'grant_expired'],
    [65001, 'invalid_grant', { suberror: 'consent_required' }, 'consent_required'],
    [50076, 'interaction_required', { suberror: 'basic_action', claims: '{}' }, 'interaction_required'],
    [50079, 'invalid_grant', { suberror: 'basic_action' }, 'interaction_required'],
    [53003, 'invalid_grant', { suberror: 'message_only' }, 'policy_blocked'],
    [53000, 'interaction_required', {}, 'policy_blocked'],
    [50057, 'invalid_grant', {}, 'account_disabled'],
    [50034, 'invalid_grant', {}, 'account_disabled'],
    [500341, 'invalid_grant', {}, 'account_disabled'],
    [530003, 'invalid_grant', {}, 'policy_blocked'],
    [50020, 'invalid_grant', {}, 'policy_blocked'],
    [90072, 'invalid_grant', {}, 'policy_blocked'],
    [99999, 'invalid_grant', {}, 'grant_revoked'],
    [99999, 'invalid_grant', { suberror: 'user_password_expired' }, 'interaction_required'],
    [undefined, 'interaction_required', {}, 'interaction_required'],
    [undefined, 'consent_required', {}, 'consent_required'],
  ])('AADSTS%s %s %j means that the user has to reconnect', (code, error, extra, reason) => {
    expect(microsoft(error, code, extra)).toMatchObject({ kind: 'reauth', reason })
  })

  it('is read from the description where the list of codes is missing or malformed', () => {
    const text = JSON.stringify({
      error: 'invalid_grant',
      error_description: 'AADSTS700082: The refresh token.',
      error_codes: 'odd',
    })
    expect(classify(readMicrosoft, { status: 400, text })).toEqual({
      kind: 'reauth',
      reason: 'grant_expired',
      providerCode: 'AADSTS700082',
    })
  })

  it.each([
    ['invalid_client', 7000215, 401],
    ['invalid_client', 7000222, 401],
    ['unauthorized_client', 7000112, 400],
  ])('%s (%i) is about the OAuth client', (error, code, status) => {
    expect(microsoft(error, code, {}, status)).toMatchObject({ kind: 'operator', client: true })
  })

  it.each([
    ['invalid_scope', 70011],
    ['invalid_request', 900144],
    ['invalid_resource', 500011],
  ])('%s (%i) is the operator’s fault', (error, code) => {
    expect(microsoft(error, code)).toMatchObject({ kind: 'operator', client: false })
  })

  it.each([
    ['temporarily_unavailable', 90033],
    ['server_error', 50000],
    ['invalid_request', 90024],
  ])('%s (%i) passes', (error, code) => {
    expect(microsoft(error, code)).toMatchObject({ kind: 'retry', code: 'provider_unavailable' })
  })

  it('of a client that asks in a loop asks for a pause, even with an invalid_grant', () => {
    expect(microsoft('invalid_grant', 50196)).toMatchObject({
      kind: 'retry',
      code: 'provider_throttled',
      afterSeconds: 60,
    })
  })
})

describe.each([
  ['google-drive', readGoogle],
  ['onedrive', readMicrosoft],
] as const)('an answer of %s that is not the token endpoint’s own', (_, readRefusal) => {
  it.each([
    [400, '<html><body>Bad Request</body></html>'],
    [403, '<html>blocked</html>'],
    [401, ''],
    [502, '<html>Bad Gateway</html>'],
    [400, '[]'],
    [400, '{"error": {"code": 400, "errors": [{"reason": "invalid_grant"}]}}'],
    [400, '{"error": "invalid grant with <b>text</b>"}'],
    [408, '{"error": "invalid_grant"}'],
    [503, '{"error": "invalid_grant"}'],
  ])('%i %j is an outage', (status, text) => {
    expect(classify(readRefusal, { status, text })).toEqual({ kind: 'retry', code: 'provider_unavailable' })
  })

  it('with 429 is throttling, with the pause that it names', () => {
    expect(classify(readRefusal, { status: 429, text: '<html>', retryAfterSeconds: 12 })).toEqual({
      kind: 'retry',
      code: 'provider_throttled',
      afterSeconds: 12,
    })
  })
})

describe('the error of a refusal', () => {
  it('is the operator’s and not worth a retry, or worth one with the provider’s pause', () => {
    expect(
      verdictError({ kind: 'operator', providerCode: 'invalid_client', client: true }, 401),
    ).toMatchObject({
      code: 'operator_attention',
      retry: { retryable: false },
      context: { operatorFault: true, providerCode: 'invalid_client', providerStatus: 401 },
    })
    expect(verdictError({ kind: 'retry', code: 'provider_throttled', afterSeconds: 9 }, 429)).toMatchObject({
      code: 'provider_throttled',
      retry: { retryable: true, afterSeconds: 9 },
      context: { retryAfterSeconds: 9 },
    })
  })
})
