import { oneDriveDriver } from '../../lib/providers/onedrive/driver.ts'
import { folderOf } from '../../lib/providers/onedrive/names.ts'
import { instantClock } from '../../test/support/instant-clock.ts'
import { whole } from '../../test/support/sample.ts'
import { noTokens } from '../../test/support/simulators.ts'
import { where } from '../../test/support/where.ts'
import type { Subject } from '../harness.ts'
import { conformance } from '../suite.ts'
import { sampleConnection, simulatedDrive } from './simulated-drive.ts'

const fragment = { method: 'PUT', path: '/uploadSession' }

/** The kind of an account follows from its e-mail's domain. */
const subject = (domain: string): Subject => ({
  sample: () => oneDriveDriver({ connectionId: sampleConnection, tokens: noTokens(), clock: instantClock() }),
  pathOf: (userKey, file) => `/Driveway/${folderOf(userKey)}/${file}`,
  faults: { throttling: { status: 429 }, garbage: [200, 400, 403, 502] },
  account: true,
  start: () =>
    simulatedDrive({
      simulator: 'microsoft',
      domain,
      points: {
        write: fragment,
        replace: fragment,
        begin: { method: 'POST', path: '/createUploadSession' },
        send: fragment,
        stat: { method: 'GET', path: '^/v1.0/me/drive/items/' },
        download: { method: 'GET', path: '/download.aspx' },
        delete: { method: 'DELETE', path: '^/v1.0/me/drive/items/' },
      },
      lessScope: 'User.Read offline_access openid',
      open: (account) => (tokens) => oneDriveDriver({ ...account, tokens, folder: 'Driveway' }),
      removal: (key) => ({ method: 'DELETE', path: `/v1.0/me/drive/items/${encodeURIComponent(key)}` }),
      openSessions: async (simulator, account) => (await simulator.sessions(account)).length,
    }),
})

where(whole, () => conformance('OneDrive, personal account', { ...subject('outlook.com'), alwaysBins: true }))
conformance('OneDrive, work account', subject('contoso.example'))
