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
    const row = await statDocument(
      openDocuments(composition),
      caller,
      requireDocumentId(path.documentId),
      signal,
    )
    return { status: 200, body: { document: presentDocument(row) } }
  })

export const handler = handlerIn(thisProcess)
