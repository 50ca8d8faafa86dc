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

  opener(deps) {
    const endpoint = deps.settings['MICROSOFT_ENDPOINT']
    const folder = deps.settings['DRIVE_FOLDER']
    return ({ connectionId, accountId }, { tokens }) =>
      oneDriveDriver({ ...deps, connectionId, accountId, tokens, endpoint, folder })
  },
}
