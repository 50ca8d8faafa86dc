import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import * as z from 'zod/mini'
import { inTransaction, openDatabase } from '../database.ts'
import type { Clock } from '../clock.ts'
import { S3Error } from './errors.ts'

/** A stretch of an object's bytes in one file; a multipart object has one for each part. */
export interface Segment {
  readonly file: string
  readonly size: number
}

/** What a client says of an object besides its bytes. */
export interface ObjectAttributes {
  /** Response headers by lower-case name: content-type, cache-control and the like, x-amz-meta-… */
  readonly headers: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
}

export interface StoredObject extends ObjectAttributes {
  readonly bucket: string
  readonly key: string
  readonly segments: readonly Segment[]
  readonly size: number
  /** Without quotes. */
  readonly etag: string
  readonly checksums: Readonly<Record<string, string>>
  /** Milliseconds since 1970. */
  readonly lastModified: number
}

/** What a write tells the event notification about itself. */
export interface Cause {
  readonly eventName: string
  readonly requestId: string
  readonly sourceIp: string
}

/** A check inside the transaction of a write: it gets the present object and throws to refuse. */
export type Precondition = (existing: StoredObject | undefined) => void

const schema = `
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, created_at INTEGER NOT NULL, notifies INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS objects (
  bucket TEXT NOT NULL, key TEXT NOT NULL, segments TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
  headers TEXT NOT NULL, tags TEXT NOT NULL, checksums TEXT NOT NULL, last_modified INTEGER NOT NULL,
  PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
  id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, headers TEXT NOT NULL, tags TEXT NOT NULL,
  initiated INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS parts (
  upload_id TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
  last_modified INTEGER NOT NULL, PRIMARY KEY (upload_id, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, event_name TEXT NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL,
  size INTEGER NOT NULL, etag TEXT NOT NULL, request_id TEXT NOT NULL, source_ip TEXT NOT NULL, time INTEGER NOT NULL);
`

const jsonRecord = z.pipe(
  z.string(),
  z.pipe(
    z.transform((text: string): unknown => JSON.parse(text)),
    z.record(z.string(), z.string()),
  ),
)
const objectRow = z.object({
  bucket: z.string(),
  key: z.string(),
  segments: z.pipe(
    z.string(),
    z.pipe(
      z.transform((text: string): unknown => JSON.parse(text)),
      z.array(z.object({ file: z.string(), size: z.number() })),
    ),
  ),
  size: z.number(),
  etag: z.string(),
  headers: jsonRecord,
  tags: jsonRecord,
  checksums: jsonRecord,
  last_modified: z.number(),
})

const toObject = (row: Record<string, SQLOutputValue>): StoredObject => {
  const { last_modified: lastModified, ...rest } = objectRow.parse(row)
  return { ...rest, lastModified }
}

/** Buckets and objects: the rows that say which bytes are which object. Every write is one transaction. */
export class ObjectStore {
  readonly database: DatabaseSync
  readonly clock: Clock

  constructor(directory: string, clock: Clock) {
    this.database = openDatabase(directory, 's3.db', schema)
    this.clock = clock
  }

  close(): void {
    this.database.close()
  }

  /** Every file that an object or an open upload is made of. */
  referencedFiles(): Set<string> {
    const files = new Set<string>()
    for (const row of this.database.prepare('SELECT file FROM parts').iterate())
      files.add(String(row['file']))
    for (const row of this.database.prepare('SELECT * FROM objects').iterate())
      for (const segment of toObject(row).segments) files.add(segment.file)
    return files
  }

  listBuckets(): { name: string; createdAt: number }[] {
    const rows = this.database.prepare('SELECT name, created_at FROM buckets ORDER BY name').all()
    return rows.map((row) => ({ name: String(row['name']), createdAt: Number(row['created_at']) }))
  }

