import type { Told, WebhookStore } from '../catalog/webhooks.ts'
import { wants } from '../catalog/webhooks.ts'
import { webhookTypes } from '../contract/webhook-types.ts'
import type { UserKey } from '../ids.ts'
import { parseUserKey, userId, userKeyOf } from '../ids.ts'
import type { DrivewayEvent, EventBus } from '../telemetry/events.ts'

export interface FanOutDeps {
  readonly webhooks: Pick<WebhookStore, 'list'>
  /** Puts messages into the queue of deliveries; answers the indexes of those that it did not take. */
  readonly enqueue: (messages: readonly Told[]) => Promise<readonly number[]>
}

/** Whom an event is about. */
function aboutWhom({ type, detail }: DrivewayEvent): UserKey | undefined {
  if (type === 'Intake Rejected') return parseUserKey(detail.key.split('/')[0] ?? '')
  return userKeyOf(userId(detail.userId))
}

function toldTo(webhookId: string, event: DrivewayEvent): Told {
  const { eventId, occurredAt } = event.detail
  const type = webhookTypes[event.type]
  const userKey = aboutWhom(event)
  const body = JSON.stringify({ type, timestamp: occurredAt, data: event.detail })
  return { webhookId, eventId, type, body, ...(userKey === undefined ? {} : { userKey }) }
}

/**
 * A bus that also has the app's endpoints told, one message for each that wants the event. An event counts as
 * told when all have it; told again, each delivery has the same id.
 */
export function busWithWebhooks(bus: EventBus, { webhooks, enqueue }: FanOutDeps): EventBus {
  return {
    async put(events) {
      const taken = await bus.put(events)
      const endpoints = await webhooks.list()
      const messages = events.flatMap((event, at) =>
        taken[at] === true
          ? endpoints
              .filter((endpoint) => wants(endpoint, webhookTypes[event.type]))
              .map(({ id }) => ({ at, told: toldTo(id, event) }))
          : [],
      )
      if (messages.length === 0) return taken
      const refused = await enqueue(messages.map(({ told }) => told))
      const untold = new Set(refused.map((index) => messages[index]?.at))
      return taken.map((isTaken, at) => isTaken && !untold.has(at))
    },
  }
}
