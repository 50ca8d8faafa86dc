import type { Connection } from '../../lib/catalog/connections.ts'
import { systemClock } from '../../lib/clock.ts'
import { startIngestChild } from './ingest-child.ts'
import type { IngestConfig } from './ingest-process.ts'
import type { OpenedDeps } from './intake-world.ts'
import { address, drop, dropKey } from './intake-world.ts'
import type { Simulator } from './simulators.ts'

export interface Killing {
  readonly kills: number
  readonly transfers: number
  /**
   * Bytes of content that the provider was sent beyond a document's
   * size, divided by its kills: the worst of all documents.
   */
  readonly resentPerKill: number
}

/**
 * Transfers `content` again and again in processes that are killed at random moments, until `kills` of
 * them were. A killed process is followed by another that is given the same message, as a queue would.
 */
export async function killAtRandom(
  opened: OpenedDeps,
  simulator: Simulator,
  connection: Connection,
  config: IngestConfig,
  options: {
    readonly content: Uint8Array
    readonly kills: number
    /** A process that is not killed needs about so long. */
    readonly lifeMs: number
    readonly random: () => number
    readonly isContent: (request: { readonly method: string; readonly path: string }) => boolean
    readonly onStored: (documentId: string) => Promise<void>
  },
): Promise<Killing> {
  let kills = 0
  let transfers = 0
  let resentPerKill = 0
  while (kills < options.kills) {
    const documentId = `doc-${String((transfers += 1))}`
    const object = await drop(opened, dropKey(address(connection, documentId, '.bin')), options.content)
    const killsBefore = kills
    await simulator.clearRequests()
    for (let life = 1; ; life += 1) {
      const child = await startIngestChild(config)
      const report = child.run({ objects: [object], messageId: documentId, concurrency: 1 })
      const ended = new AbortController()
      const doomed = kills < options.kills && life <= 20
      const death = doomed
        ? systemClock.sleep(options.random() * options.lifeMs, ended.signal).then(
            () => 'now' as const,
            () => 'not any more' as const,
          )
        : new Promise<never>(() => undefined)
      const first = await Promise.race([report, death])
      ended.abort()
      await child.kill()
      if (first !== 'now') break
      kills += 1
    }
    await options.onStored(documentId)
    const requests = await simulator.requests()
    const sent = requests.filter(options.isContent).reduce((sum, request) => sum + request.requestBytes, 0)
    const resent = (sent - options.content.length) / Math.max(1, kills - killsBefore)
    resentPerKill = Math.max(resentPerKill, resent)
  }
  return { kills, transfers, resentPerKill }
}
