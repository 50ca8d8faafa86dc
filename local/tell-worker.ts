import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams'
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type { DynamoDBRecord } from 'aws-lambda'
import { handler as tell } from '../functions/tell.ts'
import { outbox } from '../lib/contract/outbox.ts'
import { localTableName, untoldEventsQueue } from './environment.ts'
import { sequenceOf } from './stream-batch.ts'
import { startStreamPoller } from './stream-poller.ts'
import { openStreamPositions } from './stream-positions.ts'

export interface TellWorkerOptions {
  /** Where it is kept how far the streams were read. */
  readonly stateDir: string
  readonly sqsClient: SQSClient
  readonly signal: AbortSignal
  readonly onError: (error: unknown) => void
}

const functionTimeoutMs = 60_000
const hour = 3600_000

/** What Lambda sends to the queue of a stream's failures: where they are, not what they hold. */
const failure = (streamArn: string, shardId: string, records: readonly DynamoDBRecord[]): object => ({
  version: '1.0',
  timestamp: new Date().toISOString(),
  DDBStreamBatchInfo: {
    shardId,
    startSequenceNumber: sequenceOf(records[0]),
    endSequenceNumber: sequenceOf(records.at(-1)),
    batchSize: records.length,
    streamArn,
  },
})

/** Feeds `tell` from the tables' change streams, as the deployment's event source mappings do. */
export async function startTellWorker({
  stateDir,
  sqsClient,
  signal,
  onError,
}: TellWorkerOptions): Promise<void> {
  const dynamo = new DynamoDBClient({})
  const streams = new DynamoDBStreamsClient({})
  const positions = openStreamPositions(stateDir)
  const queue = new URL(process.env['ARRIVALS_QUEUE_URL'] ?? '')
  const queueUrl = new URL(untoldEventsQueue, queue).href
  const startOne = async (table: string): Promise<void> => {
    const { Table } = await dynamo.send(new DescribeTableCommand({ TableName: localTableName(table) }))
    const streamArn = Table?.LatestStreamArn
    if (streamArn === undefined) throw new Error(`The table ${table} has no change stream.`)
    await startStreamPoller({
      functionName: 'tell',
      handler: tell,
      functionTimeoutMs,
      streamArn,
      streams,
      positions,
      patterns: outbox.patterns,
      batchSize: outbox.batchSize,
      windowMs: outbox.windowSeconds * 1000,
      maximumRecordAgeMs: outbox.recordAgeHours * hour,
      async onGivenUp(shardId, records) {
        const MessageBody = JSON.stringify(failure(streamArn, shardId, records))
        await sqsClient.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }))
      },
      signal,
      onError,
    })
  }
  try {
    await Promise.all(outbox.tables.map((table) => startOne(table).catch(onError)))
  } finally {
    positions.close()
    dynamo.destroy()
    streams.destroy()
  }
}
