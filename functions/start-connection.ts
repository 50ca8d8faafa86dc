import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { startConnection } from '../lib/connections/authorize.ts'
import { presentConnection } from '../lib/connections/read.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { refuseWhileErased } from '../lib/users/begin-erasure.ts'

/** Starts connecting a drive; an s3 connection is active at once. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.startConnection, composition, async ({ caller, body }) => {
    await refuseWhileErased(composition, caller)
    const { connection, authorizationUrl } = await startConnection(composition, {
      ...caller,
      ...body,
    })
    return { status: 201, body: { connection: presentConnection(connection), authorizationUrl } }
  })

export const handler = handlerIn(thisProcess)
