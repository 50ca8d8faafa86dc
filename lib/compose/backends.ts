import type { Connection } from '../catalog/connections.ts'
import { rememberFolder } from '../connections/read.ts'
import { usesOAuth } from '../providers/registry.ts'
import type { Backend } from '../storage/backend.ts'
import { connections } from './catalog.ts'
import { accessTokens, providers } from './credentials.ts'

/** The backend of a connection. */
export async function openBackend(connection: Connection): Promise<Backend> {
  const { connectionId, provider, accountId, folderId } = connection
  const open = await providers().opener(provider)
  const openedFor = {
    connectionId,
    accountId,
    memo: folderId === undefined ? {} : { folder: folderId },
    async remember({ folder }: Readonly<Record<string, string>>) {
      if (folder !== undefined) await rememberFolder({ connections: connections() }, connection, folder)
    },
  }
  return usesOAuth(provider)
    ? open(openedFor, { kind: 'oauth2', tokens: accessTokens().sourceOf(connection) })
    : open(openedFor, { kind: 'none' })
}
