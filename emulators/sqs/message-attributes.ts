import { createHash } from 'node:crypto'
import * as z from 'zod/mini'

/** Message attributes as the API carries them; binary values in base64. */
export const messageAttributes = z.record(
  z.string(),
  z.object({
    DataType: z.string(),
    StringValue: z.optional(z.string()),
    BinaryValue: z.optional(z.string()),
  }),
)
export type MessageAttributes = z.infer<typeof messageAttributes>

const framed = (value: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(value.length)
  return Buffer.concat([length, value])
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation */
export const attributeDigest = (attributes: MessageAttributes): string => {
  const hash = createHash('md5')
  for (const [name, value] of Object.entries(attributes).sort(([left], [right]) => (left < right ? -1 : 1))) {
    hash.update(framed(Buffer.from(name))).update(framed(Buffer.from(value.DataType)))
    const binary = value.DataType.startsWith('Binary')
    hash.update(Buffer.from([binary ? 2 : 1]))
    hash.update(
      framed(binary ? Buffer.from(value.BinaryValue ?? '', 'base64') : Buffer.from(value.StringValue ?? '')),
    )
  }
  return hash.digest('hex')
}

export const md5 = (text: string | Buffer): string => createHash('md5').update(text).digest('hex')
