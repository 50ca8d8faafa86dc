import type { Both, ReadBoth } from '../catalog/both.ts'
import type { Connection } from '../catalog/connections.ts'
import type { DocumentRow } from '../catalog/document.ts'
import { refuseSharedName, twinOf } from '../catalog/same-name.ts'
import { ServiceError } from '../errors.ts'
import type { DocumentId, Extension, ObjectKey, Owner } from '../ids.ts'
import { parseConnectionId } from '../ids.ts'
import type { ObjectEntry } from '../storage/driver.ts'
import type { Conditions } from './conditions.ts'
import { checkConditions } from './conditions.ts'
import type { HallDeps } from './hall.ts'

/** A request to write a document, of whichever door. */
interface Writing extends Owner, Conditions {
  readonly documentId: DocumentId
  readonly connectionId?: string | undefined
  readonly extension?: Extension | undefined
}

/** What was read before a document is written, and where it goes. */
export interface Known extends Both {
  readonly connection: Connection
  /** The extension that `twin` was read for. */
  readonly given: Extension
}

/** The named connection, else the user's only active one. Rejects as the HTTP contract says. */
export type ChooseConnection = (
  owner: Owner,
  named: string | undefined,
  read?: Connection,
) => Promise<Connection>

/** Reads the document, its connection, and the other document whose file may have its name, in one call. */
export async function readKnown(
  readBoth: ReadBoth,
  choose: ChooseConnection,
  request: Writing,
): Promise<Known> {
  const { userKey, documentId, connectionId } = request
  const given = request.extension ?? ('' as Extension)
  const both = await readBoth({
    userKey,
    documentId,
    connectionId: parseConnectionId(connectionId ?? ''),
    twin: twinOf({ documentId, extension: given })?.documentId,
  })
  const connection = await choose(request, connectionId ?? both.row?.connectionId, both.connection)
  return { ...both, connection, given }
}

/**
 * Refuses a write of the document as it is `seen` now: one that stands on another connection, a condition
 * that does not hold, a file name that is another document's. Answers its extension, and the version that
 * the client has named. `where`: where the request names its connection.
 */
export async function requireWritable(
  documents: HallDeps['documents'],
  request: Writing,
  { connection, given, twin }: Known,
  { seen, where }: { readonly seen: DocumentRow | undefined; readonly where: 'body' | 'query' },
  stat: (key: ObjectKey) => Promise<ObjectEntry>,
): Promise<{ readonly extension: Extension; readonly ifMatch: string | undefined }> {
  requireHere(seen, connection, where)
  const ifMatch = await checkConditions(request, seen, stat)
  const extension = request.extension ?? extensionOf(seen)
  const { userKey, documentId } = request
  const read = extension === given ? { twin } : {}
  await refuseSharedName(documents, { userKey, documentId, extension }, seen, read)
  return { extension, ifMatch }
}

/** A document lies on one connection for as long as it stands. */
function requireHere(
  seen: DocumentRow | undefined,
  { connectionId }: Connection,
  where: 'body' | 'query',
): void {
  if (!seen?.standing || seen.connectionId === connectionId) return
  throw new ServiceError(
    'invalid_request',
    `${where}.connectionId: document ${seen.documentId} is stored on connection ${seen.connectionId}; delete it first, or choose another document id`,
  )
}

/** The extension of a document that keeps it. */
function extensionOf(seen: DocumentRow | undefined): Extension {
  return seen?.standing?.extension ?? seen?.change?.extension ?? ('' as Extension)
}
