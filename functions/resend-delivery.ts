import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { openSending } from '../lib/compose/webhooks.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { resendDelivery } from '../lib/webhooks/endpoints.ts'

/** Has a delivery sent again. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.resendDelivery, composition, async ({ path }) => {
    await resendDelivery(openSending(composition), path.webhookId, path.eventId)
    return { status: 202 }
  })

export const handler = handlerIn(thisProcess)
