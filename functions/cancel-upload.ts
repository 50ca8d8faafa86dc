import type { Composition } from '../lib/compose/composition.ts'
import { hallDeps } from '../lib/compose/hall.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId } from '../lib/http/parameters.ts'
import { cancelIntake } from '../lib/intake/parts.ts'

/** Gives an announced upload up. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.cancelUpload, composition, async ({ caller, path }) => {
    const documentId = requireDocumentId(path.documentId)
    await cancelIntake(hallDeps(composition), { ...caller, documentId })
    return { status: 204 }
  })

export const handler = handlerIn(thisProcess)
