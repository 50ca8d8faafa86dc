import type { ProviderOptions } from '../kernel/process.ts'
import type { RunningSimulator, SimulatorDefinition } from '../kernel/simulator.ts'
import { startSimulator } from '../kernel/simulator.ts'
import type { StateOptions } from '../kernel/state.ts'
import { openState } from '../kernel/state.ts'
import { dropboxControl } from './control.ts'
import { routeOf, sessionIn } from './files/call.ts'
import { callFailure } from './files/errors.ts'
import { oauthFailure } from './oauth/token.ts'
import { dropboxRoutes } from './routes.ts'
import type { DropboxState } from './state.ts'
import { dropboxState, HASHES } from './state.ts'

const UPLOADS = /^\/2\/files\/upload(?:_session\/(?:start|append_v2|finish))?$/

/**
 * Starts the Dropbox simulator: OAuth 2.0 and version 2 of the API on one origin. All state is under
 * `options.stateDir`, which no other simulator may share, and survives the death of the process.
 */
export async function startDropboxSimulator(options: ProviderOptions): Promise<RunningSimulator> {
  const { port, host } = options
  const { definition, state } = openDropbox(options)
  return startSimulator(definition, { port, host, clock: state.clock, random: state.random })
}

/** The provider itself, and what it works on. */
export function openDropbox(options: StateOptions & Pick<ProviderOptions, 'clients'>): {
  definition: SimulatorDefinition
  state: DropboxState
} {
  const state = dropboxState(openState(options, HASHES))
  for (const client of options.clients ?? []) state.clients.put(client.clientId, client)
  const definition: SimulatorDefinition = {
    name: 'dropbox',
    domains: ['dropbox.com', 'dropboxapi.com', 'dropboxusercontent.com'],
    hosts: ['www.dropbox.com', 'api.dropbox.com', 'api.dropboxapi.com', 'content.dropboxapi.com'],
    routes: dropboxRoutes(state),
    control: dropboxControl(state),
    errorBody: (status, reason, x) =>
      /^(?:\/1)?\/oauth2\//.test(x.url.pathname)
        ? oauthFailure(status, reason)
        : callFailure(status, reason, routeOf(x.url)),
    // An empty append only asks where the session stands.
    fragmentOf: (req) =>
      req.headers['content-length'] === '0' ? undefined : sessionIn(req.headers['dropbox-api-arg']),
    contentIn: (_req, url) => (UPLOADS.test(url.pathname) ? 'body' : 'none'),
    close: () => state.close(),
  }
  return { definition, state }
}
