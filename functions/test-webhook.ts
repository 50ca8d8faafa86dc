import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { openSending } from '../lib/compose/webhooks.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { testWebhook } from '../lib/webhooks/endpoints.ts'

/** Has a test sent. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.testWebhook, composition, async ({ path }) => {
    await testWebhook(openSending(composition), path.webhookId)
    return { status: 202 }
  })

export const handler = handlerIn(thisProcess)
