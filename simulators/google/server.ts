import type { ProviderOptions } from '../kernel/process.ts'
import type { RunningSimulator, SimulatorDefinition } from '../kernel/simulator.ts'
import { startSimulator } from '../kernel/simulator.ts'
import type { StateOptions } from '../kernel/state.ts'
import { openState } from '../kernel/state.ts'
import { googleControl } from './control.ts'
import { envelope } from './drive/errors.ts'
import { parseContentRange } from './drive/content-range.ts'
import { resumableUploads } from './drive/resumable.ts'
import { isSessionAddress } from './drive/sessions.ts'
import { openSigner } from './oauth/identity.ts'
import { oauthFailure } from './oauth/failures.ts'
import { googleRoutes } from './routes.ts'
import type { GoogleState } from './state.ts'
import { googleState } from './state.ts'

/** md5 alone takes as long as the two others together. */
const HASHES = [['md5'], ['sha1', 'sha256']]

/**
 * Starts the Google simulator: OAuth 2.0, OpenID Connect and Drive v3 on one origin. All state is
 * under `options.stateDir`, which no other simulator may share, and survives the death of the process.
 */
export async function startGoogleSimulator(options: ProviderOptions): Promise<RunningSimulator> {
  const { port, host } = options
  const { definition, state } = openGoogle(options)
  return startSimulator(definition, { port, host, clock: state.clock, random: state.random })
}

/** The provider itself, and what it works on. */
export function openGoogle(options: StateOptions & Pick<ProviderOptions, 'clients'>): {
  definition: SimulatorDefinition
  state: GoogleState
} {
  const state = googleState(openState(options, HASHES))
  for (const client of options.clients ?? []) state.clients.put(client.clientId, client)
  const signer = openSigner(state)
  const definition: SimulatorDefinition = {
    name: 'google',
    domains: ['google.com', 'googleapis.com'],
    hosts: [
      'www.googleapis.com',
      'oauth2.googleapis.com',
      'accounts.google.com',
      'openidconnect.googleapis.com',
    ],
    routes: googleRoutes(state, signer, resumableUploads(state)),
    control: googleControl(state),
    errorBody: (status, reason, x) =>
      x.url.pathname.includes('/drive/v3/') ? envelope(status, reason) : oauthFailure(status, reason),
    fragmentOf(req, url) {
      const id = req.method === 'DELETE' ? null : url.searchParams.get('upload_id')
      return id !== null && parseContentRange(req.headers['content-range'])?.kind !== 'status'
        ? id
        : undefined
    },
    contentIn(req, url) {
      if (req.method === 'PUT' || isSessionAddress(url)) return 'body'
      const type = url.pathname.startsWith('/upload/') ? url.searchParams.get('uploadType') : null
      if (type === 'multipart') return 'handler'
      return type === 'media' ? 'body' : 'none'
    },
    close: () => state.close(),
  }
  return { definition, state }
}
