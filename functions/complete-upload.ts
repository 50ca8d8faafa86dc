import type { Composition } from '../lib/compose/composition.ts'
import { hallDeps } from '../lib/compose/hall.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { presentDocument } from '../lib/documents/present.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'
import { completeParts } from '../lib/intake/parts.ts'

/** Makes the upload's object of its parts. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.completeUpload, composition, async ({ caller, path, body: { uploadId } }) => {
    const upload = { ...caller, documentId: requireDocumentId(path.documentId), uploadId }
    const row = await completeParts(hallDeps(composition), upload)
    return { status: 202, body: { document: presentDocument(row) } }
  })

export const handler = handlerIn(thisProcess)
