import type { Store } from '../../kernel/store.ts'
import type { Account, Item, PastVersion, Tables, UploadSession } from './records.ts'
import { childKey } from './names.ts'

/** Opens every table with its indexes. */
export function openTables(store: Store): Tables {
  return {
    accounts: store.collection<Account>('accounts', { drive: (account) => account.driveId.toLowerCase() }),
    items: store.collection<Item>('items', {
      account: (item) => item.account,
      blob: (item) => item.blob ?? undefined,
      parent: (item) => (item.deletedAt === null ? (item.parentId ?? undefined) : undefined),
      child: (item) =>
        item.deletedAt === null && item.parentId !== null ? childKey(item.parentId, item.name) : undefined,
    }),
    versions: store.collection<PastVersion>('versions', { item: (version) => version.item }),
    sessions: store.collection<UploadSession>('sessions', {
      account: (session) => session.account,
      target: (session) => childKey(session.parentId, session.name),
    }),
    codes: store.collection('codes'),
    refreshTokens: store.collection('refresh_tokens'),
    accessTokens: store.collection('access_tokens'),
    clients: store.collection('clients'),
    grants: store.collection('grants'),
    appFolders: store.collection('app_folders'),
    copyJobs: store.collection('copy_jobs'),
    settings: store.collection('settings'),
  }
}

/** A value that is made once per state directory. */
export function lasting(tables: Tables, id: string, make: () => string): string {
  const kept = tables.settings.get(id)
  if (kept !== undefined) return kept.value
  const value = make()
  tables.settings.put(id, { id, value })
  return value
}
