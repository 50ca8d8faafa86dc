import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { withWebhooks } from '../lib/compose/webhooks.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'

/** Removes a webhook. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.deleteWebhook, composition, async ({ path }) => {
    await withWebhooks(composition).webhooks.remove(path.webhookId)
    return { status: 204 }
  })

export const handler = handlerIn(thisProcess)
