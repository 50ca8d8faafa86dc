import { openConnections } from '../lib/compose.ts'
import { presentConnection } from '../lib/connections/present.ts'
import { listConnections } from '../lib/connections/read.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Lists the caller's connections. */
export const handler = httpHandler(routes.listConnections, async ({ caller }) => {
  const connections = await listConnections(openConnections(), caller)
  return { status: 200, body: { connections: connections.map(presentConnection) } }
})
