import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { withWebhooks } from '../lib/compose/webhooks.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { listDeliveries } from '../lib/webhooks/endpoints.ts'

/** Answers a page of what was sent to a webhook. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.listDeliveries, composition, async ({ path, query }) => ({
    status: 200,
    body: await listDeliveries(withWebhooks(composition), path.webhookId, query),
  }))

export const handler = handlerIn(thisProcess)
