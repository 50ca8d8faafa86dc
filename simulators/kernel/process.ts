import type { AdjustableClock } from './clock.ts'
import type { OAuthClient } from './control.ts'
import type { RunningSimulator } from './simulator.ts'

/** What both `start*Simulator` functions take. */
export interface ProviderOptions {
  port: number
  host?: string
  stateDir: string
  clock?: AdjustableClock
  seed?: number
  clients?: OAuthClient[]
}

/**
 * Runs a simulator as a process of its own. Reads PORT, STATE_DIR, CLIENT_ID, CLIENT_SECRET, REDIRECT_URIS
 * (comma separated) and optionally SEED and HOST from `env`; tells a parent `{ready: true, port}` over IPC
 * when listening; ends with status 0 on SIGTERM and SIGINT, and at once when the parent is gone.
 */
export async function runAsProcess(
  start: (options: ProviderOptions) => Promise<RunningSimulator>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<RunningSimulator> {
  const stateDir = env['STATE_DIR']
  if (stateDir === undefined || stateDir === '') throw new Error('STATE_DIR is not set')
  const clientId = env['CLIENT_ID']
  const seed = env['SEED']
  const host = env['HOST']
  const simulator = await start({
    port: Number(env['PORT'] ?? 0),
    stateDir,
    ...(host === undefined || host === '' ? {} : { host }),
    ...(seed === undefined || seed === '' ? {} : { seed: Number(seed) }),
    clients: clientId === undefined || clientId === '' ? [] : [clientFrom(env, clientId)],
  })
  const end = (): void => {
    simulator.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
  // Whoever started this is gone; state is durable at every moment, so nothing needs to be put away first.
  process.once('disconnect', () => process.exit(0))
  process.send?.({ ready: true, port: simulator.port })
  return simulator
}

function clientFrom(env: Readonly<Record<string, string | undefined>>, clientId: string): OAuthClient {
  const uris = (env['REDIRECT_URIS'] ?? '').split(',').map((uri) => uri.trim())
  return {
    clientId,
    clientSecret: env['CLIENT_SECRET'] ?? '',
    redirectUris: uris.filter((uri) => uri !== ''),
  }
}
