import { parseConnectionId } from '../../lib/ids.ts'
import { oneDriveDriver } from '../../lib/providers/onedrive/driver.ts'
import { folderOf } from '../../lib/providers/onedrive/names.ts'
import { instantClock } from '../../test/support/instant-clock.ts'
import type { FaultMatch, TestTokens } from '../../test/support/simulators.ts'
import { noTokens, startSimulator } from '../../test/support/simulators.ts'
import type { FaultPoint, Harness, Subject } from '../harness.ts'
import { conformance } from '../suite.ts'

const fragment = { method: 'PUT', path: '/uploadSession' }
const points: Record<FaultPoint, FaultMatch> = {
  write: fragment,
  replace: fragment,
  begin: { method: 'POST', path: '/createUploadSession' },
  send: fragment,
  stat: { method: 'GET', path: '^/v1.0/me/drive/items/' },
  download: { method: 'GET', path: '/download.aspx' },
  delete: { method: 'DELETE', path: '^/v1.0/me/drive/items/' },
}

/** The kind of an account follows from its e-mail's domain. */
function oneDrive(domain: string) {
  return async (): Promise<Harness> => {
    const simulator = await startSimulator('microsoft')
    let people = 0
    return {
      close: () => simulator.close(),
      async world() {
        people += 1
        const account = `person${String(people)}@${domain}`
        const clock = instantClock()
        const tokens = await simulator.signIn(account)
        const open = (source: TestTokens) =>
          oneDriveDriver({
            connectionId: parseConnectionId('test-connection') ?? fail(),
            tokens: source,
            endpoint: simulator.origin,
            clock,
            folder: 'Driveway',
          })
        return {
          clock,
          driver: () => open(tokens),
          held: async () => (await simulator.files(account)).filter(({ trashed }) => !trashed),
          openSessions: async () => (await simulator.sessions(account)).length,
          faults: {
            arm: (point, action, times) => simulator.fault(points[point], action, times),
            armLast: (action, fragments) => simulator.fault({ ...fragment, fragment: fragments }, action),
            unmet: () => simulator.pendingFaults(),
          },
          binned: async () => (await simulator.files(account)).filter(({ trashed }) => trashed).length,
          async removeAsUser(key) {
            const response = await fetch(
              `${simulator.origin}/v1.0/me/drive/items/${encodeURIComponent(key)}`,
              { method: 'DELETE', headers: { authorization: await tokens.bearer() } },
            )
            if (!response.ok) throw new Error(`delete: ${String(response.status)}`)
          },
          expireSessions: () => simulator.expireSessions(),
          account: {
            setQuota: (limit) => simulator.setQuota(account, limit),
            expireTokens: () => simulator.expireTokens(account),
            revoke: () => simulator.revoke(account),
            renewals: () => tokens.renewals,
            lostFor: () => tokens.lostFor,
            withoutScope: async () => {
              const less = await simulator.signIn(`other-${account}`, 'User.Read offline_access openid')
              return { driver: open(less), lostFor: less.lostFor }
            },
            requests: () => simulator.requests(account),
          },
        }
      },
    }
  }
}

function fail(): never {
  throw new Error('not a connection id')
}

const subject = (domain: string): Subject => ({
  sample: () =>
    oneDriveDriver({
      connectionId: parseConnectionId('sample') ?? fail(),
      tokens: noTokens(),
      clock: instantClock(),
    }),
  pathOf: (userKey, file) => `/Driveway/${folderOf(userKey)}/${file}`,
  faults: { throttling: { status: 429 }, garbage: [200, 400, 403, 502] },
  account: true,
  start: oneDrive(domain),
})

conformance('OneDrive, personal account', { ...subject('outlook.com'), alwaysBins: true })
conformance('OneDrive, work account', subject('contoso.example'))
