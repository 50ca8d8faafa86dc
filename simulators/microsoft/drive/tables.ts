import type { Collection, Store } from '../../kernel/store.ts'
import type { Account, Item, ItemChange, PastVersion, Setting, Tables, UploadSession } from './records.ts'
import { childKey } from './names.ts'

/** Opens every table with its indexes. */
export function openTables(store: Store): Tables {
  const settings = store.collection<Setting>('settings')
  const changes = store.collection<ItemChange>('changes', { account: (change) => change.account })
  return {
    changes,
    accounts: store.collection<Account>('accounts', { drive: (account) => account.driveId.toLowerCase() }),
    items: noting(
      changes,
      settings,
      store.collection<Item>('items', {
        account: (item) => item.account,
        blob: (item) => item.blob ?? undefined,
        parent: (item) => (item.deletedAt === null ? (item.parentId ?? undefined) : undefined),
        child: (item) =>
          item.deletedAt === null && item.parentId !== null ? childKey(item.parentId, item.name) : undefined,
      }),
    ),
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
    settings,
  }
}

/** Every write of an item is one that delta tells. */
function noting(
  changes: Tables['changes'],
  settings: Tables['settings'],
  items: Collection<Item>,
): Collection<Item> {
  const next = (): number => {
    const number = lastChange({ settings }) + 1
    settings.put('change', { id: 'change', value: String(number) })
    return number
  }
  return {
    ...items,
    put(id, item) {
      items.put(id, item)
      changes.put(id, { id, account: item.account, number: next() })
    },
    delete(id) {
      const item = items.get(id)
      if (item !== undefined) {
        const { account, parentId, kind } = item
        changes.put(id, { id, account, number: next(), gone: { parentId, kind } })
      }
      return items.delete(id)
    },
  }
}

/** The number of the newest change. */
export const lastChange = ({ settings }: Pick<Tables, 'settings'>): number =>
  Number(settings.get('change')?.value ?? 0)

/** A value that is made once per state directory. */
export function lasting(tables: Tables, id: string, make: () => string): string {
  const kept = tables.settings.get(id)
  if (kept !== undefined) return kept.value
  const value = make()
  tables.settings.put(id, { id, value })
  return value
}
