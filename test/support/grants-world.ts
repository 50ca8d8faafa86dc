import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Connection } from '../../lib/catalog/connections.ts'
import type { Clock } from '../../lib/clock.ts'
import { tables } from '../../lib/contract/tables.ts'
import { reauthorizeConnection, startConnection } from '../../lib/connections/authorize.ts'
import { handleCallback } from '../../lib/connections/callback.ts'
import { completeConnection } from '../../lib/connections/complete.ts'
import { userId, userKeyOf } from '../../lib/ids.ts'
import type { DrivewayEvent } from '../../lib/telemetry/events.ts'
import { startDynamoDb } from '../../emulators/dynamodb/server.ts'
import { startSecretsManager } from '../../emulators/secrets-manager/server.ts'
import { createTables } from '../../emulators/tables.ts'
import { startGoogleSimulator } from '../../simulators/google/server.ts'
import { startMicrosoftSimulator } from '../../simulators/microsoft/server.ts'
import { openStack, putSecret as putSecretAt } from './grants-stack.ts'
import type { Endpoints, Stack, StackOptions } from './grants-stack.ts'
import { eventsOfTable } from './told-events.ts'

export const publicUrl = 'https://api.example.com'
export const returnUrl = 'https://app.example.com/connected'
const redirectUris = [`${publicUrl}/v1/oauth/callback`]
export const clients = {
  'google-drive': { clientId: 'google-client', clientSecret: 'canary-google-secret', redirectUris },
  onedrive: { clientId: 'microsoft-client', clientSecret: 'canary-microsoft-secret', redirectUris },
}

/** The drives of this world. */
export type Cloud = keyof typeof clients

export interface LoggedRequest {
  readonly method: string
  readonly path: string
  readonly status: number
}

export function caller(sub: string) {
  const id = userId(sub)
  return { userId: id, userKey: userKeyOf(id) }
}

/** Emulators and simulators on one movable clock, and the stacks (processes) that a test opens on them. */
export async function openWorld() {
  const stateDir = await mkdtemp(join(tmpdir(), 'driveway-grants-'))
  let offset = 0
  const simulated = { now: () => Date.now() + offset, advance: (ms: number): void => void (offset += ms) }
  // Waits are real and short: what they wait for happens in real
  // servers. Long ones that nothing can end are moved past.
  const clock: Clock = {
    now: simulated.now,
    sleep(ms, signal) {
      if (signal) return wait(ms, undefined, { signal })
      if (ms < 1000) return wait(ms)
      simulated.advance(ms)
      return Promise.resolve()
    },
  }
  const [dynamo, secretsServer, google, microsoft] = await Promise.all([
    startDynamoDb({ port: 0, stateDir: join(stateDir, 'dynamo') }),
    startSecretsManager({ port: 0, stateDir: join(stateDir, 'secrets'), clock: simulated.now }),
    startGoogleSimulator({
      port: 0,
      stateDir: join(stateDir, 'google'),
      clock: simulated,
      clients: [clients['google-drive']],
    }),
    startMicrosoftSimulator({
      port: 0,
      stateDir: join(stateDir, 'microsoft'),
      clock: simulated,
      clients: [clients.onedrive],
    }),
  ])
  await createTables(dynamo.endpoint, tables)
  const endpoints: Endpoints = {
    dynamoDb: dynamo.endpoint,
    secrets: secretsServer.endpoint,
    google: google.origin,
    microsoft: microsoft.origin,
  }
  const table = eventsOfTable(dynamo.endpoint, 'connections')
  const events: DrivewayEvent[] = []
  const stacks: Stack[] = []
  const open = (options: Partial<StackOptions> = {}): Stack => {
    const stack = openStack(endpoints, { clock, ...options })
    stacks.push(stack)
    return stack
  }
  const main = open()
  const key = randomBytes(32).toString('base64')
  const putSecret = (name: string, value: object) =>
    putSecretAt(endpoints.secrets, name, JSON.stringify(value))
  await putSecret('seal-key', { current: 'k1', keys: { k1: key } })
  await putSecret('oauth/google', clientSecretOf('google-drive'))
  await putSecret('oauth/microsoft', clientSecretOf('onedrive'))

  const origins = { 'google-drive': google.origin, onedrive: microsoft.origin }
  const simulator = (provider: Cloud) => control(origins[provider], provider)
  return {
    endpoints,
    clock,
    advance: simulated.advance,
    /** The events that the connections' rows have carried since the last `forget`. */
    async told(): Promise<readonly DrivewayEvent[]> {
      events.push(...(await table.next()))
      return events
    },
    async forget(): Promise<void> {
      await table.next()
      events.length = 0
    },
    open,
    main,
    putSecret,
    simulator,
    aws: awsControl(secretsServer.endpoint),
    async close() {
      for (const stack of stacks) stack.close()
      table.close()
      await Promise.all([google.close(), microsoft.close(), dynamo.close(), secretsServer.close()])
      await rm(stateDir, { recursive: true, force: true })
    },
  }
}

