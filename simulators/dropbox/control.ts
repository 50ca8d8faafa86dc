import type { ControlFile, ControlSession, ProviderControl } from '../kernel/control.ts'
import { endSessions } from './files/sessions.ts'
import { pathOf } from './files/tree.ts'
import { expireAccess, revokeAccount } from './oauth/grants.ts'
import type { DropboxState, Entry } from './state.ts'
import { ensureAccount, nextNumber } from './state.ts'

/** Dropbox's side of the control API. Paths are those of the app's folder. */
export function dropboxControl(state: DropboxState): ProviderControl {
  return {
    files(account) {
      const entries = account === undefined ? state.entries.all() : state.entries.where('account', account)
      return entries.filter((entry) => entry.content !== undefined).map((entry) => controlFile(state, entry))
    },
    sessions(account) {
      const all = account === undefined ? state.sessions.all() : state.sessions.where('account', account)
      return all
        .filter(({ done, expiresAt }) => !done && expiresAt > state.clock.now())
        .map(({ id, received, pieces, expiresAt }): ControlSession => ({
          id,
          name: '',
          size: null,
          received: pieces?.reduce((sum, { size }) => sum + size, 0) ?? received,
          expiresAt: new Date(expiresAt).toISOString(),
        }))
    },
    expireSessions: () => endSessions(state),
    expireCursors: () => state.counters.put('oldest', nextNumber(state, 'change')),
    registerClient: (client) => state.clients.put(client.clientId, client),
    revoke: (account) => revokeAccount(state, account),
    expireTokens: (account) => expireAccess(state, account),
    setQuota(account, limitBytes) {
      state.accounts.put(account, { ...ensureAccount(state, account), limitBytes })
    },
  }
}

function controlFile(state: DropboxState, entry: Entry): ControlFile {
  return {
    account: entry.account,
    id: entry.id,
    name: entry.name,
    path: pathOf(state, entry),
    size: entry.content?.size ?? 0,
    sha256: entry.content?.sha256 ?? '',
    trashed: entry.deletedAt !== undefined,
    createdAt: new Date(entry.createdAt).toISOString(),
  }
}
