import type { SimulatorAbout } from '../lib/providers/about.ts'
import type { ProviderId } from '../lib/providers/registry.ts'
import { providerIds, providers } from '../lib/providers/registry.ts'
import type { SimulatorId } from '../simulators/registry.ts'

/** A provider that the local stack can play. */
export interface Simulated extends SimulatorAbout {
  readonly provider: ProviderId
  /** A name in a provider's facts that `simulators/registry.ts` does not have fails to compile below. */
  readonly name: SimulatorId
}

function simulatorOf(provider: ProviderId): Simulated[] {
  const about = providers[provider]
  return 'simulator' in about ? [{ ...about.simulator, provider }] : []
}

/** Every provider that has a simulator, in the order of the registry. */
export const simulated: readonly Simulated[] = providerIds.flatMap(simulatorOf)

/**
 * Those that run here: where the environment names a real OAuth
 * client, the provider itself takes the simulator's place.
 */
export function simulatedUnder(env: NodeJS.ProcessEnv): readonly Simulated[] {
  return simulated.filter(({ clientSettings }) => realClient(clientSettings, env) === undefined)
}

/** The OAuth client that the environment names, when it names a whole one. */
export function realClient(
  names: SimulatorAbout['clientSettings'],
  env: NodeJS.ProcessEnv,
): { readonly clientId: string; readonly clientSecret: string } | undefined {
  if (names === undefined) return undefined
  const { [names.id]: clientId, [names.secret]: clientSecret } = env
  return clientId && clientSecret ? { clientId, clientSecret } : undefined
}
