import type { Composition } from '../lib/compose/composition.ts'
import { openDocuments } from '../lib/compose/documents.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { getDocument } from '../lib/documents/get-document.ts'
import { contentAnswer } from '../lib/documents/content-answer.ts'
import { streamingHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'

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
    return contentAnswer(outcome)
  })

export const handler = handlerIn(thisProcess)
