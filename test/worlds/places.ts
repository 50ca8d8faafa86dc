import type { ProviderId } from '../../lib/providers/registry.ts'

/** One user's drive, connected when a world begins. */
export interface Place {
  readonly sub: string
  readonly provider: ProviderId
  readonly account: string
  readonly connectionId: string
}

/** Whose drives there are. */
export const accounts: readonly Omit<Place, 'connectionId'>[] = [
  { sub: 'alice', provider: 'google-drive', account: 'alice@gmail.com' },
  { sub: 'alice', provider: 'onedrive', account: 'alice@outlook.com' },
  { sub: 'alice', provider: 's3', account: '' },
  { sub: 'bob|7@example.org', provider: 'onedrive', account: 'bob@contoso.com' },
  { sub: 'bob|7@example.org', provider: 'google-drive', account: 'bob@gmail.com' },
  { sub: 'bob|7@example.org', provider: 's3', account: '' },
  { sub: 'alice', provider: 'dropbox', account: 'alice@example.com' },
]
