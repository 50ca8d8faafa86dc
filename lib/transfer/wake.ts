import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import type { OpenPage } from '../catalog/document-pages.ts'
import type { WalkKey } from '../queue/row-message.ts'
import type { Handled } from './attempt.ts'
import type { Claimed, HallDeps } from './hall.ts'
import { ClaimLost } from './hall.ts'
import { settleFailed } from './settle.ts'
import { tidy } from './tidy.ts'

/** So many rows at once, and so long before a function's end no more, milliseconds. */
const atOnce = 10
const closingMs = 5_000

/**
 * Goes on with all that is open on a connection: what is parked is woken when it works again, and everything
 * under way ends when it was given up. Repeating it is harmless. It comes back until nothing is left:
 * the index lags by a moment, and after a refused write a row has to be looked at again.
 */
export async function walkConnection(
  deps: HallDeps,
  { userKey, connectionId }: WalkKey,
  deadline: number,
): Promise<Handled> {
  const connection = await deps.connections.named(userKey, connectionId)
  const isOver = (): boolean => deps.clock.now() >= deadline - closingMs
  if (connection?.status === 'active') {
    const wake = async (entry: OpenEntry): Promise<boolean> => {
      await deps.enqueue(entry)
      return true
    }
    await eachOpen(deps, connection, `p#${connectionId}`, wake, isOver)
    return isOver() ? again : { kind: 'done' }
  }
  if (connection?.status !== 'disconnected') return { kind: 'done' }
  const ended = await eachOpen(
    deps,
    connection,
    '',
    async (entry) => {
      const row = await deps.documents.get(entry)
      return row !== undefined && (await endChange(deps, connection, row))
    },
    isOver,
  )
  return ended > 0 || isOver() ? again : { kind: 'done' }
}

const again: Handled = { kind: 'again', afterSeconds: 2 }
type OpenEntry = OpenPage['entries'][number]

/** Answers for how many `work` said that there was something to do. */
async function eachOpen(
  deps: HallDeps,
  { userKey }: Connection,
  prefix: string,
  work: (entry: OpenEntry) => Promise<boolean>,
  isOver: () => boolean,
): Promise<number> {
  let done = 0
  let cursor: OpenPage['cursor']
  do {
    const page = await deps.documents.openOfUser(userKey, prefix, cursor)
    for (let at = 0; at < page.entries.length && !isOver(); at += atOnce) {
      const results = await Promise.all(page.entries.slice(at, at + atOnce).map(work))
      done += results.filter(Boolean).length
    }
    cursor = page.cursor
  } while (cursor !== undefined && !isOver())
  return done
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
  try {
    await tidy(deps, await settleFailed(deps, taken as Claimed, given, { isGivenUp: true }))
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error
  }
  return true
}

const given = {
  code: 'connection_not_found',
  detail: 'The user disconnected the drive before the document had arrived there.',
} as const
