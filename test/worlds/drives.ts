import type { FaultAction } from '../../simulators/kernel/faults.ts'
import type { Records } from '../../simulators/kernel/memory-store.ts'
import { copyOfRecords } from '../../simulators/kernel/memory-store.ts'
import type { OpenedSimulator, SimulatorDefinition } from '../../simulators/kernel/simulator.ts'
import { openSimulator } from '../../simulators/kernel/simulator.ts'
import type { GoogleState } from '../../simulators/google/state.ts'
import { openGoogle } from '../../simulators/google/server.ts'
import { openDropbox } from '../../simulators/dropbox/server.ts'
import type { DropboxState } from '../../simulators/dropbox/state.ts'
import type { Context } from '../../simulators/microsoft/drive/records.ts'
import { openMicrosoft } from '../../simulators/microsoft/server.ts'
import type { WireAnswer, WireRequest } from './in-process.ts'
import { exchange } from './in-process.ts'
import type { World } from './world.ts'

export type Cloud = 'google' | 'microsoft' | 'dropbox'
export const oauthClient = {
  clientId: 'worlds',
  clientSecret: 'a secret of all worlds',
  redirectUris: ['https://api.example/v1/oauth/callback'],
}

/** What both clouds hold, for a world to begin with. */
export type CloudRecords = Readonly<Record<Cloud, Records>>

/** One cloud: its simulator's own handlers over a state in memory. */
interface Opened {
  readonly simulator: OpenedSimulator
  readonly definition: SimulatorDefinition
}

/** Google, Microsoft and Dropbox, at the world's time. */
export interface Clouds {
  readonly records: CloudRecords
  readonly google: Opened & { readonly state: GoogleState }
  readonly microsoft: Opened & { readonly context: Context }
  readonly dropbox: Opened & { readonly state: DropboxState }
  /** Answers as the cloud whose name the URL has; `fault` happens to this request. */
  ask(request: WireRequest, fault?: FaultAction): Promise<WireAnswer | undefined>
}

export function cloudOf(url: string): Cloud {
  const { hostname } = new URL(url)
  if (/\.google(apis)?\.com$/.test(hostname)) return 'google'
  return /\.dropbox(api|usercontent)?\.com$/.test(hostname) ? 'dropbox' : 'microsoft'
}

export async function openClouds(world: World, from?: CloudRecords): Promise<Clouds> {
  const records: CloudRecords = {
    google: copyOfRecords(from?.google ?? new Map()),
    microsoft: copyOfRecords(from?.microsoft ?? new Map()),
    dropbox: copyOfRecords(from?.dropbox ?? new Map()),
  }
  const clock = { now: () => world.now, advance: () => undefined }
  const options = (cloud: Cloud) => ({
    stateDir: records[cloud],
    clock,
    seed: world.seed,
    clients: [oauthClient],
  })
  const google = openGoogle(options('google'))
  const microsoft = await openMicrosoft(options('microsoft'))
  const dropbox = openDropbox(options('dropbox'))
  const clouds = {
    google: { ...google, simulator: openSimulator(google.definition, google.state) },
    microsoft: { ...microsoft, simulator: openSimulator(microsoft.definition, microsoft.context) },
    dropbox: { ...dropbox, simulator: openSimulator(dropbox.definition, dropbox.state) },
  }
  return {
    records,
    ...clouds,
    async ask(request, fault) {
      const { simulator } = clouds[cloudOf(request.url)]
      if (fault) simulator.faults.add({ match: {}, times: 1, action: fault })
      return await world.standStill(exchange(simulator, request))
    },
  }
}
