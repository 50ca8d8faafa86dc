import type { ClientSource, Grant } from '../grants/grant.ts'
import { loadProvider } from '../providers/load.ts'
import type { OpenBackend, Provider, ProviderDeps } from '../providers/provider.ts'
import type { GrantAbout } from '../providers/about.ts'
import type { ProviderId } from '../providers/registry.ts'
import { aboutOf, providerIds } from '../providers/registry.ts'
import type { StartHash } from '../transfer/hash.ts'
import { onceEach } from './settings.ts'

/** The providers of one process, each loaded when it is first asked for. */
export interface Providers {
  grant(id: ProviderId): Promise<Grant>
  opener(id: ProviderId): Promise<OpenBackend<GrantAbout['kind']>>
}

/** `clientOf` reads this deployment's OAuth client at a provider. */
export function openProviders(deps: ProviderDeps, clientOf: (id: ProviderId) => ClientSource): Providers {
  return {
    grant: onceEach(async (id) => {
      const provider: Provider = await loadProvider[id]()
      return provider.grant(deps, clientOf(id))
    }),
    opener: onceEach(async (id) => {
      const provider: Provider = await loadProvider[id]()
      return provider.opener(deps)
    }),
  }
}

/** `common`, and the hashes that single providers bring along, whose code is loaded for them. */
export function startHashWith(common: StartHash): StartHash {
  return async (algorithm, saved) => {
    for (const id of providerIds.filter((each) => aboutOf(each).hash?.algorithm === algorithm)) {
      const provider: Provider = await loadProvider[id]()
      const start = provider.hashes?.[algorithm]
      if (start) return start(saved)
    }
    return common(algorithm, saved)
  }
}
