import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { getConnection, presentConnection } from '../lib/connections/read.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireConnectionId } from '../lib/http/parameters.ts'

/** Shows one connection of the caller. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.getConnection, composition, async ({ caller, path }) => {
    const connection = await getConnection(composition, caller, requireConnectionId(path.connectionId))
    return { status: 200, body: { connection: presentConnection(connection) } }
  })

export const handler = handlerIn(thisProcess)
