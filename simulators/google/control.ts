import type { ControlFile, ControlSession, ProviderControl } from '../kernel/control.ts'
import { isTrashed } from './drive/access.ts'
import { endSessions } from './drive/sessions.ts'
import { expireAccess, revokeAccount } from './oauth/grants.ts'
import type { DriveFile, GoogleState } from './state.ts'
import { ensureAccount } from './state.ts'

/** Google's side of the control API. */
export function googleControl(state: GoogleState): ProviderControl {
  return {
    files(account) {
      const files = account === undefined ? state.files.all() : state.files.where('account', account)
      return files.filter((file) => file.content !== undefined).map((file) => toControlFile(state, file))
    },
    sessions(account) {
      const now = state.clock.now()
      return state.sessions
        .where('state', 'open')
        .filter(
          (session) => session.expiresAt > now && (account === undefined || session.account === account),
        )
        .map((session): ControlSession => ({
          id: session.id,
          name: session.name,
          size: session.total ?? null,
          received: session.received,
          expiresAt: new Date(session.expiresAt).toISOString(),
        }))
    },
    expireSessions: () => endSessions(state, 'all'),
    expireCursors() {
      // A token of now is one of before, too.
      const number = (state.counters.get('change') ?? 0) + 1
      state.counters.put('change', number)
      state.counters.put('oldest', number + 1)
    },
    registerClient: (client) => state.clients.put(client.clientId, client),
    revoke: (account) => revokeAccount(state, account),
    expireTokens: (account) => expireAccess(state, account),
    setQuota(account, limitBytes) {
      state.accounts.put(account, { ...ensureAccount(state, account), limitBytes })
    },
  }
}

function toControlFile(state: GoogleState, file: DriveFile): ControlFile {
  return {
    account: file.account,
    id: file.id,
    name: file.name,
    path: `${folderPath(state, file.parent)}/${file.name}`,
    size: file.content?.size ?? 0,
    sha256: file.content?.sha256 ?? '',
    trashed: isTrashed(state, file),
    createdAt: new Date(file.createdTime).toISOString(),
  }
}

function folderPath(state: GoogleState, id: string): string {
  const folder = state.files.get(id)
  return folder === undefined ? '' : `${folderPath(state, folder.parent)}/${folder.name}`
}
