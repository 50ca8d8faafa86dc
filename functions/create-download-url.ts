import type { Composition } from '../lib/compose/composition.ts'
import { openDocuments } from '../lib/compose/documents.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { createDownloadUrl } from '../lib/documents/presigned-urls.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'

/** Presigned get: on s3 a URL that needs no token; both cloud drives refuse and name the content route. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.createDownloadUrl, composition, async ({ caller, path, body, signal }) => {
    const documentId = requireDocumentId(path.documentId)
    const { url, expiresAt } = await createDownloadUrl(openDocuments(composition), {
      ...caller,
      documentId,
      minutes: body.expiresInMinutes,
      signal,
    })
    return { status: 200, body: { method: 'GET', url, expiresAt } }
  })

export const handler = handlerIn(thisProcess)
