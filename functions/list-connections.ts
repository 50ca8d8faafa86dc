import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { presentConnection } from '../lib/connections/read.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Lists the caller's connections. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.listConnections, composition, async ({ caller }) => {
    const connections = await composition.connections.list(caller)
    return { status: 200, body: { connections: connections.map(presentConnection) } }
  })

export const handler = handlerIn(thisProcess)
