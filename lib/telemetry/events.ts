import type { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import type { DocumentChecksum } from '../contract/views.ts'
import type { ProviderId } from '../providers/registry.ts'
import type { ErrorCode, ReauthReason } from '../errors.ts'
import { ServiceError } from '../errors.ts'

interface DocumentDetail {
  readonly userId: string
  readonly documentId: string
  readonly connectionId: string
  readonly provider: ProviderId
  readonly size: number
  readonly contentType: string
}

/** The events on the deployment's bus: source `driveway`, detail-type as `type`. None holds a secret. */
export type DrivewayEvent =
  | {
      readonly type: 'Document Stored'
      readonly detail: DocumentDetail & { readonly objectKey: string; readonly checksum?: DocumentChecksum }
    }
  | {
      readonly type: 'Document Failed'
      readonly detail: DocumentDetail & {
        readonly error: { readonly code: ErrorCode; readonly detail: string }
      }
    }
  | { readonly type: 'Document Parked'; readonly detail: DocumentDetail & { readonly reason?: ReauthReason } }
  | {
      readonly type: 'Intake Rejected'
      readonly detail: { readonly bucket: string; readonly key: string; readonly reason: string }
    }
  | {
      readonly type: 'Connection Activated'
      readonly detail: {
        readonly userId: string
        readonly connectionId: string
        readonly provider: ProviderId
      }
    }
  | {
      readonly type: 'Connection Requires Reauth'
      readonly detail: {
        readonly userId: string
        readonly connectionId: string
        readonly provider: ProviderId
        readonly reason: ReauthReason
      }
    }

export type DrivewayEventType = DrivewayEvent['type']

export interface EventPublisher {
  /** Resolves when the bus has taken the event; rejects with a retryable ServiceError when it did not. */
  publish(event: DrivewayEvent): Promise<void>
}

/** Publishes on an EventBridge bus. `client` is made on first use, since most requests publish nothing. */
export function eventBridgePublisher(
  client: () => Promise<EventBridgeClient>,
  busName: string,
): EventPublisher {
  return {
    async publish(event) {
      const { PutEventsCommand } = await import('@aws-sdk/client-eventbridge')
      const entry = {
        EventBusName: busName,
        Source: 'driveway',
        DetailType: event.type,
        Detail: JSON.stringify(event.detail),
      }
      const answer = await (await client()).send(new PutEventsCommand({ Entries: [entry] }))
      // PutEvents answers 200 also when an entry was refused.
      // https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
      if ((answer.FailedEntryCount ?? 0) > 0) {
        throw new ServiceError('internal_error', 'The event bus did not take an event.', {
          retry: { retryable: true },
        })
      }
    },
  }
}
