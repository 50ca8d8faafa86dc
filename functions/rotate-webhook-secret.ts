import type { Composition } from '../lib/compose/composition.ts'
import { thisProcess } from '../lib/compose/this-process.ts'
import { withWebhooks } from '../lib/compose/webhooks.ts'
import { routes } from '../lib/contract/routes.ts'
import { httpHandler } from '../lib/http/handler.ts'
import { rotateSecret } from '../lib/webhooks/endpoints.ts'

/** Gives a webhook another secret, and tells it this once. */
export const handlerIn = (composition: Composition) =>
  httpHandler(routes.rotateWebhookSecret, composition, async ({ path }) => {
    const secret = await rotateSecret(withWebhooks(composition), path.webhookId)
    return { status: 200, body: { secret: secret.reveal() } }
  })

export const handler = handlerIn(thisProcess)
