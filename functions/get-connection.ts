import { openConnections } from '../lib/compose.ts'
import { presentConnection } from '../lib/connections/present.ts'
import { getConnection } from '../lib/connections/read.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireConnectionId } from '../lib/http/parameters.ts'

/** Shows one connection of the caller. */
export const handler = httpHandler(routes.getConnection, async ({ caller, path }) => {
  const connection = await getConnection(openConnections(), caller, requireConnectionId(path.connectionId))
  return { status: 200, body: { connection: presentConnection(connection) } }
})
