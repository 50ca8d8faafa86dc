import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Control } from './control-client.ts'
import { controlOf } from './control-client.ts'
import type { OAuthClient } from './kernel/control.ts'
import type { SimulatorId } from './registry.ts'
import { simulators } from './registry.ts'

export type { Control, FaultMatch } from './control-client.ts'
export { controlOf } from './control-client.ts'
export type { ControlFile, ControlSession, OAuthClient } from './kernel/control.ts'
export type { FaultAction } from './kernel/faults.ts'
export type { LoggedRequest } from './kernel/request-log.ts'
export type { SimulatorId } from './registry.ts'

/** The OAuth client that is there when none is asked for. */
export const simulatedClient: OAuthClient = {
  clientId: 'simulated',
  clientSecret: 'simulated-secret',
  redirectUris: ['http://localhost/callback'],
}

export interface SimulateOptions {
  /** A free one when left out; always on 127.0.0.1. */
  readonly port?: number
  /** Keeps what was stored for the next start; without it all is gone with `close`. */
  readonly stateDir?: string
  /** The same ids and tokens at each fresh start. */
  readonly seed?: number
  /** `simulatedClient` alone when left out. */
  readonly clients?: readonly OAuthClient[]
}

/** What a user's consent has given to an app. */
export interface Tokens {
  readonly access_token: string
  readonly refresh_token?: string
  /** Seconds. */
  readonly expires_in: number
}

/** A provider that runs in this process. */
export interface Simulated {
  /** Where it listens: what takes the place of `https://www.googleapis.com` and the like. */
  readonly origin: string
  readonly control: Control
  /** What its user would do at the consent page; the account is made when it is new. */
  signIn(account: string, scope?: string): Promise<Tokens>
  close(): Promise<void>
}

/** Where consent is given at each provider, and what an app that stores files asks for there. */
export const consents = {
  google: {
    authorize: '/o/oauth2/v2/auth',
    token: '/token',
    scope: 'openid email https://www.googleapis.com/auth/drive.file',
    query: { access_type: 'offline', prompt: 'consent' },
  },
  microsoft: {
    authorize: '/common/oauth2/v2.0/authorize',
    token: '/common/oauth2/v2.0/token',
    scope: 'Files.ReadWrite offline_access openid email',
    query: {},
  },
  dropbox: {
    authorize: '/oauth2/authorize',
    token: '/oauth2/token',
    scope: 'account_info.read files.metadata.read files.content.read files.content.write',
    query: { token_access_type: 'offline' },
  },
} as const satisfies Readonly<Record<SimulatorId, object>>

/** Starts a provider for a test, with what it says of itself and what can be done to it. */
export async function simulate(id: SimulatorId, options: SimulateOptions = {}): Promise<Simulated> {
  const { port = 0, stateDir, seed, clients = [simulatedClient] } = options
  const folder = stateDir ?? (await mkdtemp(join(tmpdir(), `${id}-simulator-`)))
  const running = await simulators[id]({
    port,
    stateDir: folder,
    clients: [...clients],
    ...(seed !== undefined && { seed }),
  })
  const { origin } = running
  return {
    origin,
    control: controlOf(origin),
    signIn: (account, scope) => signIn(id, origin, clients[0] ?? simulatedClient, account, scope),
    async close() {
      await running.close()
      if (stateDir === undefined) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What the user of `account` would do at the consent page of the provider that listens at `origin`. */
export async function signIn(
  id: SimulatorId,
  origin: string,
  { clientId, clientSecret, redirectUris: [redirectUri = ''] }: OAuthClient,
  account: string,
  scope: string = consents[id].scope,
): Promise<Tokens> {
  const { authorize, token, query } = consents[id]
  const asked = { client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope, ...query }
  const consent = await fetch(`${origin}${authorize}?${new URLSearchParams(asked).toString()}`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ decision: 'approve', account }),
  })
  const code = new URL(consent.headers.get('location') ?? 'about:blank').searchParams.get('code')
  if (code === null) throw new Error(`No consent: ${consent.status} ${await consent.text()}`)
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    client_id: clientId,
    client_secret: clientSecret,
  }
  const answer = await fetch(`${origin}${token}`, { method: 'POST', body: new URLSearchParams(form) })
  if (answer.ok) return (await answer.json()) as Tokens
  throw new Error(`No tokens: ${answer.status} ${await answer.text()}`)
}
