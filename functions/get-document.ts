import { openDocuments } from '../lib/compose.ts'
import { routes } from '../lib/contract/routes.ts'
import { getDocument } from '../lib/documents/get-document.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'
import { streamingHandler } from '../lib/http/handler.ts'

/** Streams a document's bytes through Lambda response streaming, or says where a large one is. */
export const handler = streamingHandler(routes.getDocument, async ({ caller, path, headers, signal }) => {
  const outcome = await getDocument(openDocuments(), {
    ...caller,
    documentId: requireDocumentId(path.documentId),
    range: headers['range'],
    ifNoneMatch: headers['if-none-match'],
    signal,
  })
  switch (outcome.kind) {
    case 'content':
      return { status: outcome.status, headers: outcome.headers, stream: outcome.body }
    case 'not-modified':
      return { status: 304, headers: outcome.headers }
    case 'elsewhere':
      // Only here does such a URL leave us: the caller's own document, in the header that it is meant for.
      return { status: 303, headers: { location: outcome.url.reveal() } }
  }
})
