import type { RouteFunctionName } from '../../lib/contract/routes.ts'
import type { ProviderId } from '../../lib/providers/registry.ts'
import type { ApiCall } from '../support/api-event.ts'
import type { Ground } from './ground.ts'
import type { HttpAnswer, Outcome } from './lambda.ts'

/** A call of a user's app, and its answer as JSON where it is one. */
export type Ask = (name: RouteFunctionName, call?: Omit<ApiCall, 'sub'>) => Promise<Outcome<HttpAnswer>>

export function jsonOf(outcome: Outcome<HttpAnswer>): Record<string, unknown> {
  if (outcome.kind !== 'answer' || outcome.answer.body.length === 0) return {}
  try {
    return JSON.parse(outcome.answer.body.toString()) as Record<string, unknown>
  } catch {
    return {}
  }
}

export const statusOf = (outcome: Outcome<HttpAnswer>): number =>
  outcome.kind === 'answer' ? outcome.answer.status : 0

/** What a user does at the provider's page and on the way back; answers how it ended. */
export async function consent(
  ground: Ground,
  ask: Ask,
  {
    authorizationUrl,
    connectionId,
    account,
  }: { authorizationUrl: string; connectionId: string; account: string },
): Promise<Outcome<HttpAnswer>> {
  const page = await ground.askProvider({
    method: 'POST',
    url: authorizationUrl,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(new URLSearchParams({ decision: 'approve', account }).toString()),
  })
  const back = new URL(page?.headers['location'] ?? 'about:blank')
  const returned = await ask('oauth-callback', { query: Object.fromEntries(back.searchParams) })
  if (returned.kind !== 'answer') return returned
  const location = new URL(returned.answer.headers['location'] ?? 'about:blank')
  const completionCode = location.searchParams.get('completionCode') ?? ''
  return await ask('complete-connection', {
    method: 'POST',
    path: { connectionId },
    json: { completionCode },
  })
}

/** Connects an account from the beginning; the connection's id, or undefined when it did not come so far. */
export async function connect(
  ground: Ground,
  ask: Ask,
  provider: ProviderId,
  account: string,
): Promise<string | undefined> {
  const returnUrl = 'https://app.example/done'
  const begun = jsonOf(await ask('start-connection', { method: 'POST', json: { provider, returnUrl } }))
  const connectionId = (begun['connection'] as { readonly id?: string } | undefined)?.id
  const authorizationUrl = begun['authorizationUrl']
  if (connectionId === undefined || typeof authorizationUrl !== 'string') return connectionId
  await consent(ground, ask, { authorizationUrl, connectionId, account })
  return connectionId
}