export type World = Awaited<ReturnType<typeof openWorld>>

export function clientSecretOf(provider: Cloud) {
  const { clientId, clientSecret } = clients[provider]
  return { clientId, clientSecret }
}

/** A simulator's control API. */
function control(origin: string, provider: Cloud) {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${origin}/_sim/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  const tokenPath = provider === 'google-drive' ? '^/token' : '/oauth2/v2.0/token'
  return {
    origin,
    tokenPath,
    fault: (action: object, options: { path?: string; times?: number } = {}) =>
      call('POST', 'faults', {
        match: { path: options.path ?? tokenPath },
        times: options.times ?? 1,
        action,
      }),
    clearFaults: () => call('DELETE', 'faults'),
    latency: (ms: number) => call('POST', 'latency', { ms }),
    revoke: (email: string) => call('POST', `accounts/${email}/revoke`),
    expireTokens: (email: string) => call('POST', `accounts/${email}/expire-tokens`),
    registerClient: (client: object) => call('POST', 'clients', client),
    clear: () => call('DELETE', 'requests'),
    async requests(): Promise<LoggedRequest[]> {
      return (await call('GET', 'requests')) as LoggedRequest[]
    },
    async tokenCalls(): Promise<number> {
      return (await this.requests()).filter(({ path }) => new RegExp(tokenPath).test(path)).length
    },
  }
}

/** Faults of the Secrets Manager emulator. */
function awsControl(endpoint: string) {
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${endpoint}/_local/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return (await answer.json()) as Record<string, number>
  }
  return {
    throttle: (target: string, times: number) =>
      call('POST', 'faults', { match: { target }, times, action: { type: 'throttle' } }),
    clearFaults: () => call('DELETE', 'faults'),
    calls: () => call('GET', 'requests'),
    clear: () => call('DELETE', 'requests'),
  }
}

/**
 * Posts the consent form as a user's browser would; answers the query
 * that the provider sends the browser back with.
 */
export async function consent(
  authorizationUrl: string,
  account: string,
  form: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const answer = await fetch(authorizationUrl, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ decision: 'approve', account, ...form }),
  })
  const location = answer.headers.get('location')
  if (location === null)
    throw new Error(`no redirect: ${answer.status} ${(await answer.text()).slice(0, 300)}`)
  return Object.fromEntries(new URL(location).searchParams)
}

/** The use cases' dependencies over a stack, with what the hooks were called with. */
export function useCases(stack: Stack) {
  const walked: Connection[] = []
  const deps = {
    ...stack,
    publicUrl,
    returnUrls: { allowed: ['https://app.example.com'], areNeeded: false },
    connectionsPerUser: 50,
    offered: [],
    walk: (connection: Connection) => {
      walked.push(connection)
      return Promise.resolve()
    },
  }
  return { deps, walked }
}

/** A connection from start to completion, as `sub` with the provider's `account`. */
export async function connect(
  stack: Stack,
  sub: string,
  provider: Cloud,
  account: string,
): Promise<Connection> {
  const { deps } = useCases(stack)
  const started = await startConnection(deps, { ...caller(sub), provider, returnUrl })
  const completionCode = await approve(stack, started.authorizationUrl ?? '', account)
  return completeConnection(deps, {
    ...caller(sub),
    connectionId: started.connection.connectionId,
    completionCode,
  })
}

/** The same connection again, with the provider's `account`. */
export async function reconnect(stack: Stack, connection: Connection, account: string): Promise<Connection> {
  const { deps } = useCases(stack)
  const request = { ...caller(connection.userId), connectionId: connection.connectionId }
  const { authorizationUrl } = await reauthorizeConnection(deps, { ...request, returnUrl })
  return completeConnection(deps, {
    ...request,
    completionCode: await approve(stack, authorizationUrl ?? '', account),
  })
}

/** The user approves; answers the completion code that the app gets. */
export async function approve(stack: Stack, authorizationUrl: string, account: string): Promise<string> {
  const answer = await handleCallback(useCases(stack).deps, await consent(authorizationUrl, account))
  if (answer.kind !== 'redirect') throw new Error('expected a redirect')
  return new URL(answer.location).searchParams.get('completionCode') ?? ''
}
