import type { SQSClient } from '@aws-sdk/client-sqs'

/** Puts a message into the intake queue. */
export type Enqueue = (body: string, delaySeconds?: number) => Promise<void>

/**
 * The longest that SQS holds a new message back.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
 */
const longestDelaySeconds = 900

/** Not every function is given the queue; one that sends anyway fails loudly, when it asks for `queueUrl`. */
export function sqsEnqueue(client: () => Promise<SQSClient>, queueUrl: () => string): Enqueue {
  return async (body, delaySeconds = 0) => {
    const { SendMessageCommand } = await import('@aws-sdk/client-sqs')
    const DelaySeconds = Math.min(longestDelaySeconds, Math.max(0, Math.ceil(delaySeconds)))
    await (
      await client()
    ).send(new SendMessageCommand({ QueueUrl: queueUrl(), MessageBody: body, DelaySeconds }))
  }
}
