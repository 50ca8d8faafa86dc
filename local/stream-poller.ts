import {
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  TrimmedDataAccessException,
  type DynamoDBStreamsClient,
  type Shard,
  type _Record,
} from '@aws-sdk/client-dynamodb-streams'
import type { DynamoDBRecord } from 'aws-lambda'
import { setTimeout as pauseFor } from 'node:timers/promises'
import { matches, type EventPattern } from './event-pattern.ts'
import { handOver, sequenceOf, type BatchOptions } from './stream-batch.ts'
import type { StreamPositions } from './stream-positions.ts'

export interface StreamPollerOptions extends Pick<
  BatchOptions,
  'functionName' | 'handler' | 'functionTimeoutMs' | 'maximumRecordAgeMs' | 'signal' | 'onError'
> {
  readonly streamArn: string
  readonly streams: DynamoDBStreamsClient
  /** Where reading goes on after a restart. */
  readonly positions: StreamPositions
  /** Records in one call of the handler. */
  readonly batchSize: number
  /** How long a batch is gathered, from its first record on. */
  readonly windowMs: number
  /** A record goes to the handler when one of them matches; all do when there is none. */
  readonly patterns: readonly EventPattern[]
  readonly onGivenUp: (shardId: string, records: readonly DynamoDBRecord[]) => Promise<void>
  readonly now?: () => number
}

/** How often Lambda looks into a shard in which nothing happens. */
const idleMs = 250
const describeEveryMs = 60_000
const maxBackoffMs = 5_000

function base64(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  // `value` is what the bytes' own `toJSON` has made of them.
  const raw = this[key]
  return raw instanceof Uint8Array ? Buffer.from(raw).toString('base64') : value
}

/** The record in the shape that functions get it in. */
const toLambdaRecord = (record: _Record, streamArn: string): DynamoDBRecord => {
  const { dynamodb, userIdentity, ...rest } = record
  const { ApproximateCreationDateTime: createdAt, ...images } = dynamodb ?? {}
  const shown = {
    ...rest,
    eventSourceARN: streamArn,
    dynamodb: {
      ...(createdAt ? { ApproximateCreationDateTime: createdAt.getTime() / 1000 } : {}),
      ...images,
    },
    ...(userIdentity
      ? { userIdentity: { type: userIdentity.Type, principalId: userIdentity.PrincipalId } }
      : {}),
  }
  return JSON.parse(JSON.stringify(shown, base64)) as DynamoDBRecord
}

/** One reader of a stream, with what it knows of the stream's shards. */
class StreamPoller {
  readonly #options: StreamPollerOptions
  readonly #now: () => number
  readonly #iterators = new Map<string, string>()
  readonly #ended = new Set<string>()
  #shards: readonly Shard[] = []
  #describedAt = Number.NEGATIVE_INFINITY

