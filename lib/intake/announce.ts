import type { SQSClient } from '@aws-sdk/client-sqs'

/** What is told of an object of the intake bucket. */
export interface Announcement {
  readonly bucket: string
  readonly key: string
  readonly size?: number
  readonly etag?: string
  readonly sequencer?: string
}

export type Announce = (object: Announcement, delaySeconds?: number) => Promise<void>

/** The longest that SQS holds a new message back. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html */
export const longestDelaySeconds = 900

/**
 * The message that S3 would send for the object, so that whoever reads the queue needs to know one shape only.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function announcementBody(object: Announcement, now: number): string {
  const { bucket, key, size, etag, sequencer } = object
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    eventTime: new Date(now).toISOString(),
    eventName: 'ObjectCreated:Put',
    s3: {
      bucket: { name: bucket },
      object: {
        key: encodeURIComponent(key).replaceAll('%2F', '/').replaceAll('%20', '+'),
        ...(size === undefined ? {} : { size }),
        ...(etag === undefined ? {} : { eTag: etag }),
        ...(sequencer === undefined ? {} : { sequencer }),
      },
    },
  }
  return JSON.stringify({ Records: [record] })
}

/** Announces through the intake queue. */
export function sqsAnnouncer(client: SQSClient, queueUrl: string, now: () => number): Announce {
  return async (object, delaySeconds = 0) => {
    const { SendMessageCommand } = await import('@aws-sdk/client-sqs')
    await client.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: announcementBody(object, now()),
        DelaySeconds: Math.min(longestDelaySeconds, Math.max(0, Math.ceil(delaySeconds))),
      }),
    )
  }
}
