import { openAuthorize } from '../lib/compose.ts'
import { reauthorizeConnection } from '../lib/connections/authorize.ts'
import { presentConnection } from '../lib/connections/present.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireConnectionId } from '../lib/http/parameters.ts'

/** Starts a reconnect in place; completing it takes the same account of the provider. */
export const handler = httpHandler(routes.reauthorizeConnection, async ({ caller, path, body }) => {
  const connectionId = requireConnectionId(path.connectionId)
  const { connection, authorizationUrl } = await reauthorizeConnection(openAuthorize(), {
    ...caller,
    connectionId,
    ...body,
  })
  return { status: 200, body: { connection: presentConnection(connection), authorizationUrl } }
})
