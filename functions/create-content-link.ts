import type { Composition } from '../lib/compose/composition.ts'
import { openDocuments } from '../lib/compose/documents.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { createContentLink } from '../lib/documents/content-link.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'

/** A link that a browser opens or downloads as it is, for a while. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.createContentLink, composition, async ({ caller, path, body, signal }) => {
    const documentId = requireDocumentId(path.documentId)
    const minutes = body.expiresInMinutes
    const link = await createContentLink(openDocuments(composition), {
      ...caller,
      documentId,
      minutes,
      signal,
    })
    return { status: 200, body: link }
  })

export const handler = handlerIn(thisProcess)
