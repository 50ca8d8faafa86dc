import type { Provider } from '../provider.ts'
import { about } from './about.ts'
import { resumableContentHash } from './content-hash.ts'
import { dropboxDriver } from './driver.ts'
import { dropboxGrant } from './grant.ts'

/** Dropbox, as the rest of the project holds it. */
export const provider: Provider<'oauth2'> = {
  about,
  hashes: { [about.hash.algorithm]: resumableContentHash },

  grant: ({ clock, settings, send }, client) =>
    dropboxGrant({ client, clock, send, endpoint: settings['DROPBOX_ENDPOINT'] }),

  opener(deps) {
    const endpoint = deps.settings['DROPBOX_ENDPOINT']
    const folder = deps.settings['DRIVE_FOLDER']
    return ({ connectionId }, { tokens }) =>
      dropboxDriver({ ...deps, connectionId, tokens, endpoint, folder })
  },
}
