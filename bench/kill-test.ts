/**
 * Kills the ingest process by SIGKILL at random moments of 100 MiB transfers:
 * `node bench/kill-test.ts [kills] [drive|account]` (100 and all without). Status 1 when a document is
 * not stored exactly once and whole, more than a fragment was sent again for a kill, or more than a twentieth
 * of the kills left a session that nobody knows.
 */
import { randomBytes } from 'node:crypto'
import { systemClock } from '../lib/clock.ts'
import { chunkSize } from '../lib/contract/limits.ts'
import {
  bucketKeys,
  connect,
  openClients,
  openDeps,
  sha256,
  startWorld,
} from '../test/support/intake-world.ts'
import { killAtRandom } from '../test/support/killing.ts'
import { startSimulator } from '../test/support/simulators.ts'

const kills = Number(process.argv[2] ?? 100)
const only = process.argv[3]
const content = randomBytes(100 * 1024 * 1024)
const expected = sha256(content)
const world = await startWorld()
const opened = openDeps(openClients(world.endpoints), {
  clock: systemClock,
  openDriver: () => Promise.reject(new Error('not here')),
  publish: () => undefined,
})
let wrong = 0

for (const [provider, name, path, account] of [
  ['google-drive', 'google', /upload_id=/, 'kill@example.com'],
  ['onedrive', 'microsoft', /upload/, 'kill@outlook.com'],
  // A work account, whose open sessions hold names.
  ['onedrive', 'microsoft', /upload/, 'kill@contoso.example'],
  ['dropbox', 'dropbox', /upload_session\/(?:append_v2|finish)/, 'kill@example.com'],
] as const) {
  if (only !== undefined && only !== provider && only !== account) continue
  const simulator = await startSimulator(name)
  const tokens = await simulator.signIn(account)
  // A hundred documents and more are larger together than a new account is.
  await simulator.setQuota(account, 1024 * 1024 * 1024 * 1024)
  const accessToken = (await tokens.get()).token.reveal()
  const user = `${provider}-${account.replace(/\W/g, '-')}`
  const connection = await connect(opened, user, provider)
  const { connectionId } = connection
  const { endpoints } = world
  const config = { endpoints, provider, origin: simulator.origin, connectionId, accessToken, settings: {} }
  let stored = 0
  const result = await killAtRandom(opened, simulator, connection, config, {
    content,
    kills,
    lifeMs: 2500,
    random: Math.random,
    isContent: (request) => request.method !== 'GET' && path.test(request.path),
    async onStored(documentId) {
      const files = (await simulator.files(account)).filter(
        // A session that was lost with its address holds the name: the next one is used then.
        ({ name: found, trashed }) =>
          !trashed && found.replace(/ \([0-9a-f]{8}\)(?=\.bin$)/, '') === `${documentId}.bin`,
      )
      if (files.length === 1 && files[0]?.sha256 === expected) stored += 1
    },
  })
  const sessions = await simulator.sessions(account)
  const left = await bucketKeys(opened)
  // Whoever is killed between a session's opening and the row's write loses its address: it ends by itself.
  const right = stored === result.transfers && sessions.length <= kills / 20 && left.length === 0
  if (!right || result.resentPerKill > chunkSize) wrong += 1
  console.log(
    `${provider.padEnd(12)} ${account}: ${String(result.kills)} kills over ${String(result.transfers)} transfers: ${String(stored)} stored once and whole, ` +
      `${String(sessions.length)} sessions lost with their address, ${String(left.length)} objects left, ${(result.resentPerKill / 1024 / 1024).toFixed(2)} MiB sent again a kill`,
  )
  await simulator.close()
}
opened.close()
await world.close()
process.exitCode = wrong === 0 ? 0 : 1
