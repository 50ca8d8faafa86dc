import { parseConnectionId } from '../../lib/ids.ts'
import { dropboxDriver } from '../../lib/providers/dropbox/driver.ts'
import { folderOf } from '../../lib/providers/dropbox/names.ts'
import { instantClock } from '../../test/support/instant-clock.ts'
import type { FaultMatch, TestTokens } from '../../test/support/simulators.ts'
import { noTokens, startSimulator } from '../../test/support/simulators.ts'
import type { FaultPoint, Harness } from '../harness.ts'
import { conformance } from '../suite.ts'

const points: Record<FaultPoint, FaultMatch> = {
  write: { path: '^/2/files/upload$' },
  replace: { path: '^/2/files/upload$' },
  begin: { path: '^/2/files/upload_session/start$' },
  send: { path: '^/2/files/upload_session/(?:append_v2|finish)$' },
  stat: { path: '^/2/files/get_metadata$' },
  download: { path: '^/2/files/download$' },
  delete: { path: '^/2/files/delete_v2$' },
}

async function dropbox(): Promise<Harness> {
  const simulator = await startSimulator('dropbox')
  let people = 0
  return {
    close: () => simulator.close(),
    async world() {
      people += 1
      const account = `person${String(people)}@example.com`
      const clock = instantClock()
      const tokens = await simulator.signIn(account)
      const open = (source: TestTokens) =>
        dropboxDriver({
          connectionId: parseConnectionId('test-connection') ?? fail(),
          tokens: source,
          endpoint: simulator.origin,
          clock,
          folder: 'Driveway',
        })
      const files = () => simulator.files(account)
      return {
        clock,
        driver: () => open(tokens),
        held: async () => (await files()).filter(({ trashed }) => !trashed),
        // One that was given up holds neither a name nor space, and no call ends it.
        openSessions: () => Promise.resolve(0),
        faults: {
          arm: (point, action, times) => simulator.fault(points[point], action, times),
          armLast: (action, fragments) => simulator.fault({ ...points.send, fragment: fragments }, action),
          unmet: () => simulator.pendingFaults(),
        },
        binned: async () => (await files()).filter(({ trashed }) => trashed).length,
        async removeAsUser(key) {
          const response = await fetch(`${simulator.origin}/2/files/delete_v2`, {
            method: 'POST',
            headers: { authorization: await tokens.bearer(), 'content-type': 'application/json' },
            body: JSON.stringify({ path: key }),
          })
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
            const less = await simulator.signIn(`other-${account}`, 'account_info.read')
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

conformance('Dropbox', {
  sample: () =>
    dropboxDriver({
      connectionId: parseConnectionId('sample') ?? fail(),
      tokens: noTokens(),
      clock: instantClock(),
    }),
  pathOf: (userKey, file) => `/Driveway/${folderOf(userKey)}/${file}`,
  faults: { throttling: { status: 429 }, garbage: [200, 400, 403, 502] },
  alwaysBins: true,
  typeless: true,
  signedSessions: true,
  account: true,
  start: dropbox,
})
