import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireOwner } from '../lib/http/parameters.ts'
import { beginErasure } from '../lib/users/begin-erasure.ts'
import { presentErasure } from '../lib/users/present-erasure.ts'

/** Begins the erasure of a user; the schedule does it. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.eraseUser, composition, async ({ path, query }) => {
    const owner = requireOwner(path.userId)
    const erasure = await beginErasure(composition, owner, query.files ?? 'keep')
    return { status: 202, body: { erasure: presentErasure(composition, erasure, owner) } }
  })

export const handler = handlerIn(thisProcess)
