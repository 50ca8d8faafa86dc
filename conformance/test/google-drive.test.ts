import { googleDriveDriver } from '../../lib/providers/google-drive/driver.ts'
import { instantClock } from '../../test/support/instant-clock.ts'
import { noTokens } from '../../test/support/simulators.ts'
import { conformance } from '../suite.ts'
import type { SimulatedDrive } from './simulated-drive.ts'
import { sampleConnection, simulatedDrive } from './simulated-drive.ts'

const points = {
  write: { method: 'POST', path: String.raw`^/upload/drive/v3/files\?uploadType=multipart` },
  replace: { method: 'PATCH', path: '^/upload/drive/v3/files/.*uploadType=multipart' },
  begin: { method: 'POST', path: String.raw`^/upload/drive/v3/files\?uploadType=resumable` },
  send: { method: 'PUT', path: 'upload/drive/v3/files' },
  stat: { method: 'GET', path: String.raw`^/drive/v3/files/[^?]+\?.*fields=` },
  download: { method: 'GET', path: 'alt=media' },
  delete: { method: 'PATCH', path: '^/drive/v3/files/' },
}

/** The folder of one account, known to all of its drivers once one has made it. */
const open: SimulatedDrive['open'] = (account) => {
  let folderId: string | undefined
  return (tokens) =>
    googleDriveDriver({
      ...account,
      tokens,
      folder: {
        name: 'Driveway',
        ...(folderId === undefined ? {} : { id: folderId }),
        onCreated(id) {
          folderId = id
          return Promise.resolve()
        },
      },
    })
}

conformance('Google Drive', {
  sample: () =>
    googleDriveDriver({ connectionId: sampleConnection, tokens: noTokens(), clock: instantClock() }),
  pathOf: (_userKey, file) => `/Driveway/${file}`,
  faults: { throttling: { status: 429 }, garbage: [200, 400, 403, 502] },
  account: true,
  start: () =>
    simulatedDrive({
      simulator: 'google',
      domain: 'example.com',
      points,
      // Sent in one request.
      last: () => ({ ...points.send, fragment: 1 }),
      lessScope: 'openid email',
      open,
      removal: (key) => ({ method: 'PATCH', path: `/drive/v3/files/${key}`, json: { trashed: true } }),
      isFile: ({ name }) => name !== 'Driveway',
      // An abandoned session is no file, takes no space and holds no
      // name; Drive has no documented way to end it.
    }),
})
