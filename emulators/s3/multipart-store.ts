import { createHash, randomUUID } from 'node:crypto'
import { inTransaction } from '../database.ts'
import { S3Error } from './errors.ts'
import type { Cause, ObjectAttributes, ObjectStore, Precondition } from './store.ts'

export interface StoredPart {
  readonly number: number
  readonly file: string
  readonly size: number
  readonly etag: string
  readonly lastModified: number
}

export interface OpenUpload {
  readonly id: string
  readonly bucket: string
  readonly key: string
  readonly initiated: number
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const minPartBytes = 5 * 1024 * 1024

/** Begins a multipart upload. @returns its id. */
export const createUpload = (
  store: ObjectStore,
  bucket: string,
  key: string,
  attributes: ObjectAttributes,
): string => {
  store.requireBucket(bucket)
  const id = randomUUID().replaceAll('-', '')
  store.database
    .prepare('INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?)')
    .run(id, bucket, key, JSON.stringify(attributes.headers), JSON.stringify(attributes.tags), store.clock())
  return id
}

/** @throws S3Error `NoSuchUpload` when the id does not belong to this key. */
export const requireUpload = (
  store: ObjectStore,
  bucket: string,
  key: string,
  id: string,
): ObjectAttributes => {
  const row = store.database
    .prepare('SELECT headers, tags FROM uploads WHERE id = ? AND bucket = ? AND key = ?')
    .get(id, bucket, key)
  if (!row)
    throw new S3Error(
      'NoSuchUpload',
      'The specified multipart upload does not exist. It may have been aborted or completed.',
    )
  return { headers: JSON.parse(String(row['headers'])), tags: JSON.parse(String(row['tags'])) }
}

/** Stores a part in place of an earlier one with its number. @returns the file that is left over, if any. */
export const putPart = (
  store: ObjectStore,
  upload: { bucket: string; key: string; id: string },
  part: Omit<StoredPart, 'lastModified'>,
): string[] =>
  inTransaction(store.database, () => {
    requireUpload(store, upload.bucket, upload.key, upload.id)
    const earlier = store.database
      .prepare('SELECT file FROM parts WHERE upload_id = ? AND number = ?')
      .get(upload.id, part.number)
    store.database
      .prepare('INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?)')
      .run(upload.id, part.number, part.file, part.size, part.etag, store.clock())
    return earlier ? [String(earlier['file'])] : []
  })

/** The parts of an upload with a number above `after`, in order. */
export const listParts = (store: ObjectStore, id: string, after = 0, limit = 10_000): StoredPart[] =>
  store.database
    .prepare('SELECT * FROM parts WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?')
    .all(id, after, limit)
    .map((row) => ({
      number: Number(row['number']),
      file: String(row['file']),
      size: Number(row['size']),
      etag: String(row['etag']),
      lastModified: Number(row['last_modified']),
    }))

/** The open uploads of a bucket, by key. */
export const listUploads = (store: ObjectStore, bucket: string, prefix: string): OpenUpload[] => {
  store.requireBucket(bucket)
  return store.database
    .prepare('SELECT id, bucket, key, initiated FROM uploads WHERE bucket = ? ORDER BY key, initiated')
    .all(bucket)
    .map((row) => ({
      id: String(row['id']),
      bucket: String(row['bucket']),
      key: String(row['key']),
      initiated: Number(row['initiated']),
    }))
    .filter((upload) => upload.key.startsWith(prefix))
}

const forget = (store: ObjectStore, id: string): void => {
  store.database.prepare('DELETE FROM parts WHERE upload_id = ?').run(id)
  store.database.prepare('DELETE FROM uploads WHERE id = ?').run(id)
}

/** Gives up an upload. @returns the files of its parts. */
export const abortUpload = (store: ObjectStore, bucket: string, key: string, id: string): string[] =>
  inTransaction(store.database, () => {
    requireUpload(store, bucket, key, id)
    const files = listParts(store, id).map((part) => part.file)
    forget(store, id)
    return files
  })

const choose = (
  stored: readonly StoredPart[],
  wanted: readonly { number: number; etag: string }[],
): StoredPart[] => {
  if (wanted.some(({ number }, index) => number <= (wanted[index - 1]?.number ?? 0)))
    throw new S3Error('InvalidPartOrder', 'The list of parts was not in ascending order')
  const byNumber = new Map(stored.map((part) => [part.number, part]))
  const parts = wanted.map(({ number, etag }) => {
    const part = byNumber.get(number)
    if (part?.etag !== etag)
      throw new S3Error('InvalidPart', 'One or more of the specified parts could not be found')
    return part
  })
  if (parts.slice(0, -1).some((part) => part.size < minPartBytes))
    throw new S3Error('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size')
  return parts
}

/**
 * Makes an object of the named parts without copying a byte: its segments are the part files.
 * @returns the new ETag (md5 of the parts' md5s, dash, their number) and the files left over.
 */
export const completeUpload = (
  store: ObjectStore,
  upload: { bucket: string; key: string; id: string },
  wanted: readonly { number: number; etag: string }[],
  cause: Cause,
  precondition: Precondition,
): { etag: string; leftOver: string[] } =>
  inTransaction(store.database, () => {
    const { bucket, key, id } = upload
    const attributes = requireUpload(store, bucket, key, id)
    const stored = listParts(store, id)
    const parts = choose(stored, wanted)
    const digest = createHash('md5')
    for (const part of parts) digest.update(part.etag, 'hex')
    const etag = `${digest.digest('hex')}-${parts.length}`
    const size = parts.reduce((total, part) => total + part.size, 0)
    const segments = parts.map(({ file, size: bytes }) => ({ file, size: bytes }))
    const replaced = store.replace(
      { bucket, key, segments, size, etag, checksums: {}, ...attributes },
      cause,
      precondition,
    )
    const used = new Set(parts.map((part) => part.file))
    const unused = stored.filter((part) => !used.has(part.file)).map((part) => part.file)
    forget(store, id)
    return { etag, leftOver: [...replaced, ...unused] }
  })
