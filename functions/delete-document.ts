import { openDocuments } from '../lib/compose.ts'
import { routes } from '../lib/contract/routes.ts'
import { deleteDocument } from '../lib/documents/delete-document.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'

/** Deletes a document here and in the user's drive; what is already gone is success. */
export const handler = httpHandler(routes.deleteDocument, async ({ caller, path, signal }) => {
  await deleteDocument(openDocuments(), caller, requireDocumentId(path.documentId), signal)
  return { status: 204 }
})
