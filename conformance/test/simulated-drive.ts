import type { ConnectionId, ObjectKey } from '../../lib/ids.ts'
import { parseConnectionId } from '../../lib/ids.ts'
import type { Driver } from '../../lib/storage/driver.ts'
import type { InstantClock } from '../../test/support/instant-clock.ts'
import { instantClock } from '../../test/support/instant-clock.ts'
import type { FaultMatch, SimulatedFile, Simulator, TestTokens } from '../../test/support/simulators.ts'
import { startSimulator } from '../../test/support/simulators.ts'
import type { FaultPoint, Harness } from '../harness.ts'

/** How one drive is played by its simulator. */
export interface SimulatedDrive {
  readonly simulator: Parameters<typeof startSimulator>[0]
  /** Of every account's address. */
  readonly domain: string
  readonly points: Readonly<Record<FaultPoint, FaultMatch>>
  /** The last fragment of a large upload; the same as `points.send`, the fragment counted, when absent. */
  readonly last?: (fragments: number) => FaultMatch
  /** What is given for less than the product asks for. */
  readonly lessScope: string
  /** Makes drivers over one account. */
  readonly open: (account: {
    readonly connectionId: ConnectionId
    readonly endpoint: string
    readonly clock: InstantClock
  }) => (tokens: TestTokens) => Driver
  /** The user's own removal of a file: path and body of a request. */
  readonly removal: (key: ObjectKey) => {
    readonly method: string
    readonly path: string
    readonly json?: object
  }
  /** A file, and not a folder that the driver has made. */
  readonly isFile?: (file: SimulatedFile) => boolean
  /** Upload sessions that hold something; without it none ever do. */
  readonly openSessions?: (simulator: Simulator, account: string) => Promise<number>
}

/** The connection of a driver that is never called. */
export const sampleConnection: ConnectionId = connection('sample')

/** A harness of the suite over a drive's simulator, with an account of its own for each world. */
export async function simulatedDrive(played: SimulatedDrive): Promise<Harness> {
  const simulator = await startSimulator(played.simulator)
  const { points, last = (fragment) => ({ ...points.send, fragment }), isFile = () => true } = played
  let people = 0
  return {
    close: () => simulator.close(),
    async world() {
      people += 1
      const account = `person${String(people)}@${played.domain}`
      const clock = instantClock()
      const tokens = await simulator.signIn(account)
      const connectionId = connection(`connection-${String(people)}`)
      const open = played.open({ connectionId, endpoint: simulator.origin, clock })
      const files = async (trashed: boolean) =>
        (await simulator.files(account)).filter((file) => file.trashed === trashed && isFile(file))
      return {
        clock,
        driver: () => open(tokens),
        held: () => files(false),
        openSessions: async () => (await played.openSessions?.(simulator, account)) ?? 0,
        faults: {
          arm: (point, action, times) => simulator.fault(points[point], action, times),
          armLast: (action, fragments) => simulator.fault(last(fragments), action),
          unmet: () => simulator.pendingFaults(),
        },
        binned: async () => (await files(true)).length,
        async removeAsUser(key) {
          const { method, path, json } = played.removal(key)
          const type = json ? { 'content-type': 'application/json' } : {}
          const response = await fetch(`${simulator.origin}${path}`, {
            method,
            headers: { authorization: await tokens.bearer(), ...type },
            ...(json ? { body: JSON.stringify(json) } : {}),
          })
          if (!response.ok) throw new Error(`removal: ${String(response.status)}`)
        },
        expireSessions: () => simulator.expireSessions(),
        account: {
          setQuota: (limit) => simulator.setQuota(account, limit),
          expireTokens: () => simulator.expireTokens(account),
          revoke: () => simulator.revoke(account),
          renewals: () => tokens.renewals,
          lostFor: () => tokens.lostFor,
          withoutScope: async () => {
            const less = await simulator.signIn(`other-${account}`, played.lessScope)
            return { driver: open(less), lostFor: less.lostFor }
          },
          requests: () => simulator.requests(account),
        },
      }
    },
  }
}

function connection(id: string): ConnectionId {
  const parsed = parseConnectionId(id)
  if (parsed === undefined) throw new Error(`${id} is no connection id.`)
  return parsed
}
