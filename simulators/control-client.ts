import type { ControlFile, ControlSession, OAuthClient } from './kernel/control.ts'
import type { FaultAction } from './kernel/faults.ts'
import type { LatencySetting } from './kernel/latency.ts'
import type { LoggedRequest } from './kernel/request-log.ts'

/** Which requests a fault meets; all that is given has to fit. */
export interface FaultMatch {
  readonly method?: string
  /** A regular expression on path and query. */
  readonly path?: string
  /** Of an upload session: its how-many-eth fragment, from 1. */
  readonly fragment?: number
}

/** The control API of one simulator, `/_sim/`. Calls reject with the simulator's words when it refuses. */
export interface Control {
  /** What is stored, in the trash too; of one account when it is given. */
  files(account?: string): Promise<ControlFile[]>
  /** Upload sessions that are open. */
  sessions(account?: string): Promise<ControlSession[]>
  expireSessions(): Promise<void>
  /** What was asked of the provider so far, oldest first. */
  requests(): Promise<LoggedRequest[]>
  clearRequests(): Promise<void>
  /** The next requests that match go wrong so; one when `times` is left out. */
  fault(match: FaultMatch, action: FaultAction, times?: number): Promise<void>
  /** How many faults no request has met yet. */
  pendingFaults(): Promise<number>
  clearFaults(): Promise<void>
  /** How slow the provider is. */
  latency(setting: Partial<LatencySetting>): Promise<void>
  /** Moves the provider's clock, by which tokens, sessions and links end. */
  advance(ms: number): Promise<void>
  addClient(client: OAuthClient): Promise<void>
  /** The user takes the consent back. */
  revoke(account: string): Promise<void>
  /** Access tokens that were given out do not work any more; refresh tokens do. */
  expireTokens(account: string): Promise<void>
  /** How many bytes the account may hold. */
  setQuota(account: string, limitBytes: number): Promise<void>
}

/** The control API of the simulator at `origin`, in this process or another. */
export function controlOf(origin: string): Control {
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${origin}/_sim/${path}`, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    })
    if (answer.ok) return answer.json()
    throw new Error(`${method} /_sim/${path}: ${answer.status} ${await answer.text()}`)
  }
  const list = <Row>(path: string) => ask('GET', path) as Promise<Row[]>
  const act = async (method: string, path: string, body?: unknown): Promise<void> => {
    await ask(method, path, body)
  }
  const of = (account: string | undefined): string =>
    account === undefined ? '' : `?account=${encodeURIComponent(account)}`
  const at = (account: string, what: string): string => `accounts/${encodeURIComponent(account)}/${what}`
  return {
    files: (account) => list(`files${of(account)}`),
    sessions: (account) => list(`sessions${of(account)}`),
    expireSessions: () => act('DELETE', 'sessions'),
    requests: () => list('requests'),
    clearRequests: () => act('DELETE', 'requests'),
    fault: (match, action, times = 1) => act('POST', 'faults', { match, times, action }),
    pendingFaults: async () => (await list('faults')).length,
    clearFaults: () => act('DELETE', 'faults'),
    latency: (setting) => act('POST', 'latency', setting),
    advance: (advanceMs) => act('POST', 'clock', { advanceMs }),
    addClient: (client) => act('POST', 'clients', client),
    revoke: (account) => act('POST', at(account, 'revoke')),
    expireTokens: (account) => act('POST', at(account, 'expire-tokens')),
    setQuota: (account, limitBytes) => act('POST', at(account, 'quota'), { limitBytes }),
  }
}
