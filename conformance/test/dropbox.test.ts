import { dropboxDriver } from '../../lib/providers/dropbox/driver.ts'
import { folderOf } from '../../lib/providers/dropbox/names.ts'
import { instantClock } from '../../test/support/instant-clock.ts'
import { noTokens } from '../../test/support/simulators.ts'
import { conformance } from '../suite.ts'
import { sampleConnection, simulatedDrive } from './simulated-drive.ts'

conformance('Dropbox', {
  sample: () => dropboxDriver({ connectionId: sampleConnection, tokens: noTokens(), clock: instantClock() }),
  pathOf: (userKey, file) => `/Driveway/${folderOf(userKey)}/${file}`,
  faults: { throttling: { status: 429 }, garbage: [200, 400, 403, 502] },
  alwaysBins: true,
  typeless: true,
  signedSessions: true,
  account: true,
  start: () =>
    simulatedDrive({
      simulator: 'dropbox',
      domain: 'example.com',
      points: {
        write: { path: '^/2/files/upload$' },
        replace: { path: '^/2/files/upload$' },
        begin: { path: '^/2/files/upload_session/start$' },
        send: { path: '^/2/files/upload_session/(?:append_v2|finish)$' },
        stat: { path: '^/2/files/get_metadata$' },
        download: { path: '^/2/files/download$' },
        delete: { path: '^/2/files/delete_v2$' },
      },
      lessScope: 'account_info.read',
      open: (account) => (tokens) => dropboxDriver({ ...account, tokens, folder: 'Driveway' }),
      removal: (key) => ({ method: 'POST', path: '/2/files/delete_v2', json: { path: key } }),
      // A session that was given up holds neither a name nor space, and no call ends it.
    }),
})
