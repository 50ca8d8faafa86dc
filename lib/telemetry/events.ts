import type { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import type * as z from 'zod/mini'
import type { events } from '../contract/events.ts'
import { ServiceError } from '../errors.ts'

type Events = typeof events

/** The events on the deployment's bus: source `driveway`, detail-type as `type`. */
export type DrivewayEvent = {
  [Type in keyof Events]: { readonly type: Type; readonly detail: Readonly<z.output<Events[Type]>> }
}[keyof Events]

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
export const eventsAtOnce = 10

export interface EventBus {
  /** Sends at most `eventsAtOnce` events; answers for each whether the bus has taken it. */
  put(events: readonly DrivewayEvent[]): Promise<readonly boolean[]>
}

export interface EventPublisher {
  /** Resolves when the bus has taken the event; rejects with a retryable ServiceError when it did not. */
  publish(event: DrivewayEvent): Promise<void>
}

/** An EventBridge bus. `client` is made on first use. */
export function eventBridgeBus(client: () => Promise<EventBridgeClient>, busName: string): EventBus {
  return {
    async put(events) {
      const { PutEventsCommand } = await import('@aws-sdk/client-eventbridge')
      const entries = events.map(({ type, detail }) => ({
        EventBusName: busName,
        Source: 'driveway',
        DetailType: type,
        Detail: JSON.stringify(detail),
      }))
      const answer = await (await client()).send(new PutEventsCommand({ Entries: entries }))
      // It answers 200 also when entries were refused.
      return events.map((_, at) => answer.Entries?.[at]?.EventId !== undefined)
    },
  }
}

/** Publishes one event at a time. */
export function eventPublisher(bus: EventBus): EventPublisher {
  return {
    async publish(event) {
      const [taken] = await bus.put([event])
      if (taken === true) return
      throw new ServiceError('internal_error', 'The event bus did not take an event.', {
        retry: { retryable: true },
      })
    },
  }
}
