import type { Composition } from '../lib/compose/composition.ts'
import { openDocuments } from '../lib/compose/documents.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { presentDocument } from '../lib/documents/present.ts'
import { renameDocument } from '../lib/documents/rename-document.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'

/** Gives a document another name. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.renameDocument, composition, async ({ caller, path, headers, body, signal }) => {
    const row = await renameDocument(openDocuments(composition), {
      ...caller,
      documentId: requireDocumentId(path.documentId),
      name: body.name,
      ifMatch: headers['if-match'],
      ifNoneMatch: headers['if-none-match'],
      signal,
    })
    const document = presentDocument(row)
    const tag = document.etag === undefined ? {} : { etag: document.etag }
    return { status: 200, headers: tag, body: { document } }
  })

export const handler = handlerIn(thisProcess)
