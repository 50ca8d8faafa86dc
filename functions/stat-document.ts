import { openDocuments } from '../lib/compose.ts'
import { routes } from '../lib/contract/routes.ts'
import { presentDocument } from '../lib/documents/present.ts'
import { statDocument } from '../lib/documents/stat-document.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'

/** Answers a document with its size asked of the provider now; a HEAD is told the same without the body. */
export const handler = httpHandler(routes.statDocument, async ({ caller, path, signal }) => {
  const row = await statDocument(openDocuments(), caller, requireDocumentId(path.documentId), signal)
  return { status: 200, body: { document: presentDocument(row) } }
})
