import db, { type Item, type Level, type Step, type TableDescription } from 'dynalite/db/index.js'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'

/** Who removed an item, when that was the service itself: its time to live had passed. */
interface UserIdentity {
  readonly PrincipalId: string
  readonly Type: string
}

/** One write of one item. `before` and `after` are missing where there was, or is, no item. */
export interface Change {
  readonly table: string
  /** dynalite's key of the item. */
  readonly key: string
  readonly before: Item | undefined
  readonly after: Item | undefined
  readonly identity?: UserIdentity
}

export interface ChangeRecord {
  readonly at: number
  readonly keys: Item
  readonly before?: Item
  readonly after?: Item
  readonly identity?: UserIdentity
}

/**
 * A change stream. It has one shard, which is closed when the stream is turned off or its table is deleted.
 */
export interface Stream {
  readonly arn: string
  readonly label: string
  readonly table: string
  readonly viewType: string
  readonly keySchema: TableDescription['KeySchema']
  readonly createdAt: number
  /** The sequence number before the stream's first. */
  readonly from: string
  /** The shard's last sequence number, once it is closed. */
  readonly to?: string
  readonly closedAt?: number
  /** The last sequence number that is too old to be read. */
  readonly trimmed?: string
}

const retentionMs = 24 * 60 * 60 * 1000
const firstOf = (arn: string): string => `change~${arn}~`
const endOf = (arn: string): string => `change~${arn}~~`

/** All have the same length, so that their order as text is their order. */
const asSequence = (count: number): string => `1${String(count).padStart(20, '0')}`

/**
 * The records of what was changed in tables with a stream, kept for a day.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
 * Hands out steps for the batch that holds the change itself, so that a kill never parts the two.
 */
export class ChangeRecords {
  readonly #level: Level
  readonly #clock: Clock
  readonly #streams = new Map<string, Stream>()
  #count = 0

  constructor(level: Level, clock: Clock) {
    this.#level = level
    this.#clock = clock
  }

  /** Reads which streams there are, and goes on counting after the last record of all. */
  async open(): Promise<void> {
    this.#count = this.#clock() * 1000
    for await (const [, value] of this.#level.iterator({ gte: 'stream~', lt: 'stream~~' })) {
      const stream = value as Stream
      this.#streams.set(stream.arn, stream)
      const ends = { gte: firstOf(stream.arn), lt: endOf(stream.arn), reverse: true, limit: 1 }
      let last = stream.to ?? stream.trimmed ?? stream.from
      for await (const [key] of this.#level.iterator(ends)) last = key.slice(firstOf(stream.arn).length)
      this.#count = Math.max(this.#count, Number(last.slice(1)))
    }
  }

  streams(): readonly Stream[] {
    return [...this.#streams.values()]
  }

  stream(arn: string): Stream | undefined {
    return this.#streams.get(arn)
  }

  /** The sequence number of the last record of any stream. */
  get last(): string {
    return asSequence(this.#count)
  }

  /** A name for a stream that begins now. */
  newLabel(arnOf: (label: string) => string): string {
    for (let at = this.#clock(); ; at += 1) {
      const label = new Date(at).toISOString().slice(0, -1)
      if (!this.#streams.has(arnOf(label))) return label
    }
  }

  /** What makes the streams of a table what its description says: the new one begun, an old one closed. */
  follow(name: string, table: TableDescription | undefined): Step[] {
    const streaming = table?.TableStatus !== 'DELETING' && table?.StreamSpecification?.StreamEnabled === true
    const current = streaming ? table.LatestStreamArn : undefined
    const steps = this.streams()
      .filter((stream) => stream.table === name && stream.to === undefined && stream.arn !== current)
      .map((stream) => this.#keep({ ...stream, to: this.last, closedAt: this.#clock() }))
    if (table === undefined || current === undefined || this.#streams.has(current)) return steps
    const begun = this.#keep({
      arn: current,
      label: table.LatestStreamLabel ?? '',
      table: name,
      viewType: table.StreamSpecification?.StreamViewType ?? 'KEYS_ONLY',
      keySchema: table.KeySchema,
      createdAt: this.#clock(),
      from: this.last,
    })
    return [...steps, begun]
  }

  /** The record of a change. A write that changes nothing has none, as in AWS. */
  record({ before, after, identity }: Change, table: TableDescription): Step[] {
    const { StreamSpecification: specification, LatestStreamArn: arn } = table
    if (specification?.StreamEnabled !== true || arn === undefined) return []
    // dynalite's items have no prototype, what was read from disk has one; a clone always has.
    if (isDeepStrictEqual(structuredClone(before), structuredClone(after))) return []
    this.#count += 1
    const item = after ?? before ?? {}
    const value: ChangeRecord = {
      at: this.#clock(),
      keys: Object.fromEntries(table.KeySchema.map(({ AttributeName: name }) => [name, item[name] ?? {}])),
      ...(before ? { before } : {}),
      ...(after ? { after } : {}),
      ...(identity ? { identity } : {}),
    }
    return [{ type: 'put', key: firstOf(arn) + this.last, value }]
  }

  /** Records of a stream after a sequence number: at most `limit`, and a megabyte. */
  async read(arn: string, after: string, limit: number): Promise<(readonly [string, ChangeRecord])[]> {
    const found: (readonly [string, ChangeRecord])[] = []
    let bytes = 0
    for await (const [key, value] of this.#level.iterator({
      gt: firstOf(arn) + after,
      lt: endOf(arn),
      limit,
    })) {
      const record = value as ChangeRecord
      bytes += sizeOf(record)
      if (found.length > 0 && bytes > 1024 * 1024) break
      found.push([key.slice(firstOf(arn).length), record])
    }
    return found
  }

  /** Takes away what is older than a day, and a closed stream with its last record. */
  async trim(arn: string): Promise<Step[]> {
    const stream = this.#streams.get(arn)
    if (!stream) return []
    const horizon = this.#clock() - retentionMs
    const steps: Step[] = []
    let trimmed = stream.trimmed
    for await (const [key, value] of this.#level.iterator({ gte: firstOf(arn), lt: endOf(arn) })) {
      if ((value as ChangeRecord).at >= horizon) break
      trimmed = key.slice(firstOf(arn).length)
      steps.push({ type: 'del', key })
    }
    if (stream.closedAt !== undefined && stream.closedAt < horizon) {
      this.#streams.delete(arn)
      return [...steps, { type: 'del', key: `stream~${arn}` }]
    }
    return trimmed === undefined || steps.length === 0 ? [] : [...steps, this.#keep({ ...stream, trimmed })]
  }

  #keep(stream: Stream): Step {
    this.#streams.set(stream.arn, stream)
    return { type: 'put', key: `stream~${stream.arn}`, value: stream }
  }
}

/** The size that AWS counts: keys and both images. */
export const sizeOf = ({ keys, before, after }: ChangeRecord): number =>
  [keys, before, after].reduce((sum, part) => sum + (part ? db.itemSize(part) : 0), 0)
