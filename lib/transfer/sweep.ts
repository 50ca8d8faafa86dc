import type { Connection } from '../catalog/connections.ts'
import type { OpenPage } from '../catalog/document-pages.ts'
import type { ConnectionId, UserKey } from '../ids.ts'
import { count } from '../telemetry/metrics.ts'
import type { HallDeps } from './hall.ts'

export interface SweepOptions {
  /** Epoch milliseconds: the run is over by then; the next one goes on. */
  readonly deadline: number
  /**
   * What is due for less than this is left to its own message, milliseconds. 0 at the start of a local stack.
   */
  readonly idleMs: number
  /** The only worker has just started (a local stack): whoever held a claim is dead. */
  readonly restarted?: boolean
  /** Where the run before stopped, as it answered; the beginning when absent. */
  readonly from?: string | undefined
}

export interface Swept {
  /** Rows put into the queue, to be looked at. */
  readonly rows: number
  /** Where the next run goes on; absent at the end. */
  readonly next?: string
}

const keysPerPage = 1000
/** A run sees so many keys, whatever is open. */
const mostPages = 50

/**
 * Finds what has a time and no message: claims whose process died, waits, URLs
 * that ended, leftovers, late hashes. It decides by the index's key alone and
 * puts messages into the queue; it holds no claim and calls no provider.
 */
export async function sweep(deps: HallDeps, options: SweepOptions): Promise<Swept> {
  let rows = 0
  let cursor = options.from === undefined ? undefined : (JSON.parse(options.from) as OpenPage['cursor'])
  const usable = connectionsThatChanged(deps)
  const stopped = (): Swept => ({ rows, ...(cursor ? { next: JSON.stringify(cursor) } : {}) })
  for (let pages = 0; pages < mostPages; pages += 1) {
    const page = await deps.documents.scanOpen(keysPerPage, cursor)
    for (const entry of page.entries) {
      // A page that is looked at twice costs a message more.
      if (deps.clock.now() >= options.deadline) return stopped()
      const [kind, time = ''] = entry.open.split('#')
      const due =
        kind === 'p'
          ? await usable(entry.userKey, time as ConnectionId)
          : options.restarted === true || deps.clock.now() - Date.parse(time) >= options.idleMs
      if (!due) continue
      if (options.restarted === true && (kind === 's' || kind === 'i')) await voidClaim(deps, entry)
      await deps.enqueue(entry)
      rows += 1
    }
    cursor = page.cursor
    if (cursor === undefined) break
  }
  // A metric is paid for each hour in which it is told.
  if (rows > 0) count('TransfersSwept', {}, rows)
  return stopped()
}

async function voidClaim(deps: HallDeps, entry: OpenPage['entries'][number]): Promise<void> {
  const row = await deps.documents.get(entry)
  if (row?.change?.state === 'sending') await deps.documents.work(row, { until: deps.clock.now() - 1 })
}

/**
 * What is parked is looked at only when its connection is not what
 * it waits for any more: one read a connection and run.
 */
function connectionsThatChanged(deps: HallDeps) {
  const known = new Map<string, Promise<Connection | undefined>>()
  return async (userKey: UserKey, connectionId: ConnectionId): Promise<boolean> => {
    const key = `${userKey}/${connectionId}`
    const found = known.get(key) ?? deps.connections.named(userKey, connectionId)
    known.set(key, found)
    const connection = await found
    return connection?.status !== 'requires_reauth' && connection?.status !== 'pending'
  }
}
