import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { checkHealth } from '../lib/connections/health.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireConnectionId } from '../lib/http/parameters.ts'

/** Says whether the provider answers for this connection; one that is down is an answer, not an error. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.checkHealth, composition, async ({ caller, path, signal }) => {
    const connectionId = requireConnectionId(path.connectionId)
    return {
      status: 200,
      body: await checkHealth(composition, { ...caller, connectionId, signal }),
    }
  })

export const handler = handlerIn(thisProcess)
