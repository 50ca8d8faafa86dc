import type { DocumentRow, DocumentStatus } from '../catalog/document.ts'
import { isDeleted, statusOf } from '../catalog/document.ts'
import { listLimit } from '../contract/limits.ts'
import { ServiceError } from '../errors.ts'
import type { DocumentId, UserId, UserKey } from '../ids.ts'
import { parseDocumentId } from '../ids.ts'
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
  /** By id when left out. */
  readonly order?: 'newest' | undefined
  /** What name or id begins with, in any case. */
  readonly q?: string | undefined
}

/** Where a page begins: after this row, and in the order of changes after this time. */
interface Place {
  readonly documentId: DocumentId
  readonly changedAt?: string
}

function startAfter({ cursor, order }: ListRequest): Place | undefined {
  if (cursor === undefined) return undefined
  const [id = '', changedAt] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ')
  const documentId = parseDocumentId(id)
  if (documentId === undefined || (changedAt !== undefined) !== (order === 'newest'))
    throw new ServiceError(
      'invalid_request',
      'query.cursor: is not a cursor of this list; use nextCursor of the page before',
    )
  return { documentId, ...(changedAt === undefined ? {} : { changedAt }) }
}

/** Names are compared as people read them: in any case, however a letter with an accent is written. */
const folded = (text: string): string => text.normalize('NFC').toLowerCase()

function fits(row: DocumentRow, { userId, connectionId, status, q }: ListRequest): boolean {
  return (
    !isDeleted(row) &&
    row.userId === userId &&
    (connectionId === undefined || row.connectionId === connectionId) &&
    (status === undefined || statusOf(row) === status) &&
    (q === undefined || [row.documentId, row.name ?? ''].some((text) => folded(text).startsWith(folded(q))))
  )
}

/** The next rows of the order that is asked for, and where the rows after them begin. */
async function readRows(
  { documents }: Pick<DocumentDeps, 'documents'>,
  { userKey, order }: ListRequest,
  limit: number,
  after: Place | undefined,
): Promise<{ readonly rows: readonly DocumentRow[]; readonly next?: Place }> {
  if (order === 'newest') {
    const { changedAt } = after ?? {}
    const from = after && changedAt !== undefined ? { ...after, changedAt } : undefined
    const { rows, last } = await documents.newest(userKey, limit, from)
    return last === undefined ? { rows } : { rows, next: last }
  }
  const { rows, more } = await documents.list(userKey, limit, after?.documentId)
  const last = rows.at(-1)
  return more && last ? { rows, next: last } : { rows }
}

/** A page of the user's documents; `nextCursor` when there may be more. */
export async function listDocuments(
  deps: Pick<DocumentDeps, 'documents'>,
  request: ListRequest,
): Promise<{ readonly rows: readonly DocumentRow[]; readonly nextCursor?: string }> {
  const { connectionId, status, q, order, limit = listLimit.default } = request
  const filtered = connectionId !== undefined || status !== undefined || q !== undefined
  const found: DocumentRow[] = []
  let after = startAfter(request)
  for (let read = 0; read < mostRead;) {
    const page = await readRows(deps, request, filtered ? rowsAtOnce : limit + 1 - found.length, after)
    read += page.rows.length
    for (const row of page.rows) {
      if (!fits(row, request)) continue
      // One more than asked for shows that there is a next page.
      if (found.length === limit) return { rows: found, nextCursor: cursorOf(found.at(-1), order) }
      found.push(row)
    }
    if (page.next === undefined) return { rows: found }
    after = page.next
  }
  return { rows: found, nextCursor: cursorOf(after, order) }
}

function cursorOf({ documentId, changedAt }: Partial<Place> = {}, order: ListRequest['order']): string {
  return Buffer.from(`${documentId ?? ''}${order === 'newest' ? ` ${changedAt ?? ''}` : ''}`).toString(
    'base64url',
  )
}
