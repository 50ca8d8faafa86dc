import { region } from '../emulators/account.ts'
import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { setTimeout as pause } from 'node:timers/promises'
import { invokeInTime, lambdaContext } from './gateway/invoker.ts'

export interface SqsPollerOptions {
  readonly queueUrl: string
  readonly sqsClient: SQSClient
  readonly handler: (event: SQSEvent, context: Context) => Promise<SQSBatchResponse | void>
  /** Messages in one call of the handler, 1 to 10. */
  readonly batchSize: number
  /** Calls of the handler at the same time. */
  readonly concurrency: number
  readonly functionTimeoutMs: number
  /** Ends the polling. */
  readonly signal: AbortSignal
  readonly functionName?: string
  /** Gets what went wrong in a call of the handler or of the queue; polling goes on. */
  readonly onError?: (error: unknown) => void
}

const waitSeconds = 20
const maxBackoffMs = 5_000

const toRecord = (message: Message, queueArn: string): SQSRecord => {
  const { Attributes: attributes = {}, MessageAttributes: custom = {} } = message
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    md5OfBody: message.MD5OfBody ?? '',
    attributes: {
      ...attributes,
      ApproximateReceiveCount: attributes.ApproximateReceiveCount ?? '1',
      SentTimestamp: attributes.SentTimestamp ?? '',
      SenderId: attributes.SenderId ?? '',
      ApproximateFirstReceiveTimestamp: attributes.ApproximateFirstReceiveTimestamp ?? '',
    },
    messageAttributes: Object.fromEntries(
      Object.entries(custom).map(([name, value]) => [
        name,
        {
          dataType: value.DataType ?? 'String',
          ...(value.StringValue === undefined ? {} : { stringValue: value.StringValue }),
          ...(value.BinaryValue === undefined
            ? {}
            : { binaryValue: Buffer.from(value.BinaryValue).toString('base64') }),
          stringListValues: [],
          binaryListValues: [],
        },
      ]),
    ),
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(':')[3] ?? region,
  }
}

/**
 * Which records the handler has done. As in Lambda, an unknown or malformed identifier fails the whole batch.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 */
const succeeded = (
  records: readonly SQSRecord[],
  response: SQSBatchResponse | void,
): readonly SQSRecord[] => {
  const failures = response?.batchItemFailures ?? []
  const failed = new Set(failures.map((failure) => failure.itemIdentifier))
  const known = new Set(records.map((record) => record.messageId))
  if ([...failed].some((id) => !known.has(id))) return []
  return records.filter((record) => !failed.has(record.messageId))
}

const invoke = async (options: SqsPollerOptions, records: SQSRecord[]): Promise<readonly SQSRecord[]> => {
  const { handler, functionTimeoutMs } = options
  const context = lambdaContext(options.functionName ?? 'ingest-object', functionTimeoutMs)
  return succeeded(records, await invokeInTime(handler({ Records: records }, context), functionTimeoutMs))
}

const deleteAll = async (
  { sqsClient, queueUrl }: SqsPollerOptions,
  records: readonly SQSRecord[],
): Promise<void> => {
  if (records.length === 0) return
  const Entries = records.map((record, index) => ({ Id: String(index), ReceiptHandle: record.receiptHandle }))
  await sqsClient.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }))
}

const receive = async ({ sqsClient, queueUrl, batchSize, signal }: SqsPollerOptions): Promise<Message[]> => {
  const command = new ReceiveMessageCommand({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: batchSize,
    WaitTimeSeconds: waitSeconds,
    MessageSystemAttributeNames: ['All'],
    MessageAttributeNames: ['All'],
  })
  return (await sqsClient.send(command, { abortSignal: signal })).Messages ?? []
}

const queueArnOf = async ({ sqsClient, queueUrl, signal }: SqsPollerOptions): Promise<string> => {
  const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn'] })
  return (await sqsClient.send(command, { abortSignal: signal })).Attributes?.QueueArn ?? ''
}

const pollOnce = async (options: SqsPollerOptions, queueArn: string): Promise<void> => {
  const messages = await receive(options)
  if (messages.length === 0) return
  const records = messages.map((message) => toRecord(message, queueArn))
  await deleteAll(options, await invoke(options, records))
}

const pollForever = async (options: SqsPollerOptions): Promise<void> => {
  const { signal, onError } = options
  let backoffMs = 50
  let queueArn: string | undefined
  while (!signal.aborted) {
    try {
      queueArn ??= await queueArnOf(options)
      await pollOnce(options, queueArn)
      backoffMs = 50
    } catch (error) {
      if (signal.aborted) return
      onError?.(error)
      await pause(backoffMs, undefined, { signal }).catch(() => undefined)
      backoffMs = Math.min(backoffMs * 2, maxBackoffMs)
    }
  }
}

/**
 * Feeds a handler from a queue as Lambda's event source mapping does: long polling, batches,
 * `batchItemFailures` honoured. What succeeded is deleted; what failed, threw or took too long comes back
 * after the queue's visibility timeout. Resolves when the signal was aborted and no call is under way any
 * more.
 */
export const startSqsPoller = async (options: SqsPollerOptions): Promise<void> => {
  await Promise.all(Array.from({ length: options.concurrency }, () => pollForever(options)))
}
