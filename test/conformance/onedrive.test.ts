import { parseConnectionId } from '../../lib/ids.ts'
import { oneDriveBackend } from '../../lib/providers/onedrive/backend.ts'
import { folderOf } from '../../lib/providers/onedrive/names.ts'
import { createQuickXor } from '../../lib/providers/onedrive/quick-xor-hash.ts'
import { instantClock } from '../support/instant-clock.ts'
import type { FaultMatch, TestTokens } from '../support/simulators.ts'
import { startSimulator } from '../support/simulators.ts'
import type { FaultPoint, Harness, Traits } from './harness.ts'
import { conformance } from './suite.ts'

const fragment = { method: 'PUT', path: '/uploadSession' }
/** Up to 4 MiB go with one request, more in fragments. */
const content = { method: 'PUT', path: '/(?:content|uploadSession)' }
const points: Record<FaultPoint, FaultMatch> = {
  write: content,
  replace: content,
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
          oneDriveBackend({
            connectionId: parseConnectionId('test-connection') ?? fail(),
            tokens: source,
            endpoint: simulator.origin,
            clock,
            folder: 'Driveway',
          })
        return {
          clock,
          backend: () => open(tokens),
          held: async () => (await simulator.files(account)).filter(({ trashed }) => !trashed),
          openSessions: async () => (await simulator.sessions(account)).length,
          fault: (point, action, times) => simulator.fault(points[point], action, times),
          faultLast: (action, fragments) => simulator.fault({ ...fragment, fragment: fragments }, action),
          unmetFaults: () => simulator.pendingFaults(),
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
            withoutScope: async () =>
              open(await simulator.signIn(`other-${account}`, 'User.Read offline_access openid')),
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

const traits: Traits = {
  account: true,
  presignedUrls: false,
  reservedKeys: false,
  placeholders: true,
  pathOf: (userKey, name) => `/Driveway/${folderOf(userKey)}/${name}`,
  hashOf(bytes) {
    const hash = createQuickXor()
    hash.update(bytes)
    return hash.digest()
  },
  throttling: { status: 429 },
  garbage: [200, 502],
}

conformance('OneDrive, personal account', traits, oneDrive('outlook.com'))
conformance('OneDrive, work account', traits, oneDrive('contoso.example'))
