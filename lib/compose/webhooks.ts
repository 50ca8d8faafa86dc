import type { DeliveryStore, Told, WebhookStore } from '../catalog/webhooks.ts'
import { deliveryStore, webhookStore } from '../catalog/webhooks.ts'
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
import { lazily, lazilyWith } from './once.ts'

interface WebhookStores {
  readonly webhooks: WebhookStore
  readonly deliveries: DeliveryStore
}

/** A process with the webhooks' tables, each opened when it is asked for. */
export function withWebhooks(composition: Composition): Composition & WebhookStores {
  const { clock, newId, outside, settings } = composition
  const now = (): number => clock.now()
  const stores = lazily<WebhookStores>({
    webhooks: () => webhookStore(outside.dynamo(), required(settings, 'WEBHOOKS_TABLE'), now, newId),
    deliveries: () => deliveryStore(outside.dynamo(), required(settings, 'DELIVERIES_TABLE'), now, newId),
  })
  return Object.create(composition, Object.getOwnPropertyDescriptors(stores)) as Composition & WebhookStores
}

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
  const { outside, settings } = composition
  const { webhooks } = withWebhooks(composition)
  const bus = eventBridgeBus(outside.events, required(settings, 'EVENT_BUS'))
  return busWithWebhooks(bus, { webhooks, enqueue: deliveryQueue(composition) })
}

/** For what has a delivery sent. */
export function openSending(composition: Composition): SendDeps {
  return lazilyWith(withWebhooks(composition), { enqueue: deliveryQueue(composition) })
}

/** For the queue of deliveries. */
export function openDeliver(composition: Composition): DeliverDeps {
  return lazilyWith(withWebhooks(composition), { send: composition.outside.http })
}

/** How deliveries are put off. */
export async function openDeliveryDeferral({ settings, outside }: Composition): Promise<Deferral> {
  const { sqsDeferral } = await import('../queue/deferral.ts')
  return sqsDeferral(await outside.sqs(), [required(settings, 'WEBHOOKS_QUEUE_URL')])
}
