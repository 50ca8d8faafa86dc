import type { SQSClient } from '@aws-sdk/client-sqs'
import type { CreatedObject } from '../queue/object-created.ts'
import { objectCreatedBody } from '../queue/object-created.ts'

/** Puts an object into the intake queue, as if it had just been created. */
export type Enqueue = (object: CreatedObject, delaySeconds?: number) => Promise<void>

/** The longest that SQS holds a new message back. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html */
const longestDelaySeconds = 900

export function sqsEnqueue(client: SQSClient, queueUrl: string, now: () => number): Enqueue {
  return async (object, delaySeconds = 0) => {
    const { SendMessageCommand } = await import('@aws-sdk/client-sqs')
    await client.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: objectCreatedBody(object, now()),
        DelaySeconds: Math.min(longestDelaySeconds, Math.max(0, Math.ceil(delaySeconds))),
      }),
    )
  }
}
