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
      contentType: requireContentType(headers['content-type']),
      bytes: body,
      contentDigest: headers['content-digest'],
      onlyCreate: headers['if-none-match']?.trim() === '*',
      signal,
    })
    const answer = { document: presentDocument(row) }
    if (!created) return { status: 200, body: answer }
    return { status: 201, headers: { location: `/v1/documents/${row.documentId}` }, body: answer }
  })

export const handler = handlerIn(thisProcess)
