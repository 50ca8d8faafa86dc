import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { requireOwner } from '../lib/http/parameters.ts'
import { getErasure } from '../lib/users/begin-erasure.ts'
import { presentErasure } from '../lib/users/present-erasure.ts'

/** Answers how far an erasure is, and afterwards its receipt. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.getErasure, composition, async ({ path }) => {
    const owner = requireOwner(path.userId)
    const erasure = await getErasure(composition, owner.userId)
    return { status: 200, body: { erasure: presentErasure(composition, erasure, owner) } }
  })

export const handler = handlerIn(thisProcess)
