import { accountId, region } from '../account.ts'
import { randomUUID } from 'node:crypto'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { inTransaction } from '../database.ts'
import { AwsJsonError } from '../json-protocol.ts'
import { defaultSettings, type QueueSettings } from './attributes.ts'
import { openQueueDatabase } from './queue-database.ts'

/** A message on its way to a consumer. Times in milliseconds since 1970. */
export interface ReceivedMessage {
  readonly messageId: string
  readonly receiptHandle: string
  readonly body: string
  /** As the sender gave them, in the shape of the API. */
  readonly attributes: Readonly<Record<string, unknown>>
  readonly groupId: string | undefined
  readonly sentAt: number
  readonly receiveCount: number
  readonly firstReceivedAt: number
  readonly deadLetterSourceArn: string | undefined
}

export interface QueueCounts {
  readonly visible: number
  readonly inFlight: number
  readonly delayed: number
}

export const arnOf = (queue: string): string => `arn:aws:sqs:${region}:${accountId}:${queue}`
export const nameOfArn = (arn: string): string => arn.split(':').at(-1) ?? ''

const noQueue = (): AwsJsonError =>
  new AwsJsonError('QueueDoesNotExist', 'The specified queue does not exist.', {
    queryCode: 'AWS.SimpleQueueService.NonExistentQueue',
  })

/**
 * Queues and messages on disk. Every call is one transaction, so
 * what was acknowledged survives a killed process.
 */
export class QueueStore {
  readonly database: DatabaseSync
  readonly clock: Clock
  readonly #waiters = new Map<string, Set<() => void>>()

  constructor(directory: string, clock: Clock) {
    this.database = openQueueDatabase(directory)
    this.clock = clock
  }

  close(): void {
    this.database.close()
  }

  /** The settings of a queue. @throws AwsJsonError `QueueDoesNotExist`. */
  settings(queue: string): QueueSettings {
    const row = this.database.prepare('SELECT settings FROM queues WHERE name = ?').get(queue)
    if (!row) throw noQueue()
    return { ...defaultSettings, ...JSON.parse(String(row['settings'])) }
  }

  has(queue: string): boolean {
    return this.database.prepare('SELECT 1 FROM queues WHERE name = ?').get(queue) !== undefined
  }

  createdAt(queue: string): number {
    const row = this.database.prepare('SELECT created_at FROM queues WHERE name = ?').get(queue)
    return Number(row?.['created_at'])
  }

  listQueues(prefix: string): string[] {
    const rows = this.database.prepare('SELECT name FROM queues ORDER BY name').all()
    return rows.map((row) => String(row['name'])).filter((name) => name.startsWith(prefix))
  }

  /** Creates a queue or replaces its settings. */
  saveQueue(queue: string, settings: QueueSettings): void {
    this.database
      .prepare(
        'INSERT INTO queues VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET settings = excluded.settings',
      )
      .run(queue, JSON.stringify(settings), this.clock())
  }

  deleteQueue(queue: string): void {
    this.settings(queue)
    inTransaction(this.database, () => {
      this.purge(queue)
      this.database.prepare('DELETE FROM queues WHERE name = ?').run(queue)
    })
  }

  purge(queue: string): void {
    this.database.prepare('DELETE FROM messages WHERE queue = ?').run(queue)
  }

  /** Stores messages, all or none. @returns their ids in order. */
  send(
    queue: string,
    messages: readonly {
      body: string
      attributes?: Readonly<Record<string, unknown>>
      groupId?: string | undefined
      delaySeconds?: number | undefined
    }[],
  ): string[] {
    const settings = this.settings(queue)
    const now = this.clock()
    const insert = this.database.prepare(
      'INSERT INTO messages (queue, message_id, body, attributes, group_id, sent_at, visible_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    const ids = inTransaction(this.database, () =>
      messages.map(({ body, attributes = {}, groupId = null, delaySeconds = settings.delay }) => {
        const id = randomUUID()
        insert.run(queue, id, body, JSON.stringify(attributes), groupId, now, now + delaySeconds * 1000)
        return id
      }),
    )
    this.wake(queue)
    return ids
  }

