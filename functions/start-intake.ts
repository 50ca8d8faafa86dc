import type { Composition } from '../lib/compose/composition.ts'
import { openStartIntake } from '../lib/compose/intake.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { presentDocument } from '../lib/documents/present.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireDocumentId, requireExtension } from '../lib/http/parameters.ts'
import { startParts } from '../lib/intake/parts.ts'
import { startIntake } from '../lib/intake/start-intake.ts'

/** Starts an upload of any size: a URL of the intake bucket, and the document's row. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.startIntake, composition, async ({ caller, path, headers, body, signal }) => {
    const { multipart, ...announced } = body
    const start = multipart === true ? startParts : startIntake
    const { row, upload } = await start(openStartIntake(composition), {
      ...caller,
      ...announced,
      documentId: requireDocumentId(path.documentId),
      extension: requireExtension(body.extension),
      ifMatch: headers['if-match'],
      ifNoneMatch: headers['if-none-match'],
      signal,
    })
    return { status: 201, body: { document: presentDocument(row), upload } }
  })

export const handler = handlerIn(thisProcess)
