import { googleDriveDriver } from '../../lib/providers/google-drive/driver.ts'
import { parseConnectionId } from '../../lib/ids.ts'
import { instantClock } from '../../test/support/instant-clock.ts'
import type { FaultMatch, TestTokens } from '../../test/support/simulators.ts'
import { noTokens, startSimulator } from '../../test/support/simulators.ts'
import type { FaultPoint, Harness } from '../harness.ts'
import { conformance } from '../suite.ts'

const points: Record<FaultPoint, FaultMatch> = {
  write: { method: 'POST', path: String.raw`^/upload/drive/v3/files\?uploadType=multipart` },
  replace: { method: 'PATCH', path: '^/upload/drive/v3/files/.*uploadType=multipart' },
  begin: { method: 'POST', path: String.raw`^/upload/drive/v3/files\?uploadType=resumable` },
  send: { method: 'PUT', path: 'upload/drive/v3/files' },
  stat: { method: 'GET', path: String.raw`^/drive/v3/files/[^?]+\?.*fields=` },
  download: { method: 'GET', path: 'alt=media' },
  delete: { method: 'PATCH', path: '^/drive/v3/files/' },
}

async function googleDrive(): Promise<Harness> {
  const simulator = await startSimulator('google')
  let people = 0
  return {
    close: () => simulator.close(),
    async world() {
      people += 1
      const number = people
      const account = `person${String(people)}@example.com`
      const clock = instantClock()
      const tokens = await simulator.signIn(account)
      let folderId: string | undefined
      const open = (source: TestTokens) =>
        googleDriveDriver({
          connectionId: parseConnectionId(`connection-${String(number)}`) ?? fail(),
          tokens: source,
          endpoint: simulator.origin,
          clock,
          folder: {
            name: 'Driveway',
            ...(folderId === undefined ? {} : { id: folderId }),
            onCreated(id) {
              folderId = id
              return Promise.resolve()
            },
          },
        })
      return {
        clock,
        driver: () => open(tokens),
        held: async () =>
          (await simulator.files(account)).filter(({ name, trashed }) => !trashed && name !== 'Driveway'),
        // An abandoned session is no file, takes no space and holds no
        // name; Drive has no documented way to end it.
        openSessions: () => Promise.resolve(0),
        faults: {
          arm: (point, action, times) => simulator.fault(points[point], action, times),
          armLast: (action) => simulator.fault({ ...points.send, fragment: 1 }, action),
          unmet: () => simulator.pendingFaults(),
        },
        binned: async () => (await simulator.files(account)).filter(({ trashed }) => trashed).length,
        async removeAsUser(key) {
          const response = await fetch(`${simulator.origin}/drive/v3/files/${key}`, {
            method: 'PATCH',
            headers: { authorization: await tokens.bearer(), 'content-type': 'application/json' },
            body: JSON.stringify({ trashed: true }),
          })
          if (!response.ok) throw new Error(`trash: ${String(response.status)}`)
        },
        expireSessions: () => simulator.expireSessions(),
        account: {
          setQuota: (limit) => simulator.setQuota(account, limit),
          expireTokens: () => simulator.expireTokens(account),
          revoke: () => simulator.revoke(account),
          renewals: () => tokens.renewals,
          lostFor: () => tokens.lostFor,
          withoutScope: async () => {
            const less = await simulator.signIn(`other-${account}`, 'openid email')
            return { driver: open(less), lostFor: less.lostFor }
          },
          requests: () => simulator.requests(account),
        },
      }
    },
  }
}

function fail(): never {
  throw new Error('not a connection id')
}

const nobody = noTokens()

conformance('Google Drive', {
  sample: () =>
    googleDriveDriver({
      connectionId: parseConnectionId('sample') ?? fail(),
      tokens: nobody,
      clock: instantClock(),
    }),
  pathOf: (_userKey, file) => `/Driveway/${file}`,
  faults: { throttling: { status: 429 }, garbage: [200, 400, 403, 502] },
  account: true,
  start: googleDrive,
})
