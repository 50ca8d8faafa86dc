import type { Composition } from '../lib/compose/composition.ts'
import { hallDeps } from '../lib/compose/hall.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { presentDocument } from '../lib/documents/present.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'
import { openParts } from '../lib/intake/parts.ts'

/** The open upload in parts, and what of it has arrived. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.getUpload, composition, async ({ caller, path }) => {
    const documentId = requireDocumentId(path.documentId)
    const { row, upload } = await openParts(hallDeps(composition), { ...caller, documentId })
    return { status: 200, body: { document: presentDocument(row), upload } }
  })

export const handler = handlerIn(thisProcess)
