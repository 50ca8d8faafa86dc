import type { SQSClient } from '@aws-sdk/client-sqs'
import { ChangeMessageVisibilityCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import type { Deferral, QueueMessage } from './batch.ts'

/** Puts messages off, each in its own of the queues at `queueUrls`: by their visibility, or sent anew. */
export function sqsDeferral(client: SQSClient, queueUrls: readonly string[]): Deferral {
  // An ARN ends in the queue's name, and so does its URL.
  const urlOf = ({ queueArn }: QueueMessage): string | undefined =>
    queueUrls.find((url) => url.endsWith(`/${queueArn.split(':').at(-1) ?? ''}`))
  return {
    async hide(message, seconds) {
      await client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: urlOf(message),
          ReceiptHandle: message.receiptHandle,
          VisibilityTimeout: seconds,
        }),
      )
    },
    async renew(message, delaySeconds) {
      await client.send(
        new SendMessageCommand({
          QueueUrl: urlOf(message),
          MessageBody: message.body,
          MessageGroupId: message.group,
          DelaySeconds: delaySeconds,
        }),
      )
    },
  }
}
