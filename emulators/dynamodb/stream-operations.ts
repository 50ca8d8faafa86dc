import { createHash } from 'node:crypto'
import * as z from 'zod/mini'
import { region } from '../account.ts'
import type { Clock } from '../clock.ts'
import { AwsJsonError, parseInput } from '../json-protocol.ts'
import { sizeOf, type ChangeRecord, type Stream } from './change-records.ts'
import type { ItemStore } from './item-store.ts'

const iteratorLifeMs = 15 * 60 * 1000
const sequenceNumber = z.string().check(z.regex(/^1\d{20}$/))

const listInput = z.object({
  TableName: z.optional(z.string()),
  Limit: z.optional(z.int().check(z.gte(1), z.lte(100))),
  ExclusiveStartStreamArn: z.optional(z.string()),
})
const describeInput = z.object({ StreamArn: z.string() })
const iteratorInput = z.object({
  StreamArn: z.string(),
  ShardId: z.string(),
  ShardIteratorType: z.enum(['TRIM_HORIZON', 'LATEST', 'AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER']),
  SequenceNumber: z.optional(sequenceNumber),
})
const recordsInput = z.object({
  ShardIterator: z.string(),
  Limit: z.optional(z.int().check(z.gte(1), z.lte(1000))),
})
/** What a shard iterator says: the next record is the first one after this sequence number. */
const position = z.object({ arn: z.string(), after: sequenceNumber, issuedAt: z.number() })
type Position = z.infer<typeof position>

const shardIdOf = ({ arn, createdAt }: Stream): string =>
  `shardId-${String(createdAt).padStart(20, '0')}-${createHash('md5').update(arn).digest('hex').slice(0, 8)}`

const justBefore = (sequence: string): string => String(BigInt(sequence) - 1n)

const notFound = (what: string): AwsJsonError =>
  new AwsJsonError('ResourceNotFoundException', `Requested resource not found: ${what}`)

const trimmedAway = (): AwsJsonError =>
  new AwsJsonError(
    'TrimmedDataAccessException',
    'The operation attempted to read past the oldest stream record in a shard.',
  )

/** The images of a record as the stream's view type wants them. */
const imagesOf = (record: ChangeRecord, viewType: string): object => ({
  ...(record.after && viewType.startsWith('NEW') ? { NewImage: record.after } : {}),
  ...(record.before && (viewType === 'OLD_IMAGE' || viewType === 'NEW_AND_OLD_IMAGES')
    ? { OldImage: record.before }
    : {}),
})

const eventName = ({ before, after }: ChangeRecord): string => {
  if (!after) return 'REMOVE'
  return before ? 'MODIFY' : 'INSERT'
}

const toRecord = (stream: Stream, sequence: string, record: ChangeRecord): object => ({
  // The same record has the same id, however often it is read.
  eventID: createHash('md5').update(`${stream.arn} ${sequence}`).digest('hex'),
  eventName: eventName(record),
  eventVersion: '1.1',
  eventSource: 'aws:dynamodb',
  awsRegion: region,
  dynamodb: {
    ApproximateCreationDateTime: Math.floor(record.at / 1000),
    Keys: record.keys,
    ...imagesOf(record, stream.viewType),
    SequenceNumber: sequence,
    SizeBytes: sizeOf(record),
    StreamViewType: stream.viewType,
  },
  ...(record.identity ? { userIdentity: record.identity } : {}),
})

/**
 * The operations of DynamoDB Streams.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
 */
export class StreamOperations {
  readonly #store: ItemStore
  readonly #clock: Clock

  constructor(store: ItemStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  /** @throws AwsJsonError as AWS does for what it refuses. */
  async perform(operation: string, input: unknown): Promise<unknown> {
    switch (operation) {
      case 'ListStreams':
        return this.#list(input)
      case 'DescribeStream':
        return this.#describe(input)
      case 'GetShardIterator':
        return this.#iterator(input)
      case 'GetRecords':
        return this.#records(input)
      default:
        throw new AwsJsonError('UnknownOperationException', `DynamoDB Streams has no ${operation}`)
    }
  }

  #stream(arn: string): Stream {
    const stream = this.#store.records.stream(arn)
    if (!stream) throw notFound(`Stream: ${arn} not found`)
    return stream
  }

