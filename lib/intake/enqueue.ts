import type { SQSClient } from '@aws-sdk/client-sqs'
import type { UserKey } from '../ids.ts'

/** A message, and whose it is: within a lane SQS serves quiet users first. */
export interface Message {
  readonly body: string
  readonly group?: UserKey
  readonly delaySeconds?: number
}

/** Puts messages into a queue; answers the indexes of those that it did not take. */
export type Enqueue = (messages: readonly Message[]) => Promise<readonly number[]>

/**
 * The longest that SQS holds a new message back.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
 */
const longestDelaySeconds = 900
const messagesPerCall = 10

/** Not every function is given the queue; one that sends anyway fails loudly, when it asks for `queueUrl`. */
export function sqsEnqueue(client: () => Promise<SQSClient>, queueUrl: () => string): Enqueue {
  return async (messages) => {
    const { SendMessageBatchCommand } = await import('@aws-sdk/client-sqs')
    const sqs = await client()
    const refused: number[] = []
    for (let first = 0; first < messages.length; first += messagesPerCall) {
      const Entries = messages.slice(first, first + messagesPerCall).map((message, index) => ({
        Id: String(first + index),
        MessageBody: message.body,
        MessageGroupId: message.group,
        DelaySeconds: Math.min(longestDelaySeconds, Math.max(0, Math.ceil(message.delaySeconds ?? 0))),
      }))
      const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl(), Entries }))
      refused.push(...Failed.map(({ Id }) => Number(Id)))
    }
    return refused
  }
}

/** Puts one message into a queue. @throws when the queue does not take it. */
export async function enqueueOne(enqueue: Enqueue, message: Message): Promise<void> {
  if ((await enqueue([message])).length > 0) throw new Error('The queue did not take the message.')
}
