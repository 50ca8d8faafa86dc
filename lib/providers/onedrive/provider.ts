import type { Provider } from '../provider.ts'
import { about } from './about.ts'
import { oneDriveBackend } from './backend.ts'
import { microsoftGrant } from './grant.ts'
import { createQuickXor } from './quick-xor-hash.ts'

/** OneDrive, as the rest of the project holds it. */
export const provider: Provider<'oauth2'> = {
  about,
  hashes: { [about.hash.algorithm]: createQuickXor },

  grant: ({ clock, settings }, client) =>
    microsoftGrant({
      client,
      clock,
      tenant: settings['MICROSOFT_TENANT_ID'],
      endpoint: settings['MICROSOFT_ENDPOINT'],
    }),

  opener:
    ({ clock, observe, settings }) =>
    ({ connectionId, accountId }, { tokens }) =>
      oneDriveBackend({
        connectionId,
        accountId,
        tokens,
        clock,
        observe,
        endpoint: settings['MICROSOFT_ENDPOINT'],
        folder: settings['DRIVE_FOLDER'],
      }),
}
