import type { Both } from '../catalog/both.ts'
import type { DocumentRow } from '../catalog/document.ts'
import { isDeleted, statusOf } from '../catalog/document.ts'
import { isServiceError, ServiceError } from '../errors.ts'
import type { DocumentId, ObjectKey, UserId, UserKey } from '../ids.ts'
import type { Driver } from '../storage/driver.ts'
import { observe } from '../changes/observe.ts'
import { requireUsable } from './choose-connection.ts'
import type { DocumentDeps } from './deps.ts'

/** Whose document, by the caller's verified token. */
export interface DocumentOf {
  readonly userId: UserId
  readonly userKey: UserKey
  readonly documentId: DocumentId
  readonly signal: AbortSignal
}

type Found = Pick<Both, 'connection'> & { readonly row: DocumentRow }

/** The caller's document and its connection; `document_not_found` for anybody else's too. */
export async function requireDocument(
  deps: Pick<DocumentDeps, 'readBoth'>,
  { userId, ...key }: DocumentOf,
): Promise<Found> {
  const { row, connection } = await deps.readBoth(key)
  if (row && row.userId === userId && !isDeleted(row)) return { row, connection }
  throw new ServiceError('document_not_found', `There is no document ${key.documentId}.`, {
    context: { documentId: key.documentId },
  })
}

/**
 * The document as the drive has it now: what its user did there
 * shows. One that is on its way is answered from its row.
 */
export async function statDocument(deps: DocumentDeps, request: DocumentOf): Promise<DocumentRow> {
  const read = (): Promise<Found> => requireDocument(deps, request)
  return await asItStands(deps, read, async ({ row, connection }) => {
    const { objectKey: key } = row
    const isOnTheWay = row.change && row.change.door !== 'delete'
    if (!row.standing || key === undefined || isOnTheWay) return { answer: row, isSure: true }
    const driver = await deps.openDriver(requireUsable(connection, row.connectionId))
    const { signal } = request
    const entry = await deps.retry(() => driver.stat(key, { signal }), signal)
    // A request that renames the file may be under way, and its row is not written yet.
    const { name: _ours, ...unnamed } = entry
    const seen = await observe(deps, driver, row, { entry: deps.settings.driveNames ? unnamed : entry })
    return { answer: seen.row, isSure: seen.isWritten }
  })
}

const mostLooks = 3

/**
 * What `look` makes of a document as it was read. A version that was replaced meanwhile is gone, and a file
 * of somebody else may lie under its key: unless `isSure` says that this version was seen, it is read and
 * looked at anew. What is not answered is closed.
 */
export async function asItStands<Read extends Pick<Stored, 'row'>, Answer>(
  { documents }: Pick<DocumentDeps, 'documents'>,
  read: () => Promise<Read>,
  look: (found: Read) => Promise<Looked<Answer>>,
): Promise<Answer> {
  for (let looks = 1; ; looks += 1) {
    const found = await read()
    const hasMoved = async (): Promise<boolean> =>
      looks < mostLooks && (await documents.get(found.row))?.objectKey !== found.row.objectKey
    try {
      const { answer, isSure, close } = await look(found)
      if (isSure || !(await hasMoved())) return answer
      close?.()
    } catch (error) {
      if (!isServiceError(error, 'object_missing') || !(await hasMoved())) throw error
    }
  }
}

interface Looked<Answer> {
  readonly answer: Answer
  readonly isSure: boolean
  readonly close?: () => void
}

export interface Stored {
  readonly row: DocumentRow
  readonly driver: Driver
  readonly objectKey: ObjectKey
}

/** A document whose bytes can be read, with its drive; `document_not_stored` while nothing stands. */
export async function requireStored(deps: DocumentDeps, request: DocumentOf): Promise<Stored> {
  return await storedIn(deps, await requireDocument(deps, request))
}

/** The same, of what was just read. */
export async function storedIn(deps: Pick<DocumentDeps, 'openDriver'>, read: Found): Promise<Stored> {
  const { connection, objectKey } = standingIn(read)
  return { row: read.row, driver: await deps.openDriver(connection), objectKey }
}

/** Where what stands lies; `document_not_stored` while nothing does. The drive is not asked. */
export function standingIn({ row, connection }: Found) {
  const { objectKey } = row
  if (!row.standing || objectKey === undefined) {
    throw new ServiceError(
      'document_not_stored',
      `Document ${row.documentId} is not stored: its status is ${statusOf(row)}.`,
      { context: { links: { document: `/v1/documents/${row.documentId}` } } },
    )
  }
  return { connection: requireUsable(connection, row.connectionId), objectKey }
}
