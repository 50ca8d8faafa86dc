import { openDocuments } from '../lib/compose.ts'
import { routes } from '../lib/contract/routes.ts'
import { listDocuments } from '../lib/documents/list-documents.ts'
import { presentDocument } from '../lib/documents/present.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Lists the caller's documents, a page at a time. */
export const handler = httpHandler(routes.listDocuments, async ({ caller, query }) => {
  const { rows, nextCursor } = await listDocuments(openDocuments(), {
    ...caller,
    connectionId: query.connectionId,
    status: query.status,
    limit: query.limit,
    cursor: query.cursor,
  })
  return {
    status: 200,
    body: { documents: rows.map(presentDocument), ...(nextCursor === undefined ? {} : { nextCursor }) },
  }
})
