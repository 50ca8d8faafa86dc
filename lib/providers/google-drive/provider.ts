import type { Provider } from '../provider.ts'
import { about } from './about.ts'
import { googleDriveDriver } from './driver.ts'
import { googleGrant } from './grant.ts'
import { reservedIds } from './reserved-ids.ts'

/** Google Drive, as the rest of the project holds it. */
export const provider: Provider<'oauth2'> = {
  about,

  grant: ({ clock, settings, send }, client) =>
    googleGrant({ client, clock, send, endpoint: settings['GOOGLE_ENDPOINT'] }),

  opener(deps) {
    const reserved = reservedIds()
    const name = deps.settings['DRIVE_FOLDER']
    const endpoint = deps.settings['GOOGLE_ENDPOINT']
    return ({ connectionId, memo: { folder: id }, ...connection }, { tokens }) => {
      const onCreated = (folder: string): Promise<void> => connection.remember({ folder })
      const folder = name === undefined ? undefined : { name, id, onCreated }
      return googleDriveDriver({ ...deps, connectionId, tokens, reserved, endpoint, folder })
    }
  },
}
