import type { Connection, ConnectionStore } from '../catalog/connections.ts'
import type { ClientSource, Credentials, Grant } from '../grants/grant.ts'
import { loadProvider } from '../providers/load.ts'
import type { OpenedFor, Provider, ProviderDeps } from '../providers/provider.ts'
import type { ProviderId } from '../providers/registry.ts'
import { aboutOf, commonHashes, providerIds } from '../providers/registry.ts'
import type { Driver } from '../storage/driver.ts'
import type { StartHash } from '../transfer/hash.ts'
import { onceEach } from './once.ts'

export interface ProvidersDeps extends ProviderDeps {
  /** This deployment's OAuth client at a provider. */
  readonly clientOf: (id: ProviderId) => ClientSource
  readonly credentialsOf: (connection: Connection) => Credentials
  readonly connections: () => Pick<ConnectionStore, 'change'>
  readonly commonHash: StartHash
}

/** The providers of one process, each loaded when it is first asked for. */
export function openProviders(deps: ProvidersDeps) {
  const load = onceEach((id: ProviderId): Promise<Provider> => loadProvider[id]())
  const opener = onceEach(async (id: ProviderId) => (await load(id)).opener(deps))
  return {
    openGrant: onceEach(async (id: ProviderId): Promise<Grant> =>
      (await load(id)).grant(deps, deps.clientOf(id)),
    ),
    openDriver: async (connection: Connection): Promise<Driver> => {
      const open = await opener(connection.provider)
      return open(openedFor(deps, connection), deps.credentialsOf(connection))
    },
    startHash: startHashWith(deps.commonHash),
  }
}

function openedFor(deps: ProvidersDeps, connection: Connection): OpenedFor {
  const { connectionId, accountId, memo = {} } = connection
  return {
    connectionId,
    accountId,
    memo,
    async remember(more) {
      await deps
        .connections()
        .change(connection, connectionId, (seen) =>
          Object.entries(more).every(([name, value]) => seen.memo?.[name] === value)
            ? undefined
            : { memo: { ...seen.memo, ...more } },
        )
    },
  }
}

/** `common`, and the hashes that single providers bring along, whose code is loaded for them. */
export function startHashWith(common: StartHash): StartHash {
  return async (algorithm, saved) => {
    if (commonHashes.some((name) => name === algorithm)) return common(algorithm, saved)
    for (const id of providerIds.filter((each) => aboutOf(each).hash?.algorithm === algorithm)) {
      const provider: Provider = await loadProvider[id]()
      const start = provider.hashes?.[algorithm]
      if (start) return start(saved)
    }
    throw new TypeError(`No hash is known by the name ${algorithm}.`)
  }
}
