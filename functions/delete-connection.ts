import { openDisconnect } from '../lib/compose.ts'
import { disconnectConnection } from '../lib/connections/disconnect.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireConnectionId } from '../lib/http/parameters.ts'

/** Disconnects; where the provider cannot revoke by itself, a link says where the user can. */
export const handler = httpHandler(routes.deleteConnection, async ({ caller, path, signal }) => {
  const connectionId = requireConnectionId(path.connectionId)
  const { manageUrl } = await disconnectConnection(openDisconnect(), {
    ...caller,
    connectionId,
    signal,
  })
  return { status: 204, headers: manageUrl === undefined ? {} : { link: `<${manageUrl}>; rel="revoke"` } }
})
