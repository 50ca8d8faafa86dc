import type { Composition } from '../lib/compose/composition.ts'
import { openDocuments } from '../lib/compose/documents.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { deleteDocument } from '../lib/documents/delete-document.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'

/** Deletes a document here and in the user's drive; what is already gone is success. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.deleteDocument, composition, async ({ caller, path, query, headers, signal }) => {
    await deleteDocument(openDocuments(composition), {
      ...caller,
      documentId: requireDocumentId(path.documentId),
      permanent: query.permanent === 'true',
      ifMatch: headers['if-match'],
      ifNoneMatch: headers['if-none-match'],
      signal,
    })
    return { status: 204 }
  })

export const handler = handlerIn(thisProcess)
