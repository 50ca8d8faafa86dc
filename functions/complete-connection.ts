import type { Composition } from '../lib/compose/composition.ts'
import { openComplete } from '../lib/compose/connections.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { completeConnection } from '../lib/connections/complete.ts'
import { presentConnection } from '../lib/connections/read.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { refuseWhileErased } from '../lib/users/begin-erasure.ts'
import { requireConnectionId } from '../lib/http/parameters.ts'

/** Finishes connecting with the completion code; only the user who started can. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.completeConnection, composition, async ({ caller, path, body, signal }) => {
    await refuseWhileErased(composition, caller)
    const connectionId = requireConnectionId(path.connectionId)
    const connection = await completeConnection(openComplete(composition), {
      ...caller,
      connectionId,
      ...body,
      signal,
    })
    return { status: 200, body: { connection: presentConnection(connection) } }
  })

export const handler = handlerIn(thisProcess)
