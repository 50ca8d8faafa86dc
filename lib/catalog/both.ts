import type { Dynamo } from '../aws/dynamo.ts'
import { BatchGetCommand } from '../aws/dynamo.ts'
import { ServiceError } from '../errors.ts'
import type { Clock } from '../clock.ts'
import type { ConnectionId, DocumentId, UserKey } from '../ids.ts'
import type { Connection } from './connections.ts'
import { connectionOf } from './connections.ts'
import type { DocumentRow } from './document.ts'
import type { DocumentKey } from './document-pages.ts'
import { documentOf } from './documents.ts'
import { catalogError } from './table.ts'

export interface Asked extends DocumentKey {
  /** The connection that is meant; the document's own, where it is not said. */
  readonly connectionId?: ConnectionId | undefined
  /** Another document of the user that has to be known too. */
  readonly twin?: DocumentId | undefined
}

export interface Both {
  readonly row: DocumentRow | undefined
  readonly connection: Connection | undefined
  readonly twin: DocumentRow | undefined
}

/** Reads a document and its connection as they are now, in one call where it is known which that is. */
export type ReadBoth = (asked: Asked) => Promise<Both>

type Key = Readonly<Record<string, string>>

/** Users whose connection is remembered; the ones that came longest ago are dropped. */
const mostUsers = 1000
const mostTries = 5

/** Most users have one drive: the one of a user's last request is read along with the next one's document. */
export function bothReader(
  client: Dynamo,
  tables: { readonly documents: string; readonly connections: string },
  clock: Clock,
): ReadBoth {
  const lastUsed = new Map<UserKey, ConnectionId>()
  const remember = (userKey: UserKey, connectionId: ConnectionId): void => {
    lastUsed.delete(userKey)
    lastUsed.set(userKey, connectionId)
    const [oldest] = lastUsed.keys()
    if (lastUsed.size > mostUsers && oldest !== undefined) lastUsed.delete(oldest)
  }

  const readAll = async (wanted: Readonly<Record<string, readonly Key[]>>): Promise<Found> => {
    const found: Found = { documents: [], connections: [] }
    let left: Record<string, readonly Key[]> = { ...wanted }
    for (let tried = 1; Object.keys(left).length > 0; tried += 1) {
      const RequestItems = Object.fromEntries(
        Object.entries(left).map(([name, keys]) => [name, { Keys: [...keys], ConsistentRead: true }]),
      )
      const answer = await client.send(new BatchGetCommand({ RequestItems })).catch((error: unknown) => {
        throw catalogError(error)
      })
      found.documents.push(...(answer.Responses?.[tables.documents] ?? []).map((item) => documentOf(item)))
      found.connections.push(
        ...(answer.Responses?.[tables.connections] ?? []).map((item) => connectionOf(item)),
      )
      // What a table has no time for is named, and asked for again.
      // https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
      left = Object.fromEntries(
        Object.entries(answer.UnprocessedKeys ?? {}).map(([name, { Keys = [] }]) => [name, Keys as Key[]]),
      )
      if (tried === mostTries && Object.keys(left).length > 0) throw busy()
      if (Object.keys(left).length > 0) await clock.sleep(50 * 2 ** tried)
    }
    return found
  }

  return async ({ userKey, documentId, connectionId, twin }) => {
    const guess = connectionId ?? lastUsed.get(userKey)
    const { documents, connections } = await readAll({
      [tables.documents]: [
        { userKey, documentId },
        ...(twin === undefined ? [] : [{ userKey, documentId: twin }]),
      ],
      ...(guess === undefined ? {} : { [tables.connections]: [{ userKey, connectionId: guess }] }),
    })
    const row = documents.find((each) => each.documentId === documentId)
    const meant = connectionId ?? row?.connectionId
    const missed = meant !== undefined && meant !== guess
    const other = missed
      ? await readAll({ [tables.connections]: [{ userKey, connectionId: meant }] })
      : undefined
    const connection = (other ?? { connections }).connections[0]
    if (connection) remember(userKey, connection.connectionId)
    return {
      row,
      connection: connection?.connectionId === meant ? connection : undefined,
      twin: documents.find((each) => each.documentId === twin),
    }
  }
}

interface Found {
  readonly documents: DocumentRow[]
  readonly connections: Connection[]
}

function busy(): ServiceError {
  return new ServiceError('provider_unavailable', 'The catalog is busy. Try again.', {
    retry: { retryable: true, afterSeconds: 1 },
  })
}
