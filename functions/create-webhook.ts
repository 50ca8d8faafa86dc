import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { withWebhooks } from '../lib/compose/webhooks.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { createWebhook, presentWebhook } from '../lib/webhooks/endpoints.ts'

/** Registers an endpoint; the answer is the only place that its secret is in. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.createWebhook, composition, async ({ body }) => {
    const { webhook, secret } = await createWebhook(withWebhooks(composition), body)
    return { status: 201, body: { webhook: presentWebhook(webhook), secret: secret.reveal() } }
  })

export const handler = handlerIn(thisProcess)
