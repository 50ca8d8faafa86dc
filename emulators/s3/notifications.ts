import { region } from '../account.ts'
import { setTimeout as pause } from 'node:timers/promises'
import type { ObjectStore } from './store.ts'

/** Hands message bodies to the queue and resolves once it has acknowledged all of them. */
export type Deliver = (bodies: readonly string[]) => Promise<void>

interface OutboxRow {
  readonly sequence: number
  readonly body: string
}

const batchSize = 10

/** S3 writes keys as HTML forms do: a space is `+`, slashes stay. */
const encodeEventKey = (key: string): string =>
  encodeURIComponent(key)
    .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
    .replaceAll('%2F', '/')

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html */
const eventRecord = (row: Readonly<Record<string, unknown>>): string => {
  const eventName = String(row['event_name'])
  const created = eventName.startsWith('ObjectCreated:')
  const bucket = String(row['bucket'])
  return JSON.stringify({
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: region,
        eventTime: new Date(Number(row['time'])).toISOString(),
        eventName,
        userIdentity: { principalId: 'AWS:LOCAL' },
        requestParameters: { sourceIPAddress: String(row['source_ip']) },
        responseElements: {
          'x-amz-request-id': String(row['request_id']),
          'x-amz-id-2': String(row['request_id']),
        },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: 'driveway',
          bucket: { name: bucket, ownerIdentity: { principalId: 'LOCAL' }, arn: `arn:aws:s3:::${bucket}` },
          object: {
            key: encodeEventKey(String(row['key'])),
            ...(created ? { size: Number(row['size']), eTag: String(row['etag']) } : {}),
            // The row number: it grows with every write to any key, across restarts too.
            sequencer: Number(row['sequence']).toString(16).toUpperCase().padStart(18, '0'),
          },
        },
      },
    ],
  })
}

/** The message that a queue gets once, when a bucket starts to notify it. */
export const testEvent = (bucket: string, now: number): string =>
  JSON.stringify({
    Service: 'Amazon S3',
    Event: 's3:TestEvent',
    Time: new Date(now).toISOString(),
    Bucket: bucket,
    RequestId: 'LOCAL',
    HostId: 'LOCAL',
  })

const readOutbox = (store: ObjectStore): OutboxRow[] =>
  store.database
    .prepare('SELECT * FROM outbox ORDER BY sequence LIMIT ?')
    .all(batchSize)
    .map((row) => ({ sequence: Number(row['sequence']), body: eventRecord(row) }))

/**
 * Delivers the records that were stored together with each write, at least once: they leave the outbox only
 * when the queue has acknowledged them, so a server that dies in between sends them at its next start.
 */
export class Notifier {
  readonly #store: ObjectStore
  readonly #deliver: Deliver
  readonly #ended = new AbortController()
  #running: Promise<void> | undefined
  #woken = false

  constructor(store: ObjectStore, deliver: Deliver) {
    this.#store = store
    this.#deliver = deliver
  }

  /** Sends what waits. Call after each write, and at the start. */
  wake(): void {
    if (this.#ended.signal.aborted) return
    this.#woken = true
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined
      // A write may have come between the last look and here.
      if (this.#woken) this.wake()
    })
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await this.#running
  }

  async #drain(): Promise<void> {
    let delayMs = 50
    while (!this.#ended.signal.aborted) {
      this.#woken = false
      const rows = readOutbox(this.#store)
      const last = rows.at(-1)
      if (!last) return
      try {
        await this.#deliver(rows.map((row) => row.body))
        this.#store.database.prepare('DELETE FROM outbox WHERE sequence <= ?').run(last.sequence)
        delayMs = 50
      } catch {
        // The queue is away: the records wait in the outbox.
        await pause(delayMs, undefined, { signal: this.#ended.signal }).catch(() => undefined)
        delayMs = Math.min(delayMs * 2, 5_000)
      }
    }
  }
}
