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

  opener({ clock, observe, settings, send }) {
    const reserved = reservedIds()
    const name = settings['DRIVE_FOLDER']
    return ({ connectionId, memo: { folder: id }, ...connection }, { tokens }) =>
      googleDriveDriver({
        connectionId,
        tokens,
        clock,
        observe,
        send,
        reserved,
        endpoint: settings['GOOGLE_ENDPOINT'],
        folder:
          name === undefined
            ? undefined
            : {
                name,
                ...(id === undefined ? {} : { id }),
                onCreated: (folder) => connection.remember({ folder }),
              },
      })
  },
}
