import type { Connection } from '../catalog/connections.ts'
import type { Change, DocumentRow, Leftover } from '../catalog/document.ts'
import { isDeleted } from '../catalog/document.ts'
import type { Also } from '../catalog/documents.ts'
import type { DocumentKey } from '../catalog/document-pages.ts'
import type { RowEvent } from '../catalog/expressions.ts'
import { ServiceError } from '../errors.ts'
import type { UserId } from '../ids.ts'
import type { Claimed, HallDeps } from './hall.ts'
import { settleFirst } from './settle-first.ts'
import { leftoversOf, workOf } from './settle.ts'

type Given = 'door' | 'state' | 'size' | 'contentType' | 'extension' | 'until'
type Maybe = 'name' | 'upload' | 'target' | 'sha256' | 'proof' | 'source' | 'message' | 'single' | 'permanent'

/** What a door wants of a document, once it has seen the row. */
export type Wanted = Required<Pick<Change, Given>> & {
  readonly [Name in Maybe]?: Change[Name] | undefined
} & {
  readonly connection: Pick<Connection, 'connectionId' | 'provider'>
  readonly event?: RowEvent
}

export interface Accepted {
  readonly row: Claimed
  /** What was there before; undefined for a document that did not exist. */
  readonly before: DocumentRow | undefined
}

/** How long a door waits for another writer, milliseconds, what ends the waiting, and where it begins. */
export interface Patience {
  readonly waitMs: number
  /** The row as it was just read, so that it is not read twice. */
  readonly first: { readonly row: DocumentRow | undefined }
  readonly signal?: AbortSignal | undefined
}

const pauseMs = 50
const longestPauseMs = 1000

/**
 * The one way to own a document. `decide` sees the row and answers the change it wants, or throws; `changeId`
 * is the change's own. Another writer's request that may still reach the drive is waited for; one whose
 * sender is gone is settled first. `document_busy` when waiting does not help.
 */
export async function acceptChange(
  deps: HallDeps,
  key: DocumentKey & { readonly userId: UserId },
  decide: (seen: DocumentRow | undefined, changeId: string) => Promise<Wanted> | Wanted,
  { waitMs, first, signal }: Patience,
): Promise<Accepted> {
  let id = deps.newId()
  const givesUpAt = deps.clock.now() + waitMs
  for (let round = 0; ; round += 1) {
    signal?.throwIfAborted()
    const { row } = round === 0 ? first : { row: await deps.documents.get(key) }
    // Keys of two users never meet; if they did, nothing would be written over.
    if (row && row.userId !== key.userId)
      throw new ServiceError('internal_error', 'The document’s row is another user’s.')
    const sending = inOneRequest(row?.change) ? row : undefined
    if (!sending) {
      const seen = row && !isDeleted(row) ? row : undefined
      const wanted = await decide(seen, id)
      if (row && hasDamaged(row) && !pushesAside(wanted)) {
        await settleFirst(deps, row as Claimed, true)
        continue
      }
      const change = changeOf(deps, id, row, wanted)
      const claimed = await deps.documents.claim(
        key,
        row,
        change,
        besides(key, row, wanted, deps.clock.now()),
      )
      if (claimed) return { row: claimed as Claimed, before: seen }
      // Its answer may have been lost, and somebody has ended it since: what follows is another change.
      id = deps.newId()
    } else if ((sending.change?.until ?? 0) <= deps.clock.now()) {
      await settleFirst(deps, sending as Claimed)
      continue
    }
    const pause = Math.min(longestPauseMs, pauseMs * 2 ** Math.min(round, 5)) * (0.5 + deps.random() / 2)
    if (deps.clock.now() + pause > givesUpAt) throw busy(key)
    await deps.clock.sleep(pause, signal)
  }
}

/** A change that one request carries ends with its request: it cannot be called back. */
function inOneRequest(change: Change | undefined): boolean {
  return change?.state === 'sending' && change.session === undefined && change.single === true
}

/** It has stored other bytes over those that stand: they come back before another change ends it. */
function hasDamaged({ objectKey, change }: DocumentRow): boolean {
  return (change?.damaged ?? 0) > 0 && objectKey !== undefined && change?.target?.objectKey === objectKey
}

/** What may fail at once ends nothing: the change before goes on then. */
function pushesAside({ door }: Pick<Wanted, 'door'>): boolean {
  return door === 'put' || door === 'delete'
}

/** Somebody else writes the document at the moment. */
export function busy({ documentId }: Pick<DocumentKey, 'documentId'>): ServiceError {
  return new ServiceError(
    'document_busy',
    `Another request is writing document ${documentId} and has not ended. Try again in a few seconds.`,
    { retry: { retryable: true, afterSeconds: 2 }, context: { documentId, retryAfterSeconds: 2 } },
  )
}

function changeOf(deps: HallDeps, id: string, row: DocumentRow | undefined, wanted: Wanted): Change {
  const { connection, event: _told, name, ...rest } = wanted
  // What stands keeps its name until it is replaced; where nothing stands, the row has the new one at once.
  const all = { ...rest, ...(row?.standing ? { name } : {}) }
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  return {
    ...(given as Pick<Change, Given>),
    id,
    fence: (row?.change?.fence ?? 0) + 1,
    owner: deps.newId(),
    connectionId: connection.connectionId,
    provider: connection.provider,
    startedAt: deps.clock.now(),
    ...(wanted.state === 'sending' ? { attempts: 1 } : {}),
  }
}

/** What becomes of the change before: pushed aside by what may still fail, else over. Its session ends. */
function besides(
  key: DocumentKey & { readonly userId: UserId },
  row: DocumentRow | undefined,
  { door, connection, event, source, name }: Wanted,
  now: number,
): Also {
  const { connectionId, provider } = connection
  const called = name !== undefined || !row || isDeleted(row) ? { name } : {}
  const where = row?.standing
    ? {}
    : { connectionId, provider, ...called, ...(row ? {} : { userId: key.userId }) }
  const before = row?.change
  const keepsAside = pushesAside({ door }) && before !== undefined
  const left: Leftover[] = before ? (keepsAside ? workOf(before) : leftoversOf(before, now)) : []
  // Bytes that are taken over are not left.
  const leftovers = left.filter(({ key, etag }) => key !== source?.key || etag !== source.etag)
  return {
    changes: { ...where, ...(keepsAside ? { aside: withoutSession(before) } : {}) },
    leftovers,
    event,
  }
}

/** It begins anew, as if it had not been tried, once its session is ended. */
function withoutSession(change: Change): Change {
  if (!change.session) return change
  const { session: _ended, offset: _too, hashState: _gone, sent: _left, attempts: _all, ...rest } = change
  return rest
}
