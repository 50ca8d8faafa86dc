import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams'
import { eventOf } from '../../lib/outbox/change-event.ts'
import type { DrivewayEvent } from '../../lib/telemetry/events.ts'
import { fitting } from './event-faults.ts'

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }

/** Reads along a table's change stream: the events that its rows have carried since the last time. */
export function eventsOfTable(endpoint: string, TableName: string) {
  const options = { endpoint, region: 'us-east-1', credentials }
  const dynamo = new DynamoDBClient(options)
  const streams = new DynamoDBStreamsClient(options)
  let iterator: Promise<string | undefined> | undefined
  const begin = async (): Promise<string | undefined> => {
    const { Table } = await dynamo.send(new DescribeTableCommand({ TableName }))
    const StreamArn = Table?.LatestStreamArn
    const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }))
    const ShardId = StreamDescription?.Shards?.[0]?.ShardId
    const { ShardIterator } = await streams.send(
      new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    )
    return ShardIterator
  }
  return {
    async next(): Promise<DrivewayEvent[]> {
      const found: DrivewayEvent[] = []
      for (;;) {
        iterator ??= begin()
        const { Records = [], NextShardIterator } = await streams.send(
          new GetRecordsCommand({ ShardIterator: await iterator }),
        )
        iterator = Promise.resolve(NextShardIterator)
        if (Records.length === 0) return found
        for (const record of Records) {
          const event = eventOf(record)
          if (event !== undefined) found.push(fitting(event))
        }
      }
    },
    close(): void {
      dynamo.destroy()
      streams.destroy()
    },
  }
}
