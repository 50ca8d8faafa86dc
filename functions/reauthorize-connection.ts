import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { reauthorizeConnection } from '../lib/connections/authorize.ts'
import { presentConnection } from '../lib/connections/read.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { refuseWhileErased } from '../lib/users/begin-erasure.ts'
import { requireConnectionId } from '../lib/http/parameters.ts'

/** Starts a reconnect in place; completing it takes the same account of the provider. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.reauthorizeConnection, composition, async ({ caller, path, body }) => {
    await refuseWhileErased(composition, caller)
    const connectionId = requireConnectionId(path.connectionId)
    const { connection, authorizationUrl } = await reauthorizeConnection(composition, {
      ...caller,
      connectionId,
      ...body,
    })
    return { status: 200, body: { connection: presentConnection(connection), authorizationUrl } }
  })

export const handler = handlerIn(thisProcess)
