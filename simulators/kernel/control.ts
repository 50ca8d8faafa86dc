import * as z from 'zod/mini'
import type { AdjustableClock } from './clock.ts'
import type { Exchange } from './exchange.ts'
import type { Faults } from './faults.ts'
import { faultDefinition } from './faults.ts'
import type { Latency } from './latency.ts'
import { latencySetting } from './latency.ts'
import type { RequestLog } from './request-log.ts'
import type { RouteDefinition } from './routes.ts'

/** A stored file as `GET /_sim/files` shows it; `createdAt` is ISO 8601. */
export interface ControlFile {
  account: string
  id: string
  name: string
  /** names from the root down, `/a/b.bin` */
  path: string
  size: number
  sha256: string
  trashed: boolean
  createdAt: string
}

/** An open upload session as `GET /_sim/sessions` shows it; `size` is null while unknown. */
export interface ControlSession {
  id: string
  name: string
  size: number | null
  received: number
  expiresAt: string
}

/**
 * An OAuth client that the simulator knows. `testing`: the consent
 * screen is in Testing status (short refresh tokens).
 */
export interface OAuthClient {
  clientId: string
  clientSecret: string
  redirectUris: string[]
  testing?: boolean | undefined
}

/** What a provider does behind the common control API. */
export interface ProviderControl {
  files(account?: string): Promise<ControlFile[]> | ControlFile[]
  sessions(account?: string): Promise<ControlSession[]> | ControlSession[]
  expireSessions(): void
  /** No cursor of a list of changes that was given out before is good any more. */
  expireCursors(): void
  registerClient(client: OAuthClient): void
  revoke(account: string): void
  expireTokens(account: string): void
  setQuota(account: string, limitBytes: number): void
}

const clientBody = z.object({
  clientId: z.string().check(z.minLength(1)),
  clientSecret: z.string(),
  redirectUris: z.array(z.string()),
  testing: z.optional(z.boolean()),
})
const quotaBody = z.object({ limitBytes: z.number().check(z.gte(0)) })
const clockBody = z.object({ advanceMs: z.number() })

export interface ControlSetup {
  control: ProviderControl
  clock: AdjustableClock
  faults: Faults
  latency: Latency
  log: RequestLog
}

const account = (x: Exchange): string | undefined => x.url.searchParams.get('account') ?? undefined
const done = (x: Exchange): Promise<void> => x.json(200, { ok: true })

const accepting =
  <T>(schema: z.ZodMiniType<T>, accept: (value: T, x: Exchange) => void) =>
  async (x: Exchange) => {
    const parsed = schema.safeParse(await x.jsonBody().catch(() => null))
    if (!parsed.success) {
      await x.json(400, { error: z.prettifyError(parsed.error) })
      return
    }
    accept(parsed.data, x)
    await done(x)
  }
const doing = (act: (x: Exchange) => void) => (x: Exchange) => {
  act(x)
  return done(x)
}

/** The routes under `/_sim/`. They are never logged, delayed or hit by faults. */
export function controlRoutes({ control, clock, faults, latency, log }: ControlSetup): RouteDefinition[] {
  return [
    { method: 'GET', path: '/_sim/requests', handler: (x) => x.json(200, log.list()) },
    { method: 'DELETE', path: '/_sim/requests', handler: doing(() => log.clear()) },
    {
      method: 'GET',
      path: '/_sim/files',
      handler: async (x) => x.json(200, await control.files(account(x))),
    },
    {
      method: 'GET',
      path: '/_sim/sessions',
      handler: async (x) => x.json(200, await control.sessions(account(x))),
    },
    { method: 'DELETE', path: '/_sim/sessions', handler: doing(() => control.expireSessions()) },
    { method: 'DELETE', path: '/_sim/cursors', handler: doing(() => control.expireCursors()) },
    {
      method: 'POST',
      path: '/_sim/clients',
      handler: accepting(clientBody, (c) => control.registerClient(c)),
    },
    { method: 'GET', path: '/_sim/latency', handler: (x) => x.json(200, latency.get()) },
    {
      method: 'POST',
      path: '/_sim/latency',
      handler: accepting(latencySetting, (setting) => latency.set(setting)),
    },
    { method: 'GET', path: '/_sim/faults', handler: (x) => x.json(200, faults.list()) },
    {
      method: 'POST',
      path: '/_sim/faults',
      handler: accepting(faultDefinition, (fault) => faults.add(fault)),
    },
    { method: 'DELETE', path: '/_sim/faults', handler: doing(() => faults.clear()) },
    {
      method: 'GET',
      path: '/_sim/clock',
      handler: (x) => x.json(200, { now: new Date(clock.now()).toISOString() }),
    },
    {
      method: 'POST',
      path: '/_sim/clock',
      handler: accepting(clockBody, ({ advanceMs }) => clock.advance(advanceMs)),
    },
    ...accountRoutes(control),
  ]
}

function accountRoutes(control: ControlSetup['control']): RouteDefinition[] {
  return [
    {
      method: 'POST',
      path: '/_sim/accounts/:email/revoke',
      handler: doing((x) => control.revoke(x.params['email'] ?? '')),
    },
    {
      method: 'POST',
      path: '/_sim/accounts/:email/expire-tokens',
      handler: doing((x) => control.expireTokens(x.params['email'] ?? '')),
    },
    {
      method: 'POST',
      path: '/_sim/accounts/:email/quota',
      handler: accepting(quotaBody, ({ limitBytes }, x) =>
        control.setQuota(x.params['email'] ?? '', limitBytes),
      ),
    },
  ]
}
