import type { SQSClient } from '@aws-sdk/client-sqs'
import { ChangeMessageVisibilityCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import type { Deferral } from './batch.ts'

/** Puts messages of `queueUrl` off: by their visibility, or as new messages. */
export function sqsDeferral(client: SQSClient, queueUrl: string): Deferral {
  return {
    async hide({ receiptHandle }, seconds) {
      await client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: queueUrl,
          ReceiptHandle: receiptHandle,
          VisibilityTimeout: seconds,
        }),
      )
    },
    async renew({ body }, delaySeconds) {
      await client.send(
        new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body, DelaySeconds: delaySeconds }),
      )
    },
  }
}
