import type { Connection } from '../catalog/connections.ts'
import type { OpenedFor } from '../providers/provider.ts'
import { usesOAuth } from '../providers/registry.ts'
import type { Backend } from '../storage/backend.ts'
import { connections } from './catalog.ts'
import { accessTokens, providers } from './credentials.ts'

/** The backend of a connection. */
export async function openBackend(connection: Connection): Promise<Backend> {
  const { connectionId, provider, accountId } = connection
  const open = await providers().opener(provider)
  const openedFor: OpenedFor = {
    connectionId,
    accountId,
    memo: connection.memo ?? {},
    async remember(memo) {
      await connections().change(connection, connectionId, (seen) =>
        Object.entries(memo).every(([name, value]) => seen.memo?.[name] === value)
          ? undefined
          : { memo: { ...seen.memo, ...memo } },
      )
    },
  }
  return usesOAuth(provider)
    ? open(openedFor, { kind: 'oauth2', tokens: accessTokens().sourceOf(connection) })
    : open(openedFor, { kind: 'none' })
}
