import type { Composition } from '../lib/compose/composition.ts'
import { openDocuments } from '../lib/compose/documents.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { presentDocument } from '../lib/documents/present.ts'
import { statDocument } from '../lib/documents/stat-document.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'

/** Answers a document with its size asked of the provider now; a HEAD is told the same without the body. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.statDocument, composition, async ({ caller, path, signal }) => {
    const documentId = requireDocumentId(path.documentId)
    const row = await statDocument(openDocuments(composition), { ...caller, documentId, signal })
    const document = presentDocument(row)
    const headers = document.etag === undefined ? {} : { etag: document.etag }
    return { status: 200, headers, body: { document } }
  })

export const handler = handlerIn(thisProcess)
