import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod/mini'
import type { ReauthReason } from '../../lib/errors.ts'
import { CloudConnectionError } from '../../lib/errors.ts'
import type { AccessToken, TokenSource } from '../../lib/net/token-source.ts'
import { secret } from '../../lib/secret.ts'
import type { SimulatorId } from '../../simulators/registry.ts'
import { simulators } from '../../simulators/registry.ts'
import { consents } from '../../simulators/simulate.ts'

const client = {
  clientId: 'conformance',
  clientSecret: 'conformance-secret',
  redirectUris: ['https://app.example/callback', 'https://app.example/v1/oauth/callback'],
}
const redirectUri = 'https://app.example/callback'

const filesSchema = z.array(
  z.object({
    account: z.string(),
    id: z.string(),
    name: z.string(),
    path: z.string(),
    size: z.number(),
    sha256: z.string(),
    trashed: z.boolean(),
  }),
)
export type SimulatedFile = z.output<typeof filesSchema>[number]
const requestsSchema = z.array(
  z.object({
    method: z.string(),
    path: z.string(),
    status: z.nullable(z.number()),
    authorization: z.boolean(),
    requestBytes: z.number(),
    account: z.nullable(z.string()),
  }),
)
export type SimulatedRequest = z.output<typeof requestsSchema>[number]
const sessionsSchema = z.array(z.object({ id: z.string(), received: z.number() }))
const tokensSchema = z.object({
  access_token: z.string(),
  refresh_token: z.optional(z.string()),
  expires_in: z.number(),
})
const errorSchema = z.object({ error: z.string() })

/** A running provider simulator, its control API, and sign-in through its consent form. */
export interface Simulator {
  readonly origin: string
  files(account: string): Promise<SimulatedFile[]>
  sessions(account: string): Promise<z.output<typeof sessionsSchema>>
  requests(account?: string): Promise<SimulatedRequest[]>
  clearRequests(): Promise<void>
  fault(match: FaultMatch, action: FaultAction, times?: number): Promise<void>
  /** How many faults have not been met yet. */
  pendingFaults(): Promise<number>
  clearFaults(): Promise<void>
  setQuota(account: string, limitBytes: number): Promise<void>
  revoke(account: string): Promise<void>
  expireTokens(account: string): Promise<void>
  expireSessions(): Promise<void>
  advance(ms: number): Promise<void>
  signIn(account: string, scope?: string): Promise<TestTokens>
  close(): Promise<void>
}

export interface FaultMatch {
  readonly method?: string
  readonly path?: string
  readonly fragment?: number
}

export type FaultAction =
  | { type: 'status'; status: number; reason?: string; headers?: Record<string, string> }
  | { type: 'reset'; afterBytes?: number }
  | { type: 'commit-then-reset' }
  | { type: 'partial'; bytes: number }
  | { type: 'delay'; ms: number }
  | { type: 'truncate'; afterBytes?: number }
  | { type: 'corrupt' }
  | { type: 'rewrite'; add: number; extensions?: readonly string[] }
  | { type: 'garbage'; status?: number }

export interface TestTokens extends TokenSource {
  /** How often a token was asked for anew. */
  readonly renewals: number
  /** What the provider has said of the grant itself. */
  readonly lostFor: readonly ReauthReason[]
  /** The bearer, for calls that a test makes itself in the user's name. */
  bearer(): Promise<string>
}

/** For what is made but never called. */
export function noTokens(): TokenSource {
  const none = () => Promise.reject(new Error('no token is to be asked for here'))
  return { get: none, renew: none, lost: none }
}

export async function startSimulator(name: SimulatorId): Promise<Simulator> {
  const { scope: defaultScope, ...paths } = consents[name]
  const stateDir = await mkdtemp(join(tmpdir(), `driveway-${name}-`))
  const running = await simulators[name]({ port: 0, stateDir, clients: [client], seed: 1 })
  const { origin } = running

  const control = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${origin}/_sim/${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    if (!response.ok) throw new Error(`control ${path}: ${String(response.status)} ${await response.text()}`)
    return response.json()
  }
  const act = async (method: string, path: string, body?: unknown): Promise<void> => {
    await control(method, path, body)
  }

  const askForTokens = async (form: Record<string, string>): Promise<z.output<typeof tokensSchema>> => {
    const response = await fetch(`${origin}${paths.token}`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: client.clientId, client_secret: client.clientSecret, ...form }),
    })
    const body: unknown = await response.json()
    if (!response.ok) {
      const { error } = errorSchema.parse(body)
      if (error === 'invalid_grant') throw new CloudConnectionError('test-connection', 'grant_revoked')
      throw new Error(`tokens: ${String(response.status)} ${error}`)
    }
    return tokensSchema.parse(body)
  }

  const signIn = async (account: string, scope: string = defaultScope): Promise<TestTokens> => {
    const query = new URLSearchParams({
      client_id: client.clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      state: 'state',
      scope,
      ...paths.query,
    })
    const consent = await fetch(`${origin}${paths.authorize}?${query.toString()}`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ decision: 'approve', account }),
    })
    const code = new URL(consent.headers.get('location') ?? 'about:blank').searchParams.get('code')
    if (code === null) throw new Error(`no code: ${String(consent.status)} ${await consent.text()}`)
    const first = await askForTokens({ grant_type: 'authorization_code', code, redirect_uri: redirectUri })
    let refreshToken = first.refresh_token ?? ''
    let current = accessToken(first, 1)
    let renewals = 0
    const lostFor: ReauthReason[] = []
    return {
      lostFor,
      lost: (reason) => Promise.resolve(void lostFor.push(reason)),
      get renewals() {
        return renewals
      },
      get: () => Promise.resolve(current),
      async renew(stale) {
        if (stale.version !== current.version) return current
        renewals += 1
        const next = await askForTokens({ grant_type: 'refresh_token', refresh_token: refreshToken })
        refreshToken = next.refresh_token ?? refreshToken
        current = accessToken(next, current.version + 1)
        return current
      },
      bearer: () => Promise.resolve(`Bearer ${current.token.reveal()}`),
    }
  }

  return {
    origin,
    signIn,
    files: async (account) =>
      filesSchema.parse(await control('GET', `files?account=${encodeURIComponent(account)}`)),
    sessions: async (account) =>
      sessionsSchema.parse(await control('GET', `sessions?account=${encodeURIComponent(account)}`)),
    requests: async (account) =>
      requestsSchema
        .parse(await control('GET', 'requests'))
        .filter((request) => account === undefined || request.account === account),
    clearRequests: () => act('DELETE', 'requests'),
    fault: (match, action, times = 1) => act('POST', 'faults', { match, times, action }),
    pendingFaults: async () => z.array(z.unknown()).parse(await control('GET', 'faults')).length,
    clearFaults: () => act('DELETE', 'faults'),
    setQuota: (account, limitBytes) => act('POST', `accounts/${account}/quota`, { limitBytes }),
    revoke: (account) => act('POST', `accounts/${account}/revoke`),
    expireTokens: (account) => act('POST', `accounts/${account}/expire-tokens`),
    expireSessions: () => act('DELETE', 'sessions'),
    advance: (advanceMs) => act('POST', 'clock', { advanceMs }),
    async close() {
      await running.close()
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}

function accessToken(answer: z.output<typeof tokensSchema>, version: number): AccessToken {
  return {
    token: secret(answer.access_token),
    version,
    expiresAt: Date.now() + answer.expires_in * 1000,
  }
}