  constructor(options: StreamPollerOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** Looks once into every shard that may be read now. False when nothing was there. */
  async poll(): Promise<boolean> {
    if (this.#now() - this.#describedAt >= describeEveryMs) await this.#describe()
    let found = false
    for (const shard of this.#shards) {
      const { ShardId: id, ParentShardId: parent } = shard
      if (id === undefined || this.#ended.has(id)) continue
      // What follows a shard is read after it: so the changes of one item stay in their order.
      const waits = parent !== undefined && !this.#ended.has(parent)
      if (waits && this.#shards.some(({ ShardId }) => ShardId === parent)) continue
      if (await this.#readShard(id)) found = true
    }
    return found
  }

  async #describe(): Promise<void> {
    const shards: Shard[] = []
    let ExclusiveStartShardId: string | undefined
    do {
      const command = new DescribeStreamCommand({
        StreamArn: this.#options.streamArn,
        ExclusiveStartShardId,
      })
      const { StreamDescription: page } = await this.#options.streams.send(command, {
        abortSignal: this.#options.signal,
      })
      shards.push(...(page?.Shards ?? []))
      ExclusiveStartShardId = page?.LastEvaluatedShardId
    } while (ExclusiveStartShardId !== undefined)
    this.#shards = shards
    this.#describedAt = this.#now()
  }

  async #readShard(id: string): Promise<boolean> {
    const records = await this.#gather(id)
    if (records.length === 0) return false
    const { patterns, batchSize, positions, streamArn, onGivenUp, signal } = this.#options
    const wanted = records
      .map((record) => toLambdaRecord(record, streamArn))
      .filter((record) => patterns.length === 0 || patterns.some((pattern) => matches(record, pattern)))
    for (let at = 0; at < wanted.length && !signal.aborted; at += batchSize) {
      await handOver(wanted.slice(at, at + batchSize), {
        ...this.#options,
        now: this.#now,
        pause: (ms) => this.#pause(ms),
        onProgress: (sequence) => positions.keep(streamArn, id, sequence),
        onGivenUp: (given) => onGivenUp(id, given),
      })
    }
    if (signal.aborted) return false
    const last = sequenceOf(toLambdaRecord(records.at(-1) ?? {}, streamArn))
    positions.keep(streamArn, id, last)
    return true
  }

  /** What there is, until a batch is full or its window is over. */
  async #gather(id: string): Promise<readonly _Record[]> {
    const { batchSize, windowMs, signal } = this.#options
    const records: _Record[] = []
    let until = Number.POSITIVE_INFINITY
    while (!signal.aborted) {
      const page = await this.#page(id)
      if (page.length > 0 && records.length === 0) until = this.#now() + windowMs
      records.push(...page)
      const left = until - this.#now()
      if (records.length === 0 || records.length >= batchSize || left <= 0 || this.#ended.has(id)) break
      if (page.length === 0) await this.#pause(Math.min(idleMs, left))
    }
    return signal.aborted ? [] : records
  }

  async #page(id: string): Promise<readonly _Record[]> {
    const { streams, signal } = this.#options
    const ShardIterator = this.#iterators.get(id) ?? (await this.#iterator(id))
    // Until the answer is here, the next attempt begins at the stored position again.
    this.#iterators.delete(id)
    const command = new GetRecordsCommand({ ShardIterator, Limit: this.#options.batchSize })
    const { Records = [], NextShardIterator: next } = await streams.send(command, { abortSignal: signal })
    if (next === undefined) {
      this.#ended.add(id)
      this.#describedAt = Number.NEGATIVE_INFINITY
    } else this.#iterators.set(id, next)
    return Records
  }

  async #iterator(id: string): Promise<string | undefined> {
    const { streams, streamArn, positions, signal } = this.#options
    const from = (type: 'TRIM_HORIZON' | 'AFTER_SEQUENCE_NUMBER', SequenceNumber?: string) =>
      streams.send(
        new GetShardIteratorCommand({
          StreamArn: streamArn,
          ShardId: id,
          ShardIteratorType: type,
          ...(SequenceNumber === undefined ? {} : { SequenceNumber }),
        }),
        { abortSignal: signal },
      )
    const position = positions.of(streamArn, id)
    try {
      const answer = await (position === undefined
        ? from('TRIM_HORIZON')
        : from('AFTER_SEQUENCE_NUMBER', position))
      return answer.ShardIterator
    } catch (error) {
      // Away for more than a day: what is still there comes next.
      if (!(error instanceof TrimmedDataAccessException)) throw error
      return (await from('TRIM_HORIZON')).ShardIterator
    }
  }

  /** Forgets the iterators: reading begins at the stored positions. */
  startAgain(): void {
    this.#iterators.clear()
    this.#ended.clear()
    this.#describedAt = Number.NEGATIVE_INFINITY
  }

  async #pause(ms: number): Promise<void> {
    await pauseFor(ms, undefined, { signal: this.#options.signal }).catch(() => undefined)
  }
}

/**
 * Feeds a handler from a table's change stream as Lambda's event source mapping does: batches in order,
 * chosen by patterns, again when they failed, until a record is too old. A restart goes on where it was, so a
 * record may come twice, and is never left out. Resolves when the signal was aborted and no call is under
 * way.
 */
export const startStreamPoller = async (options: StreamPollerOptions): Promise<void> => {
  const { signal, onError } = options
  const poller = new StreamPoller(options)
  const pause = (ms: number): Promise<unknown> => pauseFor(ms, undefined, { signal }).catch(() => undefined)
  let backoffMs = 50
  while (!signal.aborted) {
    try {
      if (!(await poller.poll())) await pause(idleMs)
      backoffMs = 50
    } catch (error) {
      if (signal.aborted) return
      onError?.(error)
      poller.startAgain()
      await pause(backoffMs)
      backoffMs = Math.min(backoffMs * 2, maxBackoffMs)
    }
  }
}
