import { startDropboxSimulator } from './dropbox/server.ts'
import { startGoogleSimulator } from './google/server.ts'
import type { ProviderOptions } from './kernel/process.ts'
import type { RunningSimulator } from './kernel/simulator.ts'
import { startMicrosoftSimulator } from './microsoft/server.ts'

export type StartSimulator = (options: ProviderOptions) => Promise<RunningSimulator>

/** Every simulator, one line each: its id, and what starts it. */
export const simulators = {
  google: startGoogleSimulator,
  microsoft: startMicrosoftSimulator,
  dropbox: startDropboxSimulator,
} as const satisfies Readonly<Record<string, StartSimulator>>

export type SimulatorId = keyof typeof simulators
