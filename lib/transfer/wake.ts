import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import type { OpenPage } from '../catalog/document-pages.ts'
import type { Claimed, HallDeps } from './hall.ts'
import { ClaimLost } from './hall.ts'
import { settleFailed } from './settle.ts'
import { tidy } from './tidy.ts'

async function* openRows(
  deps: HallDeps,
  { userKey }: Connection,
  prefix: string,
): AsyncGenerator<OpenPage['entries'][number]> {
  let cursor: OpenPage['cursor']
  do {
    const page = await deps.documents.openOfUser(userKey, prefix, cursor)
    yield* page.entries
    cursor = page.cursor
  } while (cursor !== undefined)
}

/**
 * Puts every document that waits for this connection into the queue; answers
 * how many. Call it when a reconnect is complete. A repeat is harmless, and
 * what it misses (the index lags by a moment) the sweeper finds.
 */
export async function wakeParked(deps: HallDeps, connection: Connection): Promise<number> {
  let woken = 0
  for await (const entry of openRows(deps, connection, `p#${connection.connectionId}`)) {
    await deps.enqueue(entry)
    woken += 1
  }
  return woken
}

/**
 * Ends everything under way on a connection that its user gives up: sessions are
 * closed, bytes in the bucket removed, and the documents say why they failed. Repeating
 * it is harmless; a refused write means that the row has to be looked at again.
 */
export async function endChangesOf(deps: HallDeps, connection: Connection): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    let ended = 0
    for await (const entry of openRows(deps, connection, '')) {
      const row = await deps.documents.get(entry)
      if (row && (await endChange(deps, connection, row))) ended += 1
    }
    if (ended === 0) return
  }
}

async function endChange(deps: HallDeps, connection: Connection, row: DocumentRow): Promise<boolean> {
  const { change } = row
  if (change?.connectionId !== connection.connectionId || change.door === 'delete') return false
  const fence = change.fence + 1
  const taken = await deps.documents.work(row, {
    fence,
    owner: deps.newId(),
    state: 'sending',
    until: deps.clock.now() + deps.settings.requestMs,
  })
  if (!taken) return true
  // With the grant of `connection` as it was given: it is still alive.
  const withGrant: HallDeps = {
    ...deps,
    connections: { named: () => Promise.resolve({ ...connection, status: 'active' }) },
  }
  try {
    await tidy(withGrant, await settleFailed(deps, taken as Claimed, given, { isGivenUp: true }))
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error
  }
  return true
}

const given = {
  code: 'connection_not_found',
  detail: 'The user disconnected the drive before the document had arrived there.',
} as const
