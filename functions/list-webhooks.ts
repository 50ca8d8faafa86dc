import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { withWebhooks } from '../lib/compose/webhooks.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { presentWebhook } from '../lib/webhooks/endpoints.ts'

/** Answers the deployment's webhooks. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.listWebhooks, composition, async () => {
    const webhooks = await withWebhooks(composition).webhooks.list()
    return { status: 200, body: { webhooks: webhooks.map(presentWebhook) } }
  })

export const handler = handlerIn(thisProcess)
