import { setTimeout as sleep } from 'node:timers/promises'
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import * as z from 'zod/mini'

const envelope = z.object({
  id: z.string(),
  'detail-type': z.string(),
  detail: z.object({ documentId: z._default(z.string(), ''), connectionId: z._default(z.string(), '') }),
})
const localLog = z.array(z.looseObject({ sequence: z.number() }))

export interface DocumentEvent {
  readonly type: string
  readonly detail: { readonly documentId: string; readonly connectionId: string }
}

export interface EventsFrom {
  /** The SQS queue behind the EventBridge rule; the local stack's event log when undefined. */
  readonly queueUrl: string | undefined
  readonly localPort: number
}

/** The deployment's events as they come. Delivery is at least once and in any order: act so that twice is as good as once. */
export function drivewayEvents({ queueUrl, localPort }: EventsFrom): AsyncGenerator<DocumentEvent, never> {
  return queueUrl === undefined ? fromLocalStack(`http://127.0.0.1:${localPort + 6}`) : fromQueue(queueUrl)
}

async function* fromQueue(queueUrl: string): AsyncGenerator<DocumentEvent, never> {
  const sqs = new SQSClient({})
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 20, MaxNumberOfMessages: 10 }),
    )
    for (const message of Messages) {
      const event = envelope.parse(JSON.parse(message.Body ?? ''))
      yield { type: event['detail-type'], detail: event.detail }
      // Only now: a message whose work was not finished comes again.
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }))
    }
  }
}

async function* fromLocalStack(origin: string): AsyncGenerator<DocumentEvent, never> {
  let since = 0
  for (;;) {
    const response = await fetch(`${origin}/_local/events?since=${since}`)
    for (const entry of localLog.parse(await response.json())) {
      since = entry.sequence
      const event = envelope.parse(entry)
      yield { type: event['detail-type'], detail: event.detail }
    }
    await sleep(500)
  }
}
