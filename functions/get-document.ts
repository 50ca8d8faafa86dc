import type { Composition } from '../lib/compose/composition.ts'
import { openDocuments } from '../lib/compose/documents.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { getDocument } from '../lib/documents/get-document.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'
import { streamingHandler } from '../lib/http/handler.ts'

/** Streams a document's bytes through Lambda response streaming, or says where a large one is. */
export const handlerIn = (composition: Composition) =>
  streamingHandler(routes.getDocument, composition, async ({ caller, path, headers, method, signal }) => {
    const outcome = await getDocument(openDocuments(composition), {
      ...caller,
      documentId: requireDocumentId(path.documentId),
      range: headers['range'],
      ifNoneMatch: headers['if-none-match'],
      ifRange: headers['if-range'],
      isHead: method === 'HEAD',
      signal,
    })
    switch (outcome.kind) {
      case 'content':
        return { status: outcome.status, headers: outcome.headers, stream: outcome.body }
      case 'not-modified':
        return { status: 304, headers: outcome.headers }
      case 'elsewhere':
        // Only here does such a URL leave us: the caller's own document, in the header it is meant for.
        return { status: 303, headers: { location: outcome.url.reveal() } }
    }
  })

export const handler = handlerIn(thisProcess)
