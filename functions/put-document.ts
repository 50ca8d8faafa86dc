import type { Composition } from '../lib/compose/composition.ts'
import { openDocuments } from '../lib/compose/documents.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { presentDocument } from '../lib/documents/present.ts'
import { putDocument } from '../lib/documents/put-document.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireContentType, requireDocumentId, requireExtension } from '../lib/http/parameters.ts'

/** Stores one inline-sized document; the chain has refused larger bodies and named the intake. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.putDocument, composition, async ({ caller, path, query, headers, body, signal }) => {
    const { row, created } = await putDocument(openDocuments(composition), {
      ...caller,
      documentId: requireDocumentId(path.documentId),
      connectionId: query.connectionId,
      extension: requireExtension(query.extension),
      name: query.name,
      contentType: requireContentType(headers['content-type']),
      bytes: body,
      contentDigest: headers['content-digest'],
      ifMatch: headers['if-match'],
      ifNoneMatch: headers['if-none-match'],
      signal,
    })
    const document = presentDocument(row)
    const tag = document.etag === undefined ? {} : { etag: document.etag }
    if (!created) return { status: 200, headers: tag, body: { document } }
    const location = `/v1/documents/${row.documentId}`
    return { status: 201, headers: { ...tag, location }, body: { document } }
  })

export const handler = handlerIn(thisProcess)
