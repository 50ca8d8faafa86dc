import { setImmediate as nextTurn } from 'node:timers/promises'
import * as z from 'zod/mini'
import { AwsJsonError, parseInput } from '../json-protocol.ts'
import type { QueueStore, ReceivedMessage } from './queue-store.ts'
import { attributeDigest, md5, messageAttributes, type MessageAttributes } from './message-attributes.ts'

const maxBatchBytes = 1_048_576

const sendEntry = z.object({
  MessageBody: z.string().check(z.minLength(1)),
  DelaySeconds: z.optional(z.int().check(z.gte(0), z.lte(900))),
  MessageAttributes: z.optional(messageAttributes),
  // Letters, digits and punctuation:
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
  MessageGroupId: z.optional(z.string().check(z.regex(/^[!-~]{1,128}$/))),
})
const receiveInput = z.object({
  MaxNumberOfMessages: z.optional(z.int().check(z.gte(1), z.lte(10))),
  VisibilityTimeout: z.optional(z.int().check(z.gte(0), z.lte(43_200))),
  WaitTimeSeconds: z.optional(z.int().check(z.gte(0), z.lte(20))),
  MessageSystemAttributeNames: z.optional(z.array(z.string())),
  AttributeNames: z.optional(z.array(z.string())),
  MessageAttributeNames: z.optional(z.array(z.string())),
})
const deleteInput = z.object({ ReceiptHandle: z.string() })
const visibilityInput = z.object({
  ReceiptHandle: z.string(),
  VisibilityTimeout: z.int().check(z.gte(0), z.lte(43_200)),
})
const batchOf = <Entry extends z.ZodMiniObject>(entry: Entry) =>
  z.object({ Entries: z.array(z.intersection(z.object({ Id: z.string() }), entry)) })

const parse = <Schema extends z.ZodMiniType>(schema: Schema, input: unknown): z.infer<Schema> =>
  parseInput(schema, input, 'InvalidParameterValue')

const sizeOf = (entry: z.infer<typeof sendEntry>): number => {
  const names = Object.entries(entry.MessageAttributes ?? {})
  const attributes = names.map(
    ([name, value]) => name + value.DataType + (value.StringValue ?? value.BinaryValue ?? ''),
  )
  return Buffer.byteLength(entry.MessageBody) + Buffer.byteLength(attributes.join(''))
}

const toMessage = (entry: z.infer<typeof sendEntry>) => ({
  body: entry.MessageBody,
  attributes: entry.MessageAttributes ?? {},
  groupId: entry.MessageGroupId,
  delaySeconds: entry.DelaySeconds,
})

const sent = (entry: z.infer<typeof sendEntry>, messageId: string): Record<string, string> => {
  const attributes = entry.MessageAttributes ?? {}
  const digest =
    Object.keys(attributes).length > 0 ? { MD5OfMessageAttributes: attributeDigest(attributes) } : {}
  return { MessageId: messageId, MD5OfMessageBody: md5(entry.MessageBody), ...digest }
}

const batchError = (name: string, message: string): AwsJsonError =>
  new AwsJsonError(name, message, { queryCode: `AWS.SimpleQueueService.${name}` })

const requireUniqueIds = (entries: readonly { Id: string }[]): void => {
  if (entries.length === 0)
    throw batchError('EmptyBatchRequest', 'There should be at least one entry in the request.')
  if (entries.length > 10)
    throw batchError('TooManyEntriesInBatchRequest', 'Maximum number of entries per request are 10.')
  if (new Set(entries.map((entry) => entry.Id)).size !== entries.length)
    throw batchError('BatchEntryIdsNotDistinct', 'Two or more batch entries have the same Id.')
}

export const sendMessage = (store: QueueStore, queue: string, input: unknown): unknown => {
  const entry = parse(sendEntry, input)
  if (sizeOf(entry) > store.settings(queue).maxMessageBytes)
    throw new AwsJsonError(
      'InvalidParameterValue',
      'One or more parameters are invalid. Message is too long.',
      {
        queryCode: 'InvalidParameterValue',
      },
    )
  const [id = ''] = store.send(queue, [toMessage(entry)])
  return sent(entry, id)
}

export const sendMessageBatch = (store: QueueStore, queue: string, input: unknown): unknown => {
  const { Entries: entries } = parse(batchOf(sendEntry), input)
  requireUniqueIds(entries)
  if (entries.reduce((total, entry) => total + sizeOf(entry), 0) > maxBatchBytes)
    throw new AwsJsonError('BatchRequestTooLong', 'Batch requests cannot be longer than 1048576 bytes.', {
      queryCode: 'AWS.SimpleQueueService.BatchRequestTooLong',
    })
  const ids = store.send(queue, entries.map(toMessage))
  return {
    Successful: entries.map((entry, index) => ({ Id: entry.Id, ...sent(entry, ids[index] ?? '') })),
    Failed: [],
  }
}

