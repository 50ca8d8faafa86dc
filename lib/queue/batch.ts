import * as z from 'zod/mini'
import type { UserKey } from '../ids.ts'
import { parseUserKey } from '../ids.ts'
import { errorFields, logger } from '../telemetry/logger.ts'
import type { CreatedObject } from './object-created.ts'
import { parseObjectCreated } from './object-created.ts'
import type { parseRowMessage, WalkKey } from './row-message.ts'
import { parseOwnMessage } from './row-message.ts'

/** One message of a batch. */
export interface QueueMessage {
  readonly messageId: string
  readonly receiptHandle: string
  readonly body: string
  /** Of the queue it came from, and goes back to. */
  readonly queueArn: string
  readonly group: UserKey | undefined
  /** How often it was delivered, this time included. */
  readonly receiveCount: number
}

export type Handled = { readonly kind: 'done' } | { readonly kind: 'again'; readonly afterSeconds: number }

/** How a message that has to come back is made to wait. */
export interface Deferral {
  /** Hides the delivered message for so many seconds from now on. */
  hide(message: QueueMessage, seconds: number): Promise<void>
  /** Sends its body as a new message; the delivered one is then done. */
  renew(message: QueueMessage, delaySeconds: number): Promise<void>
}

export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[]
}

const envelope = z.object({ Records: z.array(z.unknown()) })
const record = z.object({
  messageId: z.string(),
  receiptHandle: z.string(),
  body: z.string(),
  eventSourceARN: z.string(),
  attributes: z.object({
    ApproximateReceiveCount: z.optional(z.string()),
    MessageGroupId: z.optional(z.string()),
  }),
})
const identified = z.object({ messageId: z.string() })

/** SQS hides a message 12 hours at most. */
const longestHideSeconds = 43_200
/**
 * A message that was put off so often is sent anew: waiting must not count towards the dead-letter queue,
 * which is for messages whose handling dies. Stays below the queue's `maxReceiveCount`.
 */
const renewAfter = 3
const longestRenewSeconds = 900

/**
 * Handles the records of an SQS event at once, each parsed and failed alone; answers which have to come back.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 */
export async function handleBatch(
  event: unknown,
  deferral: Deferral,
  handle: (message: QueueMessage) => Promise<Handled>,
): Promise<BatchResponse> {
  const { Records } = envelope.parse(event)
  const failed = await Promise.all(
    Records.map(async (raw) => {
      const { messageId } = identified.parse(raw)
      try {
        return (await handleOne(raw, deferral, handle)) ? [] : [{ itemIdentifier: messageId }]
      } catch (error) {
        logger.error('A queue message could not be handled; it comes back.', {
          messageId,
          ...errorFields(error),
        })
        return [{ itemIdentifier: messageId }]
      }
    }),
  )
  return { batchItemFailures: failed.flat() }
}

async function handleOne(
  raw: unknown,
  deferral: Deferral,
  handle: (message: QueueMessage) => Promise<Handled>,
): Promise<boolean> {
  const { messageId, receiptHandle, body, eventSourceARN, attributes } = record.parse(raw)
  const message = {
    messageId,
    receiptHandle,
    body,
    queueArn: eventSourceARN,
    group: parseUserKey(attributes.MessageGroupId ?? ''),
    receiveCount: Number(attributes.ApproximateReceiveCount ?? '1'),
  }
  const handled = await handle(message)
  if (handled.kind === 'done') return true
  const seconds = Math.ceil(handled.afterSeconds)
  if (message.receiveCount >= renewAfter) {
    // Coming back too early is harmless: the transfer knows when it may go on.
    await deferral.renew(message, Math.min(seconds, longestRenewSeconds))
    return true
  }
  await deferral.hide(message, Math.min(seconds, longestHideSeconds))
  return false
}

/** What an intake message may ask for. */
export interface MessageHandlers {
  /** An object of the bucket has come. */
  readonly ingest: (object: CreatedObject, messageId: string) => Promise<Handled>
  /** A document's row has something to do. */
  readonly look: (key: NonNullable<ReturnType<typeof parseRowMessage>>, messageId: string) => Promise<Handled>
  /** A connection was given up, or works again. */
  readonly walk: (key: WalkKey) => Promise<Handled>
}

/**
 * Hands what a message tells of to its handler, one after the other. The message comes back when one of them
 * has to, since doing the others again changes nothing.
 */
export async function handleMessage(
  message: Pick<QueueMessage, 'messageId' | 'body'>,
  handlers: MessageHandlers,
): Promise<Handled> {
  const asked = parseOwnMessage(message.body)
  if (asked) {
    return 'look' in asked
      ? await handlers.look(asked.look, message.messageId)
      : await handlers.walk(asked.walk)
  }
  const waits: number[] = []
  for (const object of parseObjectCreated(message.body)) {
    const handled = await handlers.ingest(object, message.messageId)
    if (handled.kind === 'again') waits.push(handled.afterSeconds)
  }
  return waits.length === 0 ? { kind: 'done' } : { kind: 'again', afterSeconds: Math.min(...waits) }
}