  #list(input: unknown): unknown {
    const {
      TableName: table,
      Limit: limit = 100,
      ExclusiveStartStreamArn: start = '',
    } = parseInput(listInput, input)
    const all = this.#store.records
      .streams()
      .filter((stream) => (table === undefined || stream.table === table) && stream.arn > start)
      .toSorted((a, b) => (a.arn < b.arn ? -1 : 1))
    const page = all.slice(0, limit)
    return {
      Streams: page.map(({ arn, label, table }) => ({
        StreamArn: arn,
        StreamLabel: label,
        TableName: table,
      })),
      ...(all.length > limit ? { LastEvaluatedStreamArn: page.at(-1)?.arn } : {}),
    }
  }

  #describe(input: unknown): unknown {
    const stream = this.#stream(parseInput(describeInput, input).StreamArn)
    return {
      StreamDescription: {
        StreamArn: stream.arn,
        StreamLabel: stream.label,
        StreamStatus: stream.to === undefined ? 'ENABLED' : 'DISABLED',
        StreamViewType: stream.viewType,
        CreationRequestDateTime: stream.createdAt / 1000,
        TableName: stream.table,
        KeySchema: stream.keySchema,
        Shards: [
          {
            ShardId: shardIdOf(stream),
            SequenceNumberRange: {
              StartingSequenceNumber: stream.from,
              ...(stream.to === undefined ? {} : { EndingSequenceNumber: stream.to }),
            },
          },
        ],
      },
    }
  }

  async #iterator(input: unknown): Promise<unknown> {
    const parsed = parseInput(iteratorInput, input)
    const stream = this.#stream(parsed.StreamArn)
    if (parsed.ShardId !== shardIdOf(stream)) throw notFound(`Shard: ${parsed.ShardId} not found`)
    await this.#store.commit(() => this.#store.records.trim(stream.arn))
    const after = this.#startOf(this.#stream(parsed.StreamArn), parsed)
    return { ShardIterator: this.#encode({ arn: stream.arn, after, issuedAt: this.#clock() }) }
  }

  #startOf(stream: Stream, input: z.infer<typeof iteratorInput>): string {
    const horizon = stream.trimmed ?? stream.from
    if (input.ShardIteratorType === 'TRIM_HORIZON') return horizon
    if (input.ShardIteratorType === 'LATEST') return stream.to ?? this.#store.records.last
    const { SequenceNumber: sequence } = input
    if (sequence === undefined)
      throw new AwsJsonError('ValidationException', `${input.ShardIteratorType} needs a SequenceNumber`)
    const at = input.ShardIteratorType === 'AT_SEQUENCE_NUMBER'
    // The stream's own first number may be given: DescribeStream names it.
    if (sequence < stream.from || (stream.trimmed !== undefined && sequence <= stream.trimmed))
      throw trimmedAway()
    return at && sequence > stream.from ? justBefore(sequence) : sequence
  }

  async #records(input: unknown): Promise<unknown> {
    const { ShardIterator: text, Limit: limit = 1000 } = parseInput(recordsInput, input)
    const { arn, after } = this.#decode(text)
    await this.#store.commit(() => this.#store.records.trim(arn))
    const stream = this.#stream(arn)
    if (stream.trimmed !== undefined && after < stream.trimmed) throw trimmedAway()
    const found = await this.#store.records.read(arn, after, limit)
    const last = found.at(-1)?.[0] ?? after
    const ended = stream.to !== undefined && (found.length === 0 || last >= stream.to)
    return {
      Records: found.map(([sequence, record]) => toRecord(stream, sequence, record)),
      ...(ended ? {} : { NextShardIterator: this.#encode({ arn, after: last, issuedAt: this.#clock() }) }),
    }
  }

  #encode({ arn, after, issuedAt }: Position): string {
    return `${arn}|1|${Buffer.from(JSON.stringify({ after, issuedAt })).toString('base64')}`
  }

  #decode(text: string): Position {
    const [arn = '', , rest = ''] = text.split('|')
    const parsed = position.safeParse({ arn, ...readJson(rest) })
    if (!parsed.success) throw new AwsJsonError('ValidationException', 'Invalid ShardIterator')
    if (this.#clock() - parsed.data.issuedAt > iteratorLifeMs)
      throw new AwsJsonError(
        'ExpiredIteratorException',
        'The shard iterator has expired and can no longer be used',
      )
    return parsed.data
  }
}

const readJson = (base64: string): object => {
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString('utf8')) as object
  } catch {
    return {}
  }
}
