import * as z from 'zod/mini'

/** An object of the intake bucket, as its event tells of it. */
export interface CreatedObject {
  readonly bucket: string
  readonly key: string
  readonly size?: number
  readonly etag?: string
  readonly sequencer?: string
}

const message = z.object({
  Records: z.optional(
    z.array(
      z.object({
        eventSource: z.literal('aws:s3'),
        // "Accept the same major version, any minor": a new major one may mean something else.
        eventVersion: z.string().check(z.regex(/^2\./)),
        eventName: z.string(),
        s3: z.object({
          bucket: z.object({ name: z.string() }),
          object: z.object({
            key: z.string(),
            // What does not apply is left out by S3, and null where others speak its words (versitygw).
            size: z.nullish(z.number()),
            eTag: z.nullish(z.string()),
            sequencer: z.nullish(z.string()),
          }),
        }),
      }),
    ),
  ),
  Event: z.optional(z.string()),
})

/**
 * The objects that a message tells of; none for S3's test event and for anything but a creation.
 * Throws when the body is not an S3 notification: the message then goes to the dead-letter queue.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function parseObjectCreated(body: string): readonly CreatedObject[] {
  const parsed = message.safeParse(JSON.parse(body))
  if (!parsed.success)
    throw new TypeError(`Not an S3 notification: ${parsed.error.issues[0]?.path.join('.') ?? ''}`)
  const { Records, Event } = parsed.data
  if (!Records) {
    if (Event === 's3:TestEvent') return []
    throw new TypeError('Not an S3 notification: it has no records.')
  }
  return Records.filter((record) => /^(s3:)?ObjectCreated:/.test(record.eventName)).map(({ s3 }) => ({
    bucket: s3.bucket.name,
    key: decodeKey(s3.object.key),
    ...(typeof s3.object.size === 'number' ? { size: s3.object.size } : {}),
    ...(typeof s3.object.eTag === 'string' ? { etag: s3.object.eTag.replaceAll('"', '') } : {}),
    ...(typeof s3.object.sequencer === 'string' ? { sequencer: s3.object.sequencer } : {}),
  }))
}

/** Keys come as HTML forms encode them: a space is `+`. */
function decodeKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '))
}

/** The message that S3 would send for the object: whoever reads the queue knows one shape only. */
export function objectCreatedBody(object: CreatedObject, now: number): string {
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