  /** Creates a bucket; false when it is there already. */
  createBucket(name: string): boolean {
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name))
      throw new S3Error('InvalidBucketName', 'The specified bucket is not valid')
    const insert = this.database.prepare('INSERT OR IGNORE INTO buckets (name, created_at) VALUES (?, ?)')
    return insert.run(name, this.clock()).changes === 1
  }

  deleteBucket(name: string): void {
    inTransaction(this.database, () => {
      this.requireBucket(name)
      if (this.database.prepare('SELECT 1 FROM objects WHERE bucket = ? LIMIT 1').get(name))
        throw new S3Error('BucketNotEmpty', 'The bucket you tried to delete is not empty')
      this.database.prepare('DELETE FROM buckets WHERE name = ?').run(name)
    })
  }

  requireBucket(name: string): void {
    if (!this.database.prepare('SELECT 1 FROM buckets WHERE name = ?').get(name))
      throw new S3Error('NoSuchBucket', 'The specified bucket does not exist')
  }

  /** Turns event records on for a bucket; true when they were off. */
  enableNotifications(name: string): boolean {
    const update = this.database.prepare('UPDATE buckets SET notifies = 1 WHERE name = ? AND notifies = 0')
    return update.run(name).changes === 1
  }

  find(bucket: string, key: string): StoredObject | undefined {
    const row = this.database.prepare('SELECT * FROM objects WHERE bucket = ? AND key = ?').get(bucket, key)
    return row === undefined ? undefined : toObject(row)
  }

  /**
   * Up to `limit` objects whose key is greater than `after` (or
   * equal, with `orEqual`), in the order of their UTF-8 bytes.
   */
  scan(bucket: string, after: string, orEqual: boolean, limit: number): StoredObject[] {
    const comparison = orEqual ? '>=' : '>'
    return this.database
      .prepare(`SELECT * FROM objects WHERE bucket = ? AND key ${comparison} ? ORDER BY key LIMIT ?`)
      .all(bucket, after, limit)
      .map(toObject)
  }

  /** Runs several writes as one. */
  transaction<Result>(work: () => Result): Result {
    return inTransaction(this.database, work)
  }

  /**
   * Puts an object in place of whatever had its key, with its event record; to be called in a transaction.
   * @returns the files that the replaced object leaves behind.
   */
  replace(object: Omit<StoredObject, 'lastModified'>, cause: Cause, precondition: Precondition): string[] {
    this.requireBucket(object.bucket)
    const existing = this.find(object.bucket, object.key)
    precondition(existing)
    const { bucket, key, segments, size, etag, headers, tags, checksums } = object
    const texts = [segments, headers, tags, checksums].map((value) => JSON.stringify(value))
    const [segmentText = '', headerText = '', tagText = '', checksumText = ''] = texts
    this.database
      .prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(bucket, key, segmentText, size, etag, headerText, tagText, checksumText, this.clock())
    this.#record(object, cause)
    return existing?.segments.map((segment) => segment.file) ?? []
  }

  /** Removes an object with its event record. @returns its files, or nothing when it was not there. */
  delete(bucket: string, key: string, cause: Cause, precondition: Precondition = () => undefined): string[] {
    return inTransaction(this.database, () => {
      this.requireBucket(bucket)
      const existing = this.find(bucket, key)
      precondition(existing)
      if (!existing) return []
      this.database.prepare('DELETE FROM objects WHERE bucket = ? AND key = ?').run(bucket, key)
      this.#record(existing, cause)
      return existing.segments.map((segment) => segment.file)
    })
  }

  /** Replaces the tags of an object. @throws S3Error `NoSuchKey`. */
  setTags(bucket: string, key: string, tags: Readonly<Record<string, string>>): void {
    const update = this.database.prepare('UPDATE objects SET tags = ? WHERE bucket = ? AND key = ?')
    if (update.run(JSON.stringify(tags), bucket, key).changes === 0)
      throw new S3Error('NoSuchKey', 'The specified key does not exist.')
  }

  #record(object: Omit<StoredObject, 'lastModified'>, cause: Cause): void {
    const notifies = this.database
      .prepare('SELECT 1 FROM buckets WHERE name = ? AND notifies = 1')
      .get(object.bucket)
    if (!notifies) return
    this.database
      .prepare(
        'INSERT INTO outbox (event_name, bucket, key, size, etag, request_id, source_ip, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        cause.eventName,
        object.bucket,
        object.key,
        object.size,
        object.etag,
        cause.requestId,
        cause.sourceIp,
        this.clock(),
      )
  }
}
