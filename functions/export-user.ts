import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireOwner } from '../lib/http/parameters.ts'
import { exportUser } from '../lib/users/export.ts'

/** Answers a page of what is kept of a user. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.exportUser, composition, async ({ path, query }) => ({
    status: 200,
    body: await exportUser(composition, requireOwner(path.userId), query.cursor),
  }))

export const handler = handlerIn(thisProcess)
