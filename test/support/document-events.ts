import type { AttributeValue } from '@aws-sdk/client-dynamodb-streams'
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
} from '@aws-sdk/client-dynamodb-streams'
import type { WorldEndpoints } from './intake-world.ts'
import { must } from './intake-world.ts'

/** What the write of a document's row tells the world. */
export interface DocumentEvent {
  readonly id: string
  readonly type: string
  readonly userKey: string
  readonly documentId: string
  /** What a user did in the drive. */
  readonly change?: string
}

/** The events of documents in the order of their writes, as the table's change stream carries them on. */
export function documentEvents({ dynamoDb: endpoint }: Pick<WorldEndpoints, 'dynamoDb'>) {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
  const streams = new DynamoDBStreamsClient({ endpoint, region: 'us-east-1', credentials })
  const told: DocumentEvent[] = []
  let iterator: string | undefined

  const begin = async (): Promise<string> => {
    const { Streams = [] } = await streams.send(new ListStreamsCommand({ TableName: 'documents' }))
    const StreamArn = must(Streams[0]?.StreamArn)
    const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }))
    const ShardId = must(StreamDescription?.Shards?.[0]?.ShardId)
    const shard = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const
    return must((await streams.send(new GetShardIteratorCommand(shard))).ShardIterator)
  }
  const readOn = async (): Promise<void> => {
    for (;;) {
      iterator ??= await begin()
      const page = await streams.send(new GetRecordsCommand({ ShardIterator: iterator }))
      iterator = page.NextShardIterator
      for (const { dynamodb } of page.Records ?? []) {
        const event = eventIn(dynamodb?.NewImage) ?? removalIn(dynamodb?.OldImage, dynamodb?.NewImage)
        if (event) told.push(event)
      }
      if (page.Records?.length === 0) return
    }
  }

  return {
    /** All events of a user's documents until now. */
    async of({ userKey }: { readonly userKey: string }): Promise<readonly DocumentEvent[]> {
      await readOn()
      return told.filter((event) => event.userKey === userKey)
    },
    close: () => streams.destroy(),
  }
}

export type DocumentEvents = ReturnType<typeof documentEvents>
type Image = Record<string, AttributeValue> | undefined

function eventIn(image: Image): DocumentEvent | undefined {
  const event = image?.['event']?.M
  const change = event?.['change']?.S
  return (
    event && {
      ...addressIn(image),
      id: must(event['id']?.S),
      type: must(event['type']?.S),
      ...(change === undefined ? {} : { change }),
    }
  )
}

/** A row that goes while its change is a delete: the removal itself is the event. */
function removalIn(before: Image, after: Image): DocumentEvent | undefined {
  const change = before?.['change']?.M
  if (after || change?.['door']?.S !== 'delete') return undefined
  return { ...addressIn(before), id: must(change['id']?.S), type: 'Document Deleted' }
}

function addressIn(image: Image): Pick<DocumentEvent, 'userKey' | 'documentId'> {
  return { userKey: must(image?.['userKey']?.S), documentId: must(image?.['documentId']?.S) }
}
