import type { Told } from '../catalog/webhooks.ts'
import { required } from '../contract/env.ts'
import { parseUserKey } from '../ids.ts'
import type { Deferral } from '../queue/batch.ts'
import type { EventBus } from '../telemetry/events.ts'
import { eventBridgeBus } from '../telemetry/events.ts'
import type { DeliverDeps } from '../webhooks/deliver.ts'
import type { SendDeps } from '../webhooks/endpoints.ts'
import { busWithWebhooks } from '../webhooks/fan-out.ts'
import type { Composition } from './composition.ts'
import { queueOf } from './hall.ts'
import { lazilyWith } from './once.ts'

/** Puts deliveries into their queue, fair to each user; answers the indexes of those that it did not take. */
export function deliveryQueue(composition: Composition) {
  const enqueue = queueOf(composition, 'WEBHOOKS_QUEUE_URL')
  return (messages: readonly (Pick<Told, 'webhookId' | 'eventId'> & Partial<Told>)[]) =>
    enqueue(
      messages.map((message) => {
        const group = parseUserKey(message.userKey ?? '')
        return { body: JSON.stringify(message), ...(group === undefined ? {} : { group }) }
      }),
    )
}

/** The event bus, with the app's webhooks. */
export function openBus(composition: Composition): EventBus {
  const { outside, settings, webhooks } = composition
  const bus = eventBridgeBus(outside.events, required(settings, 'EVENT_BUS'))
  return busWithWebhooks(bus, { webhooks, enqueue: deliveryQueue(composition) })
}

/** For what has a delivery sent. */
export function openSending(composition: Composition): SendDeps {
  return lazilyWith(composition, { enqueue: deliveryQueue(composition) })
}

/** For the queue of deliveries. */
export function openDeliver(composition: Composition): DeliverDeps {
  return lazilyWith(composition, { send: composition.outside.http })
}

/** How deliveries are put off. */
export async function openDeliveryDeferral({ settings, outside }: Composition): Promise<Deferral> {
  const { sqsDeferral } = await import('../queue/deferral.ts')
  return sqsDeferral(await outside.sqs(), [required(settings, 'WEBHOOKS_QUEUE_URL')])
}
