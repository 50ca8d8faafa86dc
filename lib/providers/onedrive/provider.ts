import type { Provider } from '../provider.ts'
import { about } from './about.ts'
import { oneDriveDriver } from './driver.ts'
import { microsoftGrant } from './grant.ts'
import { createQuickXor } from './quick-xor-hash.ts'

/** OneDrive, as the rest of the project holds it. */
export const provider: Provider<'oauth2'> = {
  about,
  hashes: { [about.hash.algorithm]: createQuickXor },

  grant: ({ clock, settings, send }, client) =>
    microsoftGrant({
      client,
      clock,
      send,
      tenant: settings['MICROSOFT_TENANT_ID'],
      endpoint: settings['MICROSOFT_ENDPOINT'],
    }),

  opener:
    ({ clock, observe, settings, send }) =>
    ({ connectionId, accountId }, { tokens }) =>
      oneDriveDriver({
        connectionId,
        accountId,
        tokens,
        clock,
        observe,
        send,
        endpoint: settings['MICROSOFT_ENDPOINT'],
        folder: settings['DRIVE_FOLDER'],
      }),
}
