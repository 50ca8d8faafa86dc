import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { listDocuments } from '../lib/documents/list-documents.ts'
import { presentDocument } from '../lib/documents/present.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Lists the caller's documents, a page at a time. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.listDocuments, composition, async ({ caller, query }) => {
    const { rows, nextCursor } = await listDocuments(composition, {
      ...caller,
      connectionId: query.connectionId,
      status: query.status,
      limit: query.limit,
      cursor: query.cursor,
      order: query.order,
      q: query.q,
    })
    return {
      status: 200,
      body: { documents: rows.map(presentDocument), ...(nextCursor === undefined ? {} : { nextCursor }) },
    }
  })

export const handler = handlerIn(thisProcess)
