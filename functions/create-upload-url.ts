import type { Composition } from '../lib/compose/composition.ts'
import { openDocuments } from '../lib/compose/documents.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { createUploadUrl } from '../lib/documents/presigned-urls.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId, requireExtension } from '../lib/http/parameters.ts'

/** Presigned put: on s3 a URL to upload to without a token; both cloud drives refuse and name the intake. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.createUploadUrl, composition, async ({ caller, path, body, signal }) => {
    const upload = await createUploadUrl(openDocuments(composition), {
      ...caller,
      documentId: requireDocumentId(path.documentId),
      connectionId: body.connectionId,
      contentType: body.contentType,
      extension: requireExtension(body.extension),
      name: body.name,
      size: body.size,
      sha256: body.sha256,
      minutes: body.expiresInMinutes,
      signal,
    })
    return { status: 200, body: upload }
  })

export const handler = handlerIn(thisProcess)
