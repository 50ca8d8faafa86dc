import { openComplete } from '../lib/compose.ts'
import { completeConnection } from '../lib/connections/complete.ts'
import { presentConnection } from '../lib/connections/present.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireConnectionId } from '../lib/http/parameters.ts'

/** Finishes connecting with the completion code; only the user who started can. */
export const handler = httpHandler(routes.completeConnection, async ({ caller, path, body, signal }) => {
  const connectionId = requireConnectionId(path.connectionId)
  const connection = await completeConnection(openComplete(), { ...caller, connectionId, ...body, signal })
  return { status: 200, body: { connection: presentConnection(connection) } }
})