  /**
   * Takes up to `max` visible messages, those first of whose group the fewest are in flight, then by age: the
   * order of fair queues, where a message without a group is a tenant of its own. One that was received too
   * often goes to the dead-letter queue instead.
   * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
   */
  receive(queue: string, max: number, visibilitySeconds: number | undefined): ReceivedMessage[] {
    const settings = this.settings(queue)
    const now = this.clock()
    const hiddenUntil = now + (visibilitySeconds ?? settings.visibilityTimeout) * 1000
    const found: ReceivedMessage[] = []
    const taken: number[] = []
    const { redrive } = settings
    inTransaction(this.database, () => {
      this.database
        .prepare('DELETE FROM messages WHERE queue = ? AND sent_at < ?')
        .run(queue, now - settings.retention * 1000)
      const next = this.database.prepare(
        `SELECT waiting.* FROM messages AS waiting LEFT JOIN
         (SELECT group_id, COUNT(*) AS in_flight FROM messages
          WHERE queue = ?1 AND visible_at > ?2 AND receives > 0 AND group_id IS NOT NULL GROUP BY group_id) USING (group_id)
         WHERE waiting.queue = ?1 AND waiting.visible_at <= ?2 AND waiting.sequence NOT IN (SELECT value FROM json_each(?3))
         ORDER BY COALESCE(in_flight, 0), waiting.sequence LIMIT 1`,
      )
      if (redrive) this.#buryExhausted(queue, redrive, now)
      // One after the other: what was just taken counts for the next.
      while (found.length < max) {
        const row = next.get(queue, now, JSON.stringify(taken))
        if (row === undefined) break
        taken.push(Number(row['sequence']))
        found.push(this.#take(row, hiddenUntil, now))
      }
    })
    if (redrive) this.wake(nameOfArn(redrive.deadLetterArn))
    return found
  }

  #buryExhausted(queue: string, redrive: NonNullable<QueueSettings['redrive']>, now: number): void {
    const target = nameOfArn(redrive.deadLetterArn)
    if (!this.has(target)) return
    this.database
      .prepare(
        'UPDATE messages SET queue = ?, dead_letter_source = ?, receipt = NULL WHERE queue = ? AND visible_at <= ? AND receives >= ?',
      )
      .run(target, arnOf(queue), queue, now, redrive.maxReceiveCount)
  }

  #take(row: Record<string, SQLOutputValue>, hiddenUntil: number, now: number): ReceivedMessage {
    const receiptHandle = randomUUID()
    const firstReceivedAt = Number(row['first_received_at']) || now
    this.database
      .prepare(
        'UPDATE messages SET receives = receives + 1, receipt = ?, visible_at = ?, first_received_at = ? WHERE sequence = ?',
      )
      .run(receiptHandle, hiddenUntil, firstReceivedAt, row['sequence'] ?? null)
    const source = row['dead_letter_source']
    const group = row['group_id']
    return {
      messageId: String(row['message_id']),
      receiptHandle,
      body: String(row['body']),
      attributes: JSON.parse(String(row['attributes'])),
      groupId: typeof group === 'string' ? group : undefined,
      sentAt: Number(row['sent_at']),
      receiveCount: Number(row['receives']) + 1,
      firstReceivedAt,
      deadLetterSourceArn: typeof source === 'string' ? source : undefined,
    }
  }

  /**
   * Removes the message of a receipt; one that was received again
   * since is left alone, without an error, as in SQS.
   */
  delete(queue: string, receiptHandle: string): void {
    this.database.prepare('DELETE FROM messages WHERE queue = ? AND receipt = ?').run(queue, receiptHandle)
  }

  /** Hides a message for so long from now. @throws AwsJsonError `MessageNotInflight`. */
  changeVisibility(queue: string, receiptHandle: string, seconds: number): void {
    const now = this.clock()
    const { changes } = this.database
      .prepare('UPDATE messages SET visible_at = ? WHERE queue = ? AND receipt = ? AND visible_at > ?')
      .run(now + seconds * 1000, queue, receiptHandle, now)
    if (changes === 0)
      throw new AwsJsonError('MessageNotInflight', 'The message is not in flight.', {
        queryCode: 'AWS.SimpleQueueService.MessageNotInflight',
      })
    this.wake(queue)
  }

  counts(queue: string): QueueCounts {
    const row = this.database
      .prepare(
        `SELECT COUNT(*) FILTER (WHERE visible_at <= ?1) AS visible, COUNT(*) FILTER (WHERE visible_at > ?1 AND receives > 0) AS in_flight,
         COUNT(*) FILTER (WHERE visible_at > ?1 AND receives = 0) AS delayed FROM messages WHERE queue = ?2`,
      )
      .get(this.clock(), queue)
    return {
      visible: Number(row?.['visible']),
      inFlight: Number(row?.['in_flight']),
      delayed: Number(row?.['delayed']),
    }
  }

  /** When the next hidden message of a queue appears, or undefined. */
  nextVisibleAt(queue: string): number | undefined {
    const row = this.database
      .prepare('SELECT MIN(visible_at) AS at FROM messages WHERE queue = ? AND visible_at > ?')
      .get(queue, this.clock())
    return typeof row?.['at'] === 'number' ? row['at'] : undefined
  }

  /** Calls `waiter` once when the queue changes; the returned function takes it back. */
  onceChanged(queue: string, waiter: () => void): () => void {
    const waiters = this.#waiters.get(queue) ?? new Set()
    this.#waiters.set(queue, waiters.add(waiter))
    return () => void waiters.delete(waiter)
  }

  /** Lets long polls look at the queue again. */
  wake(queue: string): void {
    const waiters = [...(this.#waiters.get(queue) ?? [])]
    this.#waiters.delete(queue)
    for (const waiter of waiters) waiter()
  }
}
