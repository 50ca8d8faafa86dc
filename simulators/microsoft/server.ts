import type { Exchange } from '../kernel/exchange.ts'
import type { ProviderOptions } from '../kernel/process.ts'
import type { RunningSimulator, SimulatorDefinition } from '../kernel/simulator.ts'
import { startSimulator } from '../kernel/simulator.ts'
import type { ProviderState, StateOptions } from '../kernel/state.ts'
import { openState } from '../kernel/state.ts'
import { microsoftControl } from './control.ts'
import { HASH_GROUPS } from './drive/digests.ts'
import { DOWNLOAD_PATH } from './drive/links.ts'
import { failAbandonedCopies } from './graph/copy.ts'
import { graphErrorBody, knownFailure, storageErrorBody } from './graph/errors.ts'
import { graphRoutes } from './graph/routes.ts'
import { identityAnswer, knownIdentityFailure } from './identity/errors.ts'
import { identityRoutes, isIdentityPath } from './identity/routes.ts'
import { openSigningKey } from './identity/keys.ts'
import type { Context } from './drive/records.ts'
import { lasting, openTables } from './drive/tables.ts'
import { dropExpired } from './upload/ended.ts'
import { fragmentOf, UPLOAD_PATH } from './upload/url.ts'

/**
 * Starts the Microsoft identity platform, Graph's OneDrive part and the storage behind it
 * on one origin. State lives in `stateDir` and survives a restart, also after SIGKILL.
 */
export async function startMicrosoftSimulator(options: ProviderOptions): Promise<RunningSimulator> {
  const { port, host } = options
  const { definition, context } = await openMicrosoft(options)
  return startSimulator(definition, { port, host, clock: context.clock, random: context.random })
}

/** The provider itself, and what it works on. */
export async function openMicrosoft(options: StateOptions & Pick<ProviderOptions, 'clients'>): Promise<{
  definition: SimulatorDefinition
  context: Context & ProviderState
}> {
  const state = openState(options, HASH_GROUPS)
  const tables = openTables(state.store)
  const secret = lasting(tables, 'link-secret', () => state.random.text(43))
  const context = { ...state, tables, secret }
  const control = microsoftControl(context)
  for (const client of options.clients ?? []) control.registerClient(client)
  failAbandonedCopies(context)
  await dropExpired(context, tables.sessions.all())

  const definition: SimulatorDefinition = {
    name: 'microsoft',
    domains: ['microsoft.com', 'microsoftonline.com', 'sharepoint.com'],
    hosts: ['graph.microsoft.com', 'login.microsoftonline.com'],
    routes: [...identityRoutes(context, openSigningKey(tables)), ...graphRoutes(context)],
    errorBody: (status, reason, x) => errorBody(context, status, reason, x),
    control,
    // https://github.com/microsoftgraph/msgraph-sdk-python asks for `/v1.0//me/drive`, and Graph takes it.
    foldsSlashes: true,
    fragmentOf,
    contentIn: (_req, url) =>
      url.pathname.endsWith('/content') || UPLOAD_PATH.test(url.pathname) ? 'body' : 'none',
    close: () => state.close(),
  }
  return { definition, context }
}

/**
 * The provider's own body for a status: the token endpoint's shape,
 * Graph's, or that of the storage behind it.
 */
function errorBody(
  context: Context,
  status: number,
  reason: string | undefined,
  x: Exchange,
): { body: unknown; headers?: Record<string, string> } {
  const { pathname } = x.url
  // Throttling answers always carry the wait; an injected failure may name its own.
  const headers: Record<string, string> = status === 429 ? { 'retry-after': '1' } : {}
  if (isIdentityPath(pathname)) {
    const answer = identityAnswer(knownIdentityFailure(status, reason), context.clock.now())
    return { body: answer.body, headers: { ...answer.headers, ...headers } }
  }
  if (UPLOAD_PATH.test(pathname) || pathname === DOWNLOAD_PATH) {
    const storageReason = status === 401 && reason === undefined ? 'expiredToken' : reason
    return { body: storageErrorBody(knownFailure(status, storageReason)), headers }
  }
  return { body: graphErrorBody(knownFailure(status, reason), context.clock.now()), headers }
}
