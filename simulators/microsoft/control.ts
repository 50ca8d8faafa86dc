import type { ControlFile, ControlSession, ProviderControl } from '../kernel/control.ts'
import { accountKey, ensureAccount } from './drive/accounts.ts'
import { readDigests } from './drive/digests.ts'
import { pathOf } from './drive/drive-item.ts'
import type { Account, Context, Item } from './drive/records.ts'
import { lastChange } from './drive/tables.ts'
import { isAlive } from './drive/tree.ts'

/** What is behind `/_sim/` for this provider. */
export function microsoftControl(context: Context): ProviderControl {
  const { tables, clock } = context
  const change = (email: string, edit: (account: Account) => Account): void => {
    const account = edit(ensureAccount(context, email))
    tables.accounts.put(account.email, account)
  }
  return {
    async files(account) {
      const items =
        account === undefined ? tables.items.all() : tables.items.where('account', accountKey(account))
      return Promise.all(
        items.filter((item) => item.kind === 'file').map((item) => controlFile(context, item)),
      )
    },
    sessions(account) {
      const open =
        account === undefined ? tables.sessions.all() : tables.sessions.where('account', accountKey(account))
      return open
        .filter((session) => session.expiresAt > clock.now())
        .map(({ id, name, total, received, expiresAt }): ControlSession => ({
          id,
          name,
          size: total,
          received,
          expiresAt: new Date(expiresAt).toISOString(),
        }))
    },
    expireSessions() {
      for (const session of tables.sessions.all()) {
        tables.sessions.put(session.id, { ...session, expiresAt: Math.min(session.expiresAt, clock.now()) })
      }
    },
    expireCursors() {
      const value = String(lastChange(tables) + 1)
      for (const id of ['change', 'oldest change']) tables.settings.put(id, { id, value })
    },
    registerClient({ clientId, clientSecret, redirectUris }) {
      tables.clients.put(clientId, { clientId, clientSecret, redirectUris })
    },
    revoke(email) {
      change(email, (account) => ({ ...account, refreshGeneration: account.refreshGeneration + 1 }))
      // Consent is withdrawn with it, so a silent sign-in asks again.
      for (const client of tables.clients.all())
        tables.grants.delete(`${accountKey(email)}|${client.clientId}`)
    },
    expireTokens(email) {
      change(email, (account) => ({ ...account, accessGeneration: account.accessGeneration + 1 }))
    },
    setQuota(email, limitBytes) {
      change(email, (account) => ({ ...account, limitBytes }))
    },
  }
}

async function controlFile(context: Context, item: Item): Promise<ControlFile> {
  const sha256 = item.sha256 ?? (await readDigests(context, item.blob ?? '')).sha256
  return {
    account: item.account,
    id: item.id,
    name: item.name,
    path: `/${pathOf(context.tables, item).join('/')}`,
    size: item.size,
    sha256,
    trashed: !isAlive(context.tables, item),
    createdAt: new Date(item.createdAt).toISOString(),
  }
}
