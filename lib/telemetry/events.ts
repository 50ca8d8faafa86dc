import type { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import type { DriveChange } from '../contract/outbox.ts'
import type { DocumentChecksum } from '../contract/views.ts'
import type { ProviderId } from '../providers/registry.ts'
import type { ErrorCode, ReauthReason } from '../errors.ts'
import { ServiceError } from '../errors.ts'

/** What every event of a row says: its number there, and an id that stays when it is repeated. */
interface Told {
  readonly eventId: string
  readonly seq: number
  readonly schemaVersion: 1
  readonly occurredAt: string
  readonly userId: string
  readonly connectionId: string
  readonly provider: ProviderId
}

/** For a document also what stands; of a change that is over, what that was to be. */
interface DocumentTold extends Told {
  readonly documentId: string
  readonly name?: string
  readonly size: number
  readonly contentType: string
}

/** The events on the deployment's bus: source `driveway`, detail-type as `type`. None holds a secret. */
export type DrivewayEvent =
  | {
      readonly type: 'Document Stored'
      readonly detail: DocumentTold & {
        readonly objectKey: string
        readonly etag: string
        readonly checksum?: DocumentChecksum
        readonly replaced?: true
      }
    }
  | {
      readonly type: 'Document Failed'
      readonly detail: DocumentTold & {
        readonly error: { readonly code: ErrorCode; readonly detail: string }
      }
    }
  | { readonly type: 'Document Parked'; readonly detail: DocumentTold & { readonly reason: ReauthReason } }
  | { readonly type: 'Document Deleted'; readonly detail: DocumentTold }
  | { readonly type: 'Document Changed'; readonly detail: DocumentTold & { readonly change: DriveChange } }
  | {
      readonly type: 'Intake Rejected'
      readonly detail: Pick<Told, 'eventId' | 'schemaVersion' | 'occurredAt'> & {
        readonly bucket: string
        readonly key: string
        readonly reason: string
      }
    }
  | {
      readonly type: 'User Erased'
      readonly detail: Pick<Told, 'eventId' | 'seq' | 'schemaVersion' | 'occurredAt' | 'userId'> & {
        readonly files: 'keep' | 'delete'
      }
    }
  | { readonly type: 'Connection Activated' | 'Connection Disconnected'; readonly detail: Told }
  | {
      readonly type: 'Connection Requires Reauth'
      readonly detail: Told & { readonly reason: ReauthReason }
    }

export type DrivewayEventType = DrivewayEvent['type']

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
