import type { IncomingMessage, ServerResponse } from 'node:http'
import { openapiDocument } from '../lib/contract/openapi/document.ts'
import { openapiPage, openapiPagePolicy } from './openapi-page.ts'
import type { Console } from './console.ts'
import { serversHere } from './free-ports.ts'
import { sendJson } from './http.ts'
import type { IdentityProvider } from './identity-provider.ts'
import { identityRoutes } from './identity-routes.ts'
import type { Invoker } from './gateway/invoker.ts'
import type { Addresses } from './ports.ts'
import type { PageGuard } from './pages.ts'
import { sampleEvents } from './sample-events.ts'
import { scheduledRoutes } from './scheduled.ts'

export interface LocalRoutesOptions {
  readonly identity: IdentityProvider
  readonly addresses: Addresses
  /** Whose pages may read the answers, as with the API. */
  readonly mayCall: PageGuard
  readonly behind: Parameters<typeof serversHere>[0]
  readonly console: Console
  readonly invoker: Pick<Invoker, 'invoke'>
}

async function answers(url: string): Promise<boolean> {
  try {
    const { body } = await fetch(url, { signal: AbortSignal.timeout(2_000), redirect: 'manual' })
    await body?.cancel()
    return true
  } catch {
    return false
  }
}

/**
 * What the local stack answers beside the API: health, the readable API reference,
 * the identity provider that stands in for the deployment's, runs of what the
 * schedules start, samples of events, and the console.
 */
export function localRoutes(options: LocalRoutesOptions) {
  const { identity, addresses, mayCall, behind, console, invoker } = options
  const answerIdentity = identityRoutes(identity)
  const runScheduled = scheduledRoutes(invoker)
  const sendSample = sampleEvents(identity, addresses.url('gateway'))
  const health = async (res: ServerResponse): Promise<void> => {
    const others = serversHere(behind).filter((name) => name !== 'gateway')
    const up = await Promise.all(
      others.map(async (name) => [name, await answers(addresses.url(name))] as const),
    )
    const ok = up.every(([, answered]) => answered)
    sendJson(
      res,
      ok ? 200 : 503,
      ok ? { ok } : { ok, down: up.filter(([, answered]) => !answered).map(([name]) => name) },
    )
  }
  const reference = (res: ServerResponse): void => {
    res.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': openapiPagePolicy,
    })
    res.end(openapiPage(openapiDocument({ serverUrl: addresses.url('gateway') })))
  }
  return async (req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> => {
    const { origin } = req.headers
    // The sign-in page sends no referrer, and browsers then name no origin for its form.
    if (origin !== undefined && url.pathname !== '/local/authorize') {
      if (!mayCall(origin)) return sendJson(res, 403, { error: 'not for pages of this origin' })
      res.setHeader('access-control-allow-origin', origin).setHeader('vary', 'origin')
    }
    if (req.method === 'GET' && url.pathname === '/healthz') return health(res)
    if (req.method === 'GET' && url.pathname === '/docs') return reference(res)
    if (await answerIdentity(req, res, url)) return
    if (await runScheduled(req, res, url)) return
    if (await sendSample(req, res, url)) return
    if (await console.answer(req, res, url)) return
    sendJson(res, 404, {
      error: 'there is nothing at this address',
      api: `${addresses.url('gateway')}/v1/openapi.json`,
    })
  }
}
