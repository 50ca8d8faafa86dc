import type { DocumentRow, DocumentStatus } from '../catalog/document.ts'
import { listLimit } from '../contract/limits.ts'
import { ServiceError } from '../errors.ts'
import type { Owner } from '../ids.ts'
import { parseConnectionId, parseDocumentId } from '../ids.ts'
import type { DocumentDeps } from './deps.ts'

export interface ListRequest extends Owner {
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
  const connectionId =
    request.connectionId === undefined ? undefined : parseConnectionId(request.connectionId)
  const { rows, more } = await deps.documents.listDocuments(request, {
    connectionId,
    status: request.status,
    limit: request.limit ?? listLimit.default,
    startAfter: startAfter(request.cursor),
  })
  const last = rows.at(-1)
  return more && last !== undefined
    ? { rows, nextCursor: Buffer.from(last.documentId).toString('base64url') }
    : { rows }
}
