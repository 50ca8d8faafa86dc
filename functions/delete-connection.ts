import type { Composition } from '../lib/compose/composition.ts'
import { openDisconnect } from '../lib/compose/connections.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { disconnectConnection } from '../lib/connections/disconnect.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireConnectionId } from '../lib/http/parameters.ts'

/** Disconnects; where the provider cannot revoke by itself, a link says where the user can. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.deleteConnection, composition, async ({ caller, path, signal }) => {
    const connectionId = requireConnectionId(path.connectionId)
    const { manageUrl } = await disconnectConnection(openDisconnect(composition), {
      ...caller,
      connectionId,
      signal,
    })
    return { status: 204, headers: manageUrl === undefined ? {} : { link: `<${manageUrl}>; rel="revoke"` } }
  })

export const handler = handlerIn(thisProcess)
