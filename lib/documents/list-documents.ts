import type { DocumentRow, DocumentStatus } from '../catalog/document.ts'
import { isDeleted, statusOf } from '../catalog/document.ts'
import { listLimit } from '../contract/limits.ts'
import { ServiceError } from '../errors.ts'
import type { UserId, UserKey } from '../ids.ts'
import { parseConnectionId, parseDocumentId } from '../ids.ts'
import type { DocumentDeps } from './deps.ts'

/** A filter reads so many rows a request at most; the page is short then, and its cursor goes on. */
const mostRead = 1000
const rowsAtOnce = 250

export interface ListRequest {
  readonly userId: UserId
  readonly userKey: UserKey
  readonly connectionId: string | undefined
  readonly status: DocumentStatus | undefined
  readonly limit: number | undefined
  readonly cursor: string | undefined
}

function startAfter(cursor: string | undefined) {
  if (cursor === undefined) return undefined
  const documentId = parseDocumentId(Buffer.from(cursor, 'base64url').toString('utf8'))
  if (documentId === undefined)
    throw new ServiceError(
      'invalid_request',
      'query.cursor: is not a cursor of this list; use nextCursor of the page before',
    )
  return documentId
}

/** A page of the user's documents; `nextCursor` when there may be more. */
export async function listDocuments(
  deps: Pick<DocumentDeps, 'documents'>,
  request: ListRequest,
): Promise<{ readonly rows: readonly DocumentRow[]; readonly nextCursor?: string }> {
  const { userKey, status, limit = listLimit.default } = request
  const connectionId =
    request.connectionId === undefined ? undefined : parseConnectionId(request.connectionId)
  const filtered = connectionId !== undefined || status !== undefined
  const found: DocumentRow[] = []
  let after = startAfter(request.cursor)
  for (let read = 0; read < mostRead;) {
    const page = await deps.documents.list(userKey, filtered ? rowsAtOnce : limit + 1 - found.length, after)
    read += page.rows.length
    for (const row of page.rows) {
      const fits = connectionId === undefined || row.connectionId === connectionId
      if (
        isDeleted(row) ||
        row.userId !== request.userId ||
        !fits ||
        (status !== undefined && statusOf(row) !== status)
      )
        continue
      // One more than asked for shows that there is a next page.
      if (found.length === limit) return { rows: found, nextCursor: cursorOf(found.at(-1)) }
      found.push(row)
    }
    after = page.rows.at(-1)?.documentId ?? after
    if (!page.more) return { rows: found }
  }
  return after === undefined
    ? { rows: found }
    : { rows: found, nextCursor: Buffer.from(after).toString('base64url') }
}

function cursorOf(row: DocumentRow | undefined): string {
  return Buffer.from(row?.documentId ?? '').toString('base64url')
}