const systemAttributes = (message: ReceivedMessage, wanted: readonly string[]): Record<string, string> => {
  const all: Record<string, string> = {
    SenderId: 'AIDALOCAL',
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
  }
  if (message.groupId !== undefined) all['MessageGroupId'] = message.groupId
  if (message.deadLetterSourceArn !== undefined) all['DeadLetterQueueSourceArn'] = message.deadLetterSourceArn
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => wanted.includes('All') || wanted.includes(name)),
  )
}

const isWanted = (name: string, wanted: readonly string[]): boolean =>
  wanted.some(
    (pattern) =>
      pattern === 'All' ||
      pattern === name ||
      (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -1))),
  )

const present = (message: ReceivedMessage, system: readonly string[], custom: readonly string[]): unknown => {
  const attributes = systemAttributes(message, system)
  const all: MessageAttributes = messageAttributes.parse(message.attributes)
  const chosen = Object.fromEntries(Object.entries(all).filter(([name]) => isWanted(name, custom)))
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    MD5OfBody: md5(message.body),
    Body: message.body,
    ...(Object.keys(attributes).length > 0 ? { Attributes: attributes } : {}),
    ...(Object.keys(chosen).length > 0
      ? { MessageAttributes: chosen, MD5OfMessageAttributes: attributeDigest(chosen) }
      : {}),
  }
}

/**
 * Resolves when the queue changes, when its next hidden message
 * appears, after `ms`, or when the client is gone.
 */
const changed = (store: QueueStore, queue: string, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      forget()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const nextAt = store.nextVisibleAt(queue)
    const timer = setTimeout(
      done,
      Math.min(ms, nextAt === undefined ? ms : Math.max(nextAt - store.clock(), 1)),
    )
    const forget = store.onceChanged(queue, done)
    signal.addEventListener('abort', done)
  })

/** Long polling: waits up to WaitTimeSeconds for a message; nothing is taken for a client that hung up. */
export const receiveMessage = async (
  store: QueueStore,
  queue: string,
  input: unknown,
  signal: AbortSignal,
): Promise<unknown> => {
  const request = parse(receiveInput, input)
  const waitMs = (request.WaitTimeSeconds ?? store.settings(queue).waitTime) * 1000
  const deadline = performance.now() + waitMs
  const system = [...(request.MessageSystemAttributeNames ?? []), ...(request.AttributeNames ?? [])]
  for (;;) {
    if (signal.aborted) return {}
    const messages = store.receive(queue, request.MaxNumberOfMessages ?? 1, request.VisibilityTimeout)
    if (messages.length > 0)
      return {
        Messages: messages.map((message) => present(message, system, request.MessageAttributeNames ?? [])),
      }
    const leftMs = deadline - performance.now()
    if (leftMs <= 0) return {}
    await changed(store, queue, leftMs, signal)
    // A hang-up that arrived together with the message is noticed first.
    await nextTurn()
  }
}

export const deleteMessage = (store: QueueStore, queue: string, input: unknown): unknown => {
  store.delete(queue, parse(deleteInput, input).ReceiptHandle)
  return {}
}

export const changeMessageVisibility = (store: QueueStore, queue: string, input: unknown): unknown => {
  const { ReceiptHandle: receipt, VisibilityTimeout: seconds } = parse(visibilityInput, input)
  store.changeVisibility(queue, receipt, seconds)
  return {}
}

const eachOf = <Entry extends { Id: string }>(
  entries: readonly Entry[],
  work: (entry: Entry) => void,
): unknown => {
  requireUniqueIds(entries)
  const Successful: unknown[] = []
  const Failed: unknown[] = []
  for (const entry of entries) {
    try {
      work(entry)
      Successful.push({ Id: entry.Id })
    } catch (error) {
      if (!(error instanceof AwsJsonError)) throw error
      Failed.push({
        Id: entry.Id,
        Code: error.queryCode ?? error.code,
        Message: error.message,
        SenderFault: true,
      })
    }
  }
  return { Successful, Failed }
}

export const deleteMessageBatch = (store: QueueStore, queue: string, input: unknown): unknown =>
  eachOf(parse(batchOf(deleteInput), input).Entries, (entry) => store.delete(queue, entry.ReceiptHandle))

export const changeMessageVisibilityBatch = (store: QueueStore, queue: string, input: unknown): unknown =>
  eachOf(parse(batchOf(visibilityInput), input).Entries, (entry) =>
    store.changeVisibility(queue, entry.ReceiptHandle, entry.VisibilityTimeout),
  )
