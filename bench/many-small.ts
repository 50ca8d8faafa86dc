/**
 * What many small documents take: `node bench/many-small.ts [count]` (1000 when left
 * out) dropped at once into the intake bucket. Prints, for each drive, whether each is
 * stored exactly once, the provider calls for each document, and the event loop's delay.
 */
import { randomBytes } from 'node:crypto'
import { systemClock } from '../lib/clock.ts'
import { documentEvents } from '../test/support/document-events.ts'
import { startIngestChild } from '../test/support/ingest-child.ts'
import {
  address,
  bucketKeys,
  connect,
  drop,
  dropKey,
  must,
  openClients,
  openDeps,
  sha256,
  startWorld,
} from '../test/support/intake-world.ts'
import { startSimulator } from '../test/support/simulators.ts'

const many = Number(process.argv[2] ?? 1000)
const world = await startWorld()
const opened = openDeps(openClients(world.endpoints), {
  clock: systemClock,
  openDriver: () => Promise.reject(new Error('not here')),
  publish: () => undefined,
})
const events = documentEvents(world.endpoints)

for (const [provider, name] of [
  ['google-drive', 'google'],
  ['onedrive', 'microsoft'],
] as const) {
  const simulator = await startSimulator(name)
  const account = 'bench@outlook.com'
  const accessToken = (await (await simulator.signIn(account)).get()).token.reveal()
  const connection = await connect(opened, `small-${name}`, provider)
  const { connectionId } = connection
  const contents = Array.from({ length: many }, (_, index) => randomBytes(1 + ((index * 7919) % 60_000)))
  const objects = await Promise.all(
    contents.map(
      async (content, index) =>
        await drop(opened, dropKey(address(connection, `doc-${String(index)}`, '.bin')), content),
    ),
  )
  await simulator.clearRequests()
  const { endpoints } = world
  const child = await startIngestChild({
    endpoints,
    provider,
    origin: simulator.origin,
    connectionId,
    accessToken,
    settings: {},
  })
  // Every event twice, as S3 may.
  const report = must(
    await child.run({ objects: [...objects, ...objects], messageId: 'small', concurrency: 20 }),
  )
  await child.kill()
  const calls = await simulator.requests()
  const kinds = new Map<string, number>()
  for (const { method, path } of calls) {
    const kind = `${method} ${/generateIds|uploadType=\w+|createUploadSession|children|content/.exec(path)?.[0] ?? 'upload URL'}`
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  const stored = (await simulator.files(account)).filter((file) => file.name.startsWith('doc-'))
  const told = (await events.of(connection)).filter(({ type }) => type === 'Document Stored').length
  const hashes = new Map(stored.map((file) => [file.name, file.sha256]))
  const right = contents.filter(
    (content, index) => hashes.get(`doc-${String(index)}.bin`) === sha256(content),
  ).length
  console.log(
    `${provider.padEnd(12)} ${String(stored.length)} files, ${String(right)} right, ${String((await bucketKeys(opened)).length)} left in the bucket, ` +
      `${String(told)} events; ${(many / (report.ms / 1000)).toFixed(0)} documents/s; ` +
      `${(calls.length / many).toFixed(2)} calls a document (${[...kinds].map(([kind, count]) => `${kind}: ${String(count)}`).join(', ')}); ` +
      `delay p99 ${report.delayP99Ms.toFixed(1)} ms, own p99 ${report.busyP99Ms.toFixed(1)} ms, peak ${report.peakRssMiB.toFixed(0)} MiB`,
  )
  await simulator.close()
}
events.close()
opened.close()
await world.close()
