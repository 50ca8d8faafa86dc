import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../lib/clock.ts'
import { presentDocument } from '../../../lib/documents/present.ts'
import type { DocumentEvents } from '../../support/document-events.ts'
import { documentEvents } from '../../support/document-events.ts'
import type { OpenedDeps } from '../../support/intake-world.ts'
import {
  address,
  bucketKeys,
  connect,
  must,
  openClients,
  openDeps,
  randomBytes,
  sha256,
  startWorld,
} from '../../support/intake-world.ts'
import { killAtRandom } from '../../support/killing.ts'
import { whole } from '../../support/sample.ts'
import type { Simulator } from '../../support/simulators.ts'
import { startSimulator } from '../../support/simulators.ts'

const fragment = 1.25 * 1024 * 1024
const account = 'killed@example.com'

/** The document's name, or the one that it takes when a lost session holds that. */
const isFileOf = (documentId: string): RegExp =>
  new RegExp(String.raw`^${documentId}(?: \([0-9a-f]{8}\))?\.bin$`)

const ways = [
  ['google-drive', 'google', /upload_id=/, fragment, fragment],
  // All of it in one request: what was on its way is lost, and what the drive has kept is not sent again.
  ['google-drive', 'google', /upload_id=/, undefined, 8 * fragment],
  ['onedrive', 'microsoft', /upload/, undefined, fragment],
  ['dropbox', 'dropbox', /upload_session\/(?:append_v2|finish)/, undefined, fragment],
] as const
const tried = whole ? ways : ways.filter(([, , , streamBytes]) => streamBytes === undefined)
describe.each(tried)(
  'a process that is killed on the way to %s',
  (provider, name, path, streamBytes, mostAgain) => {
    let world: Awaited<ReturnType<typeof startWorld>>
    let simulator: Simulator
    let opened: OpenedDeps
    let events: DocumentEvents
    beforeAll(async () => {
      world = await startWorld()
      events = documentEvents(world.endpoints)
      simulator = await startSimulator(name)
      opened = openDeps(openClients(world.endpoints), {
        clock: systemClock,
        openDriver: () => Promise.reject(new Error('not here')),
        publish: () => undefined,
      })
    })
    afterAll(async () => {
      events.close()
      opened.close()
      await simulator.close()
      await world.close()
    })

    test('is followed by one that goes on: one file, whole, and little sent again', async () => {
      const tokens = await simulator.signIn(account)
      const connection = await connect(opened, 'killed', provider)
      const content = randomBytes(12 * fragment + 5)
      const { endpoints } = world
      const { connectionId } = connection
      const accessToken = (await tokens.get()).token.reveal()
      const settings = { leaseMs: 60_000, ...(streamBytes === undefined ? {} : { streamBytes }) }
      const config = {
        endpoints,
        provider,
        origin: simulator.origin,
        connectionId,
        accessToken,
        settings,
        fragmentBytes: fragment,
      }
      const killing = await killAtRandom(opened, simulator, connection, config, {
        content,
        kills: 10,
        lifeMs: 600,
        random: Math.random,
        isContent: (request) => request.method !== 'GET' && path.test(request.path),
        async onStored(documentId) {
          const stored = (await simulator.files(account)).filter(
            (file) => isFileOf(documentId).test(file.name) && !file.trashed,
          )
          expect(stored.map((file) => file.sha256)).toEqual([sha256(content)])
          const row = must(await opened.deps.documents.get(address(connection, documentId)))
          expect(presentDocument(row)).toMatchObject({
            status: 'stored',
            checksum: { verdict: 'verified' },
          })
          expect(row.open).toBeUndefined()
          const told = (await events.of(connection)).filter((event) => event.documentId === documentId)
          expect(told.map(({ type }) => type)).toEqual(['Document Stored'])
        },
      })
      expect(killing.kills).toBe(10)
      expect(killing.resentPerKill).toBeLessThanOrEqual(mostAgain)
      // A session whose address was lost between the provider's answer and our writing it down cannot be
      // ended. It costs the document its name on OneDrive, takes no space and no bytes, and ends by itself.
      const open = await simulator.sessions(account)
      expect(open.filter(({ received }) => received > 0)).toEqual([])
      expect(open.length).toBeLessThanOrEqual(2)
      expect(await bucketKeys(opened)).toEqual([])
    }, 300_000)
  },
)
