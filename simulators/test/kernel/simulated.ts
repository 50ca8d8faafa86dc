import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AdjustableClock } from '../../kernel/clock.ts'
import { adjustableClock } from '../../kernel/clock.ts'
import type { startGoogleSimulator } from '../../google/server.ts'

/** A running simulator, as its tests hold it. */
export interface Simulated {
  origin: string
  stateDir: string
  clock: AdjustableClock
  /** a control API call; the parsed answer */
  sim(method: string, path: string, body?: unknown): Promise<unknown>
  fault(match: unknown, action: unknown, times?: number): Promise<void>
  close(): Promise<void>
}

export interface SimulatedOptions {
  seed?: number
  stateDir?: string
  clock?: AdjustableClock
}

/** A simulator on an ephemeral port with a clock that moves only by hand. */
export async function simulated(
  start: typeof startGoogleSimulator,
  client: { clientId: string; clientSecret: string; redirectUris: string[] },
  options: SimulatedOptions,
): Promise<Simulated> {
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), 'driveway-sim-')))
  const clock = options.clock ?? adjustableClock(() => Date.parse('2026-11-01T10:00:00Z'))
  const seed = options.seed === undefined ? {} : { seed: options.seed }
  const running = await start({ port: 0, stateDir, clock, clients: [client], ...seed })
  const sim: Simulated['sim'] = async (method, path, body) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    const response = await fetch(`${running.origin}/_sim/${path}`, init)
    if (!response.ok) throw new Error(`control API answered ${response.status}: ${await response.text()}`)
    return response.json()
  }
  return {
    origin: running.origin,
    stateDir,
    clock,
    sim,
    async fault(match, action, times = 1) {
      await sim('POST', 'faults', { match, action, times })
    },
    async close() {
      await running.close()
      if (options.stateDir === undefined) await rm(stateDir, { recursive: true, force: true })
    },
  }
}
