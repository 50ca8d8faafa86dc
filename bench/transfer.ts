/**
 * What moving one document takes: `node bench/transfer.ts [MiB …]` (64 and 2048 when left
 * out). Prints throughput, the ingest process's peak memory and event-loop delay for each
 * drive, and for Drive also one streamed request against fragments at 40 ms round trips.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { systemClock } from '../lib/clock.ts'
import type { CreatedObject } from '../lib/queue/object-created.ts'
import { startIngestChild } from '../test/support/ingest-child.ts'
import type { OpenedDeps } from '../test/support/intake-world.ts'
import {
  address,
  bucketName,
  connect,
  dropKey,
  must,
  openClients,
  openDeps,
  startWorld,
} from '../test/support/intake-world.ts'
import { startSimulator } from '../test/support/simulators.ts'

const MiB = 1024 * 1024

/** Bytes that do not repeat within a block and cost little to make. */
function* content(size: number): Generator<Buffer, void, void> {
  const block = Buffer.allocUnsafe(MiB)
  for (let index = 0; index < MiB; index += 4) block.writeUInt32LE(Math.imul(index, 2654435761) >>> 0, index)
  for (let at = 0; at < size; at += MiB) {
    const piece = Buffer.from(block.subarray(0, Math.min(MiB, size - at)))
    if (piece.length >= 8) piece.writeDoubleLE(at, 0)
    yield piece
  }
}

async function dropLarge(
  opened: OpenedDeps,
  key: string,
  size: number,
): Promise<CreatedObject & { sha256: string }> {
  const hash = createHash('sha256')
  for (const piece of content(size)) hash.update(piece)
  const Body = Readable.from(content(size))
  await opened.s3.send(new PutObjectCommand({ Bucket: bucketName, Key: key, Body, ContentLength: size }))
  return { bucket: bucketName, key, sha256: hash.digest('hex') }
}

const sizes = process.argv.slice(2).map(Number)
const world = await startWorld()
const opened = openDeps(openClients(world.endpoints), {
  clock: systemClock,
  openDriver: () => Promise.reject(new Error('not here')),
  publish: () => undefined,
})
let count = 0

for (const [provider, name] of [
  ['google-drive', 'google'],
  ['onedrive', 'microsoft'],
] as const) {
  const simulator = await startSimulator(name)
  const account = 'bench@outlook.com'
  const accessToken = (await (await simulator.signIn(account)).get()).token.reveal()
  const connection = await connect(opened, 'bench', provider)
  const { connectionId } = connection
  const { endpoints } = world

  const measure = async (what: string, mebibytes: number, streamBytes: number): Promise<void> => {
    const documentId = `doc-${String((count += 1))}`
    const object = await dropLarge(opened, dropKey(address(connection, documentId, '.bin')), mebibytes * MiB)
    const settings = { streamBytes }
    const child = await startIngestChild({
      endpoints,
      provider,
      origin: simulator.origin,
      connectionId,
      accessToken,
      settings,
    })
    const report = must(await child.run({ objects: [object], messageId: documentId, concurrency: 1 }))
    await child.kill()
    const file = (await simulator.files(account)).find((stored) => stored.name === `${documentId}.bin`)
    const whole = file?.sha256 === object.sha256 ? 'right' : 'WRONG'
    console.log(
      `${provider.padEnd(12)} ${what.padEnd(34)} ${String(mebibytes).padStart(5)} MiB  ${(mebibytes / (report.ms / 1000)).toFixed(0).padStart(4)} MiB/s  ` +
        `peak ${report.peakRssMiB.toFixed(0)} MiB  delay p99 ${report.delayP99Ms.toFixed(1)} ms max ${report.delayMaxMs.toFixed(0)} ms, own p99 ${report.busyP99Ms.toFixed(1)} ms  sha256 ${whole}`,
    )
  }

  for (const size of sizes.length > 0 ? sizes : [64, 2048]) await measure('as configured', size, 64 * MiB)
  await fetch(`${simulator.origin}/_sim/latency`, {
    method: 'POST',
    body: JSON.stringify({ ms: 40 }),
    headers: { 'content-type': 'application/json' },
  })
  if (provider === 'google-drive') {
    await measure('40 ms, 10 MiB fragments', 256, 10 * MiB)
    await measure('40 ms, 64 MiB a request', 256, 64 * MiB)
    await measure('40 ms, all in one request', 256, 1024 * 1024 * MiB)
  } else await measure('40 ms, 10 MiB fragments', 256, 10 * MiB)
  await simulator.close()
}
opened.close()
await world.close()
