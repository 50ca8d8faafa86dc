import type { Composition } from '../lib/compose/composition.ts'
import { hallDeps } from '../lib/compose/hall.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'
import { signParts } from '../lib/intake/parts.ts'

/** URLs for parts of an open upload. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.signParts, composition, async ({ caller, path, body: { uploadId, numbers } }) => {
    const upload = { ...caller, documentId: requireDocumentId(path.documentId), uploadId }
    return { status: 200, body: { parts: await signParts(hallDeps(composition), upload, numbers) } }
  })

export const handler = handlerIn(thisProcess)
