import type { Composition } from '../lib/compose/composition.ts'
import { openDocuments } from '../lib/compose/documents.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { presentDocument } from '../lib/documents/present.ts'
import { statDocument } from '../lib/documents/stat-document.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'
import { lists } from '../lib/transfer/conditions.ts'

/** Answers a document with its size asked of the provider now; a HEAD is told the same without the body. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.statDocument, composition, async ({ caller, path, headers: asked, signal }) => {
    const documentId = requireDocumentId(path.documentId)
    const row = await statDocument(openDocuments(composition), { ...caller, documentId, signal })
    const document = presentDocument(row)
    const headers = document.etag === undefined ? {} : { etag: document.etag }
    // What is under way, and how the last change ended, has no tag: it is told.
    const isKnown = document.status === 'stored' && lists(asked['if-none-match'] ?? '', document.etag)
    return isKnown ? { status: 304, headers } : { status: 200, headers, body: { document } }
  })

export const handler = handlerIn(thisProcess)
